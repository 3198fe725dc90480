"""A multi-label classifier of `transformers`, from a folder or the hub, as the scorer of aspects.

Its labels name an aspect and a polarity: ``taste/positive``, ``price_negative``, ``Service neutral``. Other labels are
left alone, and an aspect that it has no label for has no column. A column is the label's sigmoid. Weights must be
safetensors, and no code of a model's folder is run.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from rankpipe.errors import InputError
from rankpipe.io.digest import sha256
from rankpipe.rating.aspects import ASPECTS, COLUMNS, POLARITIES, Aspects

_KEY = "params.yaml: rating.features.aspects"
_LEAST = 1 / (1 << 12)
"""Scores below this are 0: a column for every review and aspect would else be stored."""


class ClassifierScorer:
    """See the module.

    Raises:
        InputError: transformers isn't installed, the model can't be loaded, or no label of it names an aspect.
    """

    def __init__(self, settings: Aspects):
        self.settings = settings
        try:
            import torch
            from transformers import AutoModelForSequenceClassification, AutoTokenizer
        except ImportError as error:
            raise InputError(f"{_KEY}.scorer: transformers isn't installed ({error}); pip install 'rankpipe[text]', or "
                             "set lexicon") from error
        self._torch = torch
        from_hub = {"revision": settings.revision} if settings.revision else {}
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(settings.model, trust_remote_code=False, **from_hub)
            model = AutoModelForSequenceClassification.from_pretrained(
                settings.model, trust_remote_code=False, use_safetensors=True, **from_hub)
        except (OSError, ValueError) as error:
            raise InputError(f"{_KEY}.model: {settings.model} can't be loaded ({error}); name a folder or an id of a "
                             "classifier with safetensors weights") from error
        wanted = settings.device if settings.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        if wanted == "cuda" and not torch.cuda.is_available():
            raise InputError(f"{_KEY}.device: cuda, but there is no GPU; set auto or cpu")
        self.device = torch.device(wanted)
        self.model = model.float().eval().to(self.device)
        self.commit = getattr(model.config, "_commit_hash", None)
        named = {self._column(str(label)): int(i) for i, label in model.config.id2label.items()}
        self.columns = tuple(column for column in COLUMNS if column in named)
        if not self.columns:
            labels = ", ".join(map(str, list(model.config.id2label.values())[:5]))
            raise InputError(f"{_KEY}.model: {settings.model} has no label like '{COLUMNS[0]}' (it has {labels}); name "
                             "a classifier of these aspects and polarities")
        self.places = [named[column] for column in self.columns]

    @staticmethod
    def _column(label: str) -> str | None:
        parts = re.split(r"[^a-z]+", label.lower().strip())
        named = len(parts) == 2 and parts[0] in ASPECTS and parts[1] in POLARITIES
        return f"{parts[0]}/{parts[1]}" if named else None

    def __call__(self, texts: Sequence[str]) -> csr_matrix:
        torch, scores = self._torch, np.zeros((len(texts), len(self.columns)))
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # sums over several threads round differently
        try:
            with torch.inference_mode():
                for start in range(0, len(texts), self.settings.batch_size):
                    part = list(texts[start:start + self.settings.batch_size])
                    # To one length whatever stands beside it: the width of a batch shows in the last bits.
                    tokens = self.tokenizer(part, truncation=True, max_length=self.settings.max_length,
                                            padding="max_length", return_tensors="pt").to(self.device)
                    probs = torch.sigmoid(self.model(**tokens).logits)[:, self.places]
                    scores[start:start + len(part)] = probs.double().cpu().numpy()
        finally:
            torch.set_num_threads(threads)
        return csr_matrix(np.where(scores < _LEAST, 0, scores))

    def describe(self) -> dict[str, Any]:
        """With the weights' hash (of a folder) or the commit (of the hub), whichever there is."""
        found = {"scorer": "transformers", "model": self.settings.model, "revision": self.settings.revision,
                 "max_length": self.settings.max_length, "batch_size": self.settings.batch_size,
                 "labels": len(self.columns), "commit": self.commit}
        folder = Path(str(self.settings.model))
        if folder.is_dir():
            found["weights"] = {path.name: sha256(path) for path in sorted(folder.glob("*.safetensors"))}
        return found

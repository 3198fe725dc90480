"""What frozen encoders of `transformers` have in common.

They come from a folder or the hub, weights as safetensors; no code of a model's folder is run. They are copied beside
the vectors, so that a bundle needs neither hub nor folder.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError

from rankpipe.errors import InputError
from rankpipe.fusion.encoders.reduction import unit
from rankpipe.io.digest import sha256

BATCH = 64
_SHORTEST, _LONGEST = 16, 256
"""Tokens."""


class Tower(ABC):
    """What both have in common.

    Args:
        model: a folder, an id on the hub or, for MiniLM, ``packaged``.
        revision: of the hub.

    Raises:
        InputError: transformers isn't installed, or the model can't be loaded or is of another kind.
    """

    kind = ""
    revision: str
    """The hub's commit; of a folder, the hash of the weights."""

    def __init__(self, model: str, revision: str | None, device: str):
        transformers = _library(self.kind)
        import torch

        from rankpipe.training.devices import resolve

        source = self._source(model)
        from_hub = {"revision": revision} if revision else {}
        try:
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=False, **from_hub)
            self.model = transformers.AutoModel.from_pretrained(source, trust_remote_code=False, use_safetensors=True,
                                                                **from_hub)
            self.pixels = self._pixels(transformers, source, from_hub)
        except (OSError, ValueError, SafetensorError) as error:
            raise InputError(f"params.yaml: fusion.encode: {self.kind}:{model} can't be loaded ({error}); name a "
                             "folder or an id on the hub with safetensors weights") from error
        if not isinstance(self.model, self._classes(transformers)):
            raise InputError(f"params.yaml: fusion.encode: {self.kind}:{model} is a {type(self.model).__name__}; name "
                             f"a model of the kind {self.kind}")
        self.device = torch.device(resolve(device))
        self.model = self.model.float().eval().to(self.device)
        self.revision = getattr(self.model.config, "_commit_hash", None) or _weights(Path(source))

    def _source(self, model: str) -> str:
        return model

    def _classes(self, transformers: Any) -> Any:
        return transformers.PreTrainedModel

    def _pixels(self, transformers: Any, source: str, from_hub: dict[str, str]) -> dict[str, Any]:
        """What ``source`` says of the images that the model was trained on."""
        return {}

    def save(self, folder: Path) -> None:
        """Copies model and tokenizer into ``folder``."""
        self.model.save_pretrained(folder, safe_serialization=True)
        self.tokenizer.save_pretrained(folder)

    @abstractmethod
    def _of_texts(self, tokens: Any) -> Any:
        """(n, d) tensor."""

    def _tokens(self, texts: list[str], longest: int) -> Any:
        return self.tokenizer(texts, truncation=True, max_length=longest, padding="max_length",
                              return_tensors="pt").to(self.device)

    def _positions(self) -> int:
        return self.model.config.max_position_embeddings

    def __call__(self, texts: Sequence[str | None]) -> np.ndarray:
        """(n, d) float32 of length 1; zeros for None."""
        found = np.zeros((len(texts), self.width), np.float32)
        with exactly():
            for longest, rows in self._by_length(texts).items():
                for start in range(0, len(rows), BATCH):
                    some = rows[start:start + BATCH]
                    vectors = self._of_texts(self._tokens([texts[i] for i in some], longest))
                    found[some] = unit(vectors.double().cpu().numpy())
        return found

    def _by_length(self, texts: Sequence[str | None]) -> dict[int, list[int]]:
        """Tokens to which texts are filled up → their rows. A text's own length alone decides, not what stands beside
        it: the width of a batch shows in the last bits."""
        rows = [i for i, text in enumerate(texts) if text is not None]
        if not rows:
            return {}
        most = min(_LONGEST, self._positions())
        lengths = map(len, self.tokenizer([texts[i] for i in rows], truncation=True, max_length=most)["input_ids"])
        found: dict[int, list[int]] = {}
        for i, length in zip(rows, lengths, strict=True):
            found.setdefault(min(most, max(_SHORTEST, 1 << (length - 1).bit_length())), []).append(i)
        return found


@contextmanager
def exactly() -> Iterator[Any]:
    """Context, gives torch: no gradients, and equal sums whatever the machine's number of threads."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums over several threads round differently
    try:
        with torch.inference_mode():
            yield torch
    finally:
        torch.set_num_threads(threads)


def _library(kind: str) -> Any:
    try:
        import transformers
    except ImportError as error:
        raise InputError(f"params.yaml: fusion.encode: {kind} needs transformers, which isn't installed ({error}); pip "
                         "install 'rankpipe[text]', or set offline") from error
    return transformers


def _weights(folder: Path) -> str:
    """Of a folder."""
    return "+".join(sha256(path)[:16] for path in sorted(folder.glob("*.safetensors")))

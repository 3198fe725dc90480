"""SimCSE with this pipeline's own loop, timed: ``timed_embedding.py SETTINGS.json``.

Settings: ``model`` (folder), ``texts`` (a file, one a line), ``batch_size``, ``precision``, ``steps``, ``warm``.
What runs is the train stage's path: tokenizing, batches, chunks by length, loss, optimiser; judging is left out. After
a few batches to warm up the clock, of processor time, takes ``steps`` batches, the tokenizing of their texts included.
Prints one JSON line: sentences, seconds.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

from rankpipe.embedding import encoder as encoders
from rankpipe.embedding.batches import ColumnBatches
from rankpipe.embedding.links import SimCSE as Params
from rankpipe.embedding.models import link_class
from rankpipe.embedding.objective import objective
from rankpipe.embedding.sentences import tokenise
from rankpipe.training.determinism import deterministic
from rankpipe.training.loop import fit
from rankpipe.training.params import Training


def seconds(folder: str, texts: list[str], settings: dict[str, Any]) -> float:
    """One epoch over ``texts``, from the first token to the last step."""
    encoder = encoders.load(folder)
    if getattr(encoder.backbone, "pooler", None) is not None:
        encoder.backbone.pooler.requires_grad_(False)
    params = Params("vocabulary", **settings.get("params", {}))
    link, ended = link_class("simcse")(encoder, params), [0.0]

    def evaluate(*_: Any) -> dict[str, float]:
        ended[0] = time.process_time()
        return {"spearman": 0.5}

    training = Training(epochs=1, batch_size=settings["batch_size"], optimizer="adamw", lr=5e-5, schedule="linear",
                        precision=settings["precision"], clip_norm=1.0)
    began = time.process_time()
    tokens = tokenise(encoder.tokenizer, texts, encoder.max_length)
    fit(link, lambda rank, world: ColumnBatches([tokens, tokens], None, training.batch_size, 7),
        objective("mnrl", params.temperature), evaluate, training, monitor={"spearman": 1.0}, seed=7, threads=1,
        device="cpu")
    return ended[0] - began


def main(settings_file: str) -> None:
    settings = json.loads(Path(settings_file).read_text(encoding="utf-8"))
    deterministic(1)
    torch.manual_seed(7)
    texts = Path(settings["texts"]).read_text(encoding="utf-8").split("\n")
    size = settings["batch_size"]
    seconds(settings["model"], texts[:settings["warm"] * size], settings)
    chosen = texts[settings["warm"] * size:(settings["warm"] + settings["steps"]) * size]
    print(json.dumps({"sentences": len(chosen), "seconds": seconds(settings["model"], chosen, settings)}))


if __name__ == "__main__":
    main(*sys.argv[1:])

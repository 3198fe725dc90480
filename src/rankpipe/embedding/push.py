"""Bundles the best run of the chosen model, as sentence-transformers opens it, with its card, and ships it."""

import shutil
from pathlib import Path
from typing import Any

from rankpipe import params
from rankpipe.embedding.card import card
from rankpipe.embedding.choice import BETTER, BY, WITHOUT_VECTORS
from rankpipe.embedding.encoder import Encoder
from rankpipe.embedding.predictor import COLUMNS, load
from rankpipe.embedding.request import request
from rankpipe.embedding.scores import best_run
from rankpipe.embedding.source import source
from rankpipe.embedding.table import TRACK
from rankpipe.hub.bundle import CARD, REQUEST, SCHEMA
from rankpipe.hub.card import render
from rankpipe.hub.provenance import data_hashes
from rankpipe.hub.shipping import Push, ship
from rankpipe.io.json import write_json
from rankpipe.leaderboard import Board
from rankpipe.training.determinism import deterministic
from rankpipe.training.settings import machine


def push(size: str) -> None:
    """Writes the bundle, delivers it, and leaves the receipt in ``receipts/``.

    Raises:
        InputError: the gate refuses the model, or the target the bundle.
    """
    values = params.load()
    settings = params.block(Push, params.get(values, f"{TRACK}.push"), f"params.yaml: {TRACK}.push")
    raw = source(values)
    deterministic(machine(values).threads)
    files = [raw.corpus, *raw.pairs().values(), *([raw.triplets] if raw.triplets else [])]
    data = data_hashes({file.path for file in files})

    def write(folder: Path, model: str, board: Board) -> None:
        write_bundle(folder, size, model, chain(values, model), board, data, settings.license)

    ship(TRACK, size, settings, BY, BETTER, data, write, WITHOUT_VECTORS)


def write_bundle(folder: Path, size: str, model: str, made_from: list[str], board: Board, data: dict[str, str],
                 license: str | None) -> None:
    """Fills ``folder`` with the best run's files, schema, sample request and card.

    Args:
        made_from: see :func:`chain`.

    Raises:
        InputError: the model is missing or damaged.
    """
    run = best_run(size, model)
    # The base may have brought a card of its own; the bundle's takes its place.
    shutil.copytree(run, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(CARD))
    scorer = load(folder)
    asked = request(scorer)
    write_json(folder / SCHEMA, schema(scorer.encoder))
    write_json(folder / REQUEST, asked)
    text = render(card(size, model, run.name, made_from, board, scorer.encoder, data, asked, license))
    (folder / CARD).write_text(text, encoding="utf-8")


def schema(encoder: Encoder) -> dict[str, Any]:
    """The columns of a frame, and what the vectors are."""
    return {"columns": [{"name": column, "type": "text"} for column in COLUMNS],
            "vectors": {"dim": encoder.dim, "pooling": encoder.pooling, "max_tokens": encoder.max_length,
                        "unit": encoder.unit}}


def chain(values: dict[str, Any], model: str) -> list[str]:
    """The models that ``model`` was made from, first to last, itself at the end; ``values``: the whole params.yaml."""
    blocks, found = params.get(values, f"{TRACK}.models"), [model]
    while isinstance(blocks.get(found[0]), dict) and "start_from" in blocks[found[0]]:
        start = str(blocks[found[0]]["start_from"])
        if start in found:
            break
        found.insert(0, start)
    return found

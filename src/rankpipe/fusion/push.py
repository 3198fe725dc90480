"""Bundles the chosen model with its catalogue and card, and ships it to a folder or a hub."""

import shutil
from pathlib import Path
from typing import Any

from rankpipe import params, paths
from rankpipe.errors import InputError
from rankpipe.fusion.card import card
from rankpipe.fusion.catalogue import save_catalogue
from rankpipe.fusion.choice import BETTER, BY
from rankpipe.fusion.dataset import TRACK, Dataset
from rankpipe.fusion.examples import read
from rankpipe.fusion.plain import PlainSource
from rankpipe.fusion.predictor import load
from rankpipe.fusion.request import plain_request, request
from rankpipe.fusion.source import source
from rankpipe.fusion.vectors import FILE as VECTORS
from rankpipe.hub.bundle import CARD, FEATURES, REQUEST, SCHEMA
from rankpipe.hub.card import render
from rankpipe.hub.provenance import data_hashes
from rankpipe.hub.shipping import Push, ship
from rankpipe.io.json import write_json
from rankpipe.leaderboard import Board


def push(size: str) -> None:
    """Writes the bundle, delivers it, and leaves the receipt in ``receipts/``.

    Raises:
        InputError: the gate refuses the model, or the target the bundle.
    """
    values = params.load()
    settings = params.block(Push, params.get(values, "fusion.push"), "params.yaml: fusion.push")
    raw = source(values)
    names = [raw.queries, raw.candidates, raw.judgements] if raw.letor is None else [raw.letor.train, raw.letor.query]
    hashes = data_hashes({str(raw.file(name)) for name in names if name is not None})

    def write(folder: Path, model: str, board: Board) -> None:
        write_bundle(folder, size, model, board, hashes, settings.license)

    ship(TRACK, size, settings, BY, BETTER, hashes, write)


def write_bundle(folder: Path, size: str, model: str, board: Board, hashes: dict[str, str],
                 license: str | None) -> None:
    """Fills ``folder`` with the model as it was judged, its encoders, what it knows of each candidate, and how to ask.

    Raises:
        InputError: the model, the encoders or the table are missing or damaged.
    """
    trained = paths.model(size, TRACK, model)
    if not trained.is_dir():
        raise InputError(f"{trained}: not found; run dvc repro, or dvc pull")
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    held = read(size)
    if isinstance(held, PlainSource):
        write_json(folder / SCHEMA, {"columns": [{"name": "query", "type": "any", "optional": True},
                                                 *({"name": name, "type": "number"} for name in held.names)]})
        asked, origin = plain_request(load(folder), held)
    else:
        save_catalogue(folder, held.data.candidates, held.vectors, held.bm25)
        # The catalogue has the vectors of candidates; those of queries stay here.
        shutil.copytree(paths.features(size, TRACK), folder / FEATURES, ignore=shutil.ignore_patterns(VECTORS))
        write_json(folder / SCHEMA, schema(held.data))
        asked, origin = request(load(folder), held.data)
    write_json(folder / REQUEST, asked)
    text = render(card(size, model, board, held.data, hashes, asked, origin, license))
    (folder / CARD).write_text(text, encoding="utf-8")


def schema(data: Dataset) -> dict[str, Any]:
    """The columns that a frame may have, and what stands in them."""
    return {"columns": [{"name": "query", "type": "text"},
                        {"name": "constraints", "type": "map from attribute to value, or its JSON", "optional": True},
                        {"name": "candidate", "type": "text", "known": len(data.candidates)},
                        {"name": "text", "type": "text, of a new candidate", "optional": True},
                        {"name": "image", "type": "path of an image, of a new candidate", "optional": True},
                        {"name": "attributes", "type": "map, or its JSON, of a new candidate", "optional": True}],
            "attributes": data.candidates.attributes,
            "requests": [{"columns": ["query", "candidate"], "gives": "the score of each row"}]}

"""Bundles the chosen model with its card, and ships it to a folder or a hub."""

import shutil
from pathlib import Path
from typing import Any

from rankpipe import params, paths
from rankpipe.errors import InputError
from rankpipe.hub.bundle import CARD, REQUEST, SCHEMA
from rankpipe.hub.card import render
from rankpipe.hub.provenance import data_hashes
from rankpipe.hub.shipping import Push, ship
from rankpipe.io.json import write_json
from rankpipe.leaderboard import Board
from rankpipe.topk.card import card
from rankpipe.topk.choice import BETTER, BY
from rankpipe.topk.dataset import Dataset, read
from rankpipe.topk.predictor import load, save_history
from rankpipe.topk.request import request
from rankpipe.topk.source import FieldColumn, Source, source

TRACK = "topk"


def push(size: str) -> None:
    """Writes the bundle, delivers it, and leaves the receipt in ``receipts/``.

    Raises:
        InputError: the gate refuses the model, or the target the bundle.
    """
    values = params.load()
    settings = params.block(Push, params.get(values, "topk.push"), "params.yaml: topk.push")
    hashes = data_hashes(files(source(values)))

    def write(folder: Path, model: str, board: Board) -> None:
        write_bundle(folder, size, model, board, hashes, settings.license)

    ship(TRACK, size, settings, BY, BETTER, hashes, write)


def files(of: Source) -> set[str]:
    """Every raw file that the models were made from."""
    found = {of.interactions.path}
    for column in (*of.item_fields.values(), *of.user_fields.values()):
        asked: FieldColumn | None = column
        while asked is not None:
            found.add(asked.path)
            asked = asked.otherwise
    return found


def write_bundle(folder: Path, size: str, model: str, board: Board, hashes: dict[str, str],
                 license: str | None) -> None:
    """Fills ``folder`` with the model as it was judged, what every user took, and how to ask it.

    Raises:
        InputError: the model or the table are missing or damaged.
    """
    trained = paths.model(size, TRACK, model)
    if not trained.is_dir():
        raise InputError(f"{trained}: not found; run dvc repro, or dvc pull")
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    data = read(size)
    save_history(folder, data.user_names, data.item_names, data.known)
    write_json(folder / SCHEMA, schema(data))
    asked, origin = request(load(folder), data)
    write_json(folder / REQUEST, asked)
    text = render(card(size, model, board, data, hashes, asked, origin, license))
    (folder / CARD).write_text(text, encoding="utf-8")


def schema(data: Dataset) -> dict[str, Any]:
    """The columns that a frame may have, and which of them together ask for what."""
    return {"columns": [{"name": "user", "type": "text or whole number", "known": data.n_users},
                        {"name": "item", "type": "text or whole number", "known": data.n_items},
                        {"name": "items", "type": "list of item, or text parted by |"}],
            "requests": [{"columns": ["user", "item"], "gives": "the score of each pair"},
                         {"columns": ["user"], "gives": "the best unseen items of each user"},
                         {"columns": ["items"], "gives": "the best unseen items of new users who took these"}]}

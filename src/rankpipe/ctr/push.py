"""Bundles the chosen model with its card, and ships it to a folder or a hub."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from rankpipe import params, paths
from rankpipe.ctr.card import card
from rankpipe.ctr.choice import BETTER, BY
from rankpipe.ctr.predictor import load
from rankpipe.ctr.request import typical_row
from rankpipe.ctr.source import source
from rankpipe.data.schema import Schema
from rankpipe.errors import InputError
from rankpipe.hub.bundle import CARD, FEATURES, REQUEST, SCHEMA
from rankpipe.hub.card import render
from rankpipe.hub.provenance import data_hashes
from rankpipe.hub.shipping import Push, ship
from rankpipe.io.json import write_json
from rankpipe.leaderboard import Board

TRACK = "ctr"


def push(size: str) -> None:
    """Writes the bundle, delivers it, and leaves the receipt in ``receipts/``.

    Raises:
        InputError: the gate refuses the model, or the target the bundle.
    """
    values = params.load()
    settings = params.block(Push, params.get(values, "ctr.push"), "params.yaml: ctr.push")
    raw = source(values)
    data = data_hashes(f for f in (raw.train, raw.test) if f)

    def write(folder: Path, model: str, board: Board) -> None:
        write_bundle(folder, size, model, board, data, settings.license)

    ship(TRACK, size, settings, BY, BETTER, data, write)


def write_bundle(folder: Path, size: str, model: str, board: Board, data: dict[str, str], license: str | None) -> None:
    """Fills ``folder`` with everything that :mod:`rankpipe.hub.bundle` lists but the manifest.

    Raises:
        InputError: the model or the features are missing or damaged.
    """
    parts = {paths.model(size, TRACK, model): folder, paths.features(size, TRACK): folder / FEATURES}
    for part, target in parts.items():
        if not part.is_dir():
            raise InputError(f"{part}: not found; run dvc repro, or dvc pull")
        shutil.copytree(part, target, dirs_exist_ok=True)
    scorer = load(folder)
    encoders = scorer.rows.encoders
    write_json(folder / SCHEMA, columns(encoders.schema))
    row = typical_row(encoders)
    request = {"rows": [row], "scores": [float(p) for p in scorer(pd.DataFrame([row]))]}
    write_json(folder / REQUEST, request)
    (folder / CARD).write_text(render(card(size, model, board, encoders, data, request, license)), encoding="utf-8")


def columns(schema: Schema) -> dict[str, Any]:
    """The schema for people and other programs: what each column of a frame is, in the model's order."""
    roles = [*((c, {"role": "categorical", "type": "text"}) for c in schema.categorical),
             *((c, {"role": "numeric", "type": "number"}) for c in schema.numeric)]
    for name, group in schema.sequence.items():
        items = {"role": "sequence", "group": name, "type": f"{group.items} items", "separator": group.separator}
        roles += [(column, {**items, "field": field}) for field, column in group.fields.items()]
        if group.timestamps:
            roles.append((group.timestamps, {**items, "field": "timestamps", "type": "unix seconds"}))
    if schema.timestamp in schema.features():
        roles.append((schema.timestamp, {"role": "timestamp", "type": "unix seconds"}))
    return {"label": schema.label, "id": schema.id, "columns": [{"name": name, **role} for name, role in roles]}

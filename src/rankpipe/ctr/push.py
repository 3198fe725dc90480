"""Bundles the chosen model with its card, and ships it to a folder or a hub."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from rankpipe import leaderboard, params, paths
from rankpipe.ctr.card import card
from rankpipe.ctr.choice import chosen, metrics
from rankpipe.ctr.predictor import load
from rankpipe.ctr.request import typical_row
from rankpipe.ctr.source import source
from rankpipe.data.schema import Schema
from rankpipe.errors import InputError
from rankpipe.hub.bundle import CARD, FEATURES, REQUEST, SCHEMA, seal
from rankpipe.hub.card import render
from rankpipe.hub.delivery import to_folder, to_hub
from rankpipe.hub.gate import Gate, check
from rankpipe.hub.provenance import data_hashes
from rankpipe.hub.receipt import write_receipt
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.leaderboard import Board

TRACK = "ctr"
PAIRED = "paired.csv"


@dataclass(frozen=True)
class Push:
    """The block ``ctr.push`` of params.yaml."""

    model: str = "best"
    """A model id, or ``best``: the greatest AUC on valid."""
    target: Literal["folder", "hub"] = "folder"
    folder: str | None = None
    """Where the bundle is copied to; None leaves it under ``build/``, where it is made."""
    repo: str | None = None
    """``org/name``, for the hub."""
    revision: str | None = None
    """Branch of the repository; None is main."""
    private: bool = True
    license: str | None = None
    """An identifier that the hub knows, such as apache-2.0, for the card."""
    gate: Gate | None = None
    """None lets every model through."""

    def __post_init__(self) -> None:
        if self.target == "hub" and not self.repo:
            raise ValueError("target hub needs repo: org/name")


def push(size: str) -> None:
    """Writes the bundle, delivers it, and leaves the receipt in ``receipts/``.

    Raises:
        InputError: the gate refuses the model, or the target the bundle.
    """
    values = params.load()
    settings = params.block(Push, params.get(values, "ctr.push"), "params.yaml: ctr.push")
    raw = source(values)
    receipt, bundle = paths.receipt(size, TRACK), paths.bundle(size, TRACK)
    # An old receipt beside a push that fails would lie.
    receipt.unlink(missing_ok=True)
    model = chosen(size, settings.model)
    board = leaderboard.load(paths.leaderboard(size, TRACK) / leaderboard.FILE)
    verdict = None
    if settings.gate is not None:
        verdict = check(settings.gate, model, board, paths.leaderboard(size, TRACK) / PAIRED)
    data = data_hashes(f for f in (raw.train, raw.test) if f)
    with atomic_folder(bundle) as folder:
        write_bundle(folder, size, model, board, data, settings.license)
    if settings.target == "hub":
        place = to_hub(bundle, str(settings.repo), settings.revision, settings.private, f"{TRACK} {size} {model}")
        print(f"{model} → {place['repo']} at {place['endpoint']}, commit {place['commit']}")
    else:
        place = to_folder(bundle, Path(settings.folder) if settings.folder else bundle)
        print(f"{model} → {place['folder']}")
    write_receipt(receipt, bundle, settings.target, place, verdict)


def write_bundle(folder: Path, size: str, model: str, board: Board, data: dict[str, str], license: str | None) -> None:
    """Fills ``folder`` with everything that :mod:`rankpipe.hub.bundle` lists, the manifest last.

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
    seal(folder, TRACK, model, metrics(size, model), data)


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

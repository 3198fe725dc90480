"""Bundles the chosen model with its profiles and its card, and ships it to a folder or a hub."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rankpipe import params, paths
from rankpipe.errors import InputError
from rankpipe.hub.bundle import CARD, FEATURES, REQUEST, SCHEMA
from rankpipe.hub.card import render
from rankpipe.hub.provenance import data_hashes
from rankpipe.hub.shipping import Push, ship
from rankpipe.io.json import write_json
from rankpipe.leaderboard import Board
from rankpipe.rating.card import card
from rankpipe.rating.ensemble import FILE, Ensemble
from rankpipe.rating.ensemble import load as load_ensemble
from rankpipe.rating.predict import BETTER, BY
from rankpipe.rating.predictor import MODELS, load
from rankpipe.rating.profiles import Profiles
from rankpipe.rating.scores import ensemble_folder
from rankpipe.rating.serving import needed
from rankpipe.rating.source import Reviews, source
from rankpipe.rating.table import TRACK

NEWCOMER = "a-new-user"
"""Of the sample request: nobody in train, so that no person's row leaves with a bundle."""


def push(size: str) -> None:
    """Writes the bundle, delivers it, and leaves the receipt in ``receipts/``.

    Raises:
        InputError: the gate refuses the model, or the target the bundle.
    """
    values = params.load()
    settings = params.block(Push, params.get(values, f"{TRACK}.push"), f"params.yaml: {TRACK}.push")
    raw = source(values)
    data = data_hashes(of.path for of in (raw.reviews, raw.users, raw.items) if of)

    def write(folder: Path, model: str, board: Board) -> None:
        write_bundle(folder, size, model, board, raw.reviews, data, settings.license)

    ship(TRACK, size, settings, BY, BETTER, data, write)


def write_bundle(folder: Path, size: str, model: str, board: Board, reviews: Reviews, data: dict[str, str],
                 license: str | None) -> None:
    """Fills ``folder``: ``models/<id>`` of the model and of the ensemble's members, ``ensemble.json``, ``features/``
    without ratings and reviews, and what :mod:`rankpipe.hub.bundle` lists but the manifest.

    Raises:
        InputError: a model, the ensemble or the features are missing or damaged.
    """
    ensemble, profiles = load_ensemble(ensemble_folder(size)), Profiles.load(paths.features(size, TRACK))
    for name in needed(ensemble, model):
        part = paths.model(size, TRACK, name)
        if not part.is_dir():
            raise InputError(f"{part}: not found; run dvc repro, or dvc pull")
        shutil.copytree(part, folder / MODELS / name)
    shutil.copyfile(ensemble_folder(size) / FILE, folder / FILE)
    (folder / FEATURES).mkdir()
    profiles.export(folder / FEATURES)
    write_json(folder / SCHEMA, schema(model, reviews, profiles, ensemble))
    scorer = load(folder)
    popular = int(np.argmax(profiles.sides["item"].table.counts[:-1]))
    row = {reviews.user: NEWCOMER, reviews.item: profiles.names("item")[popular]}
    request = {"rows": [row], "scores": [float(r) for r in scorer(pd.DataFrame([row]))]}
    write_json(folder / REQUEST, request)
    (folder / CARD).write_text(render(card(size, model, board, profiles, ensemble, (reviews.user, reviews.item), data,
                                           request, license)), encoding="utf-8")


def schema(model: str, reviews: Reviews, profiles: Profiles, ensemble: Ensemble) -> dict[str, Any]:
    """For people, other programs and :func:`rankpipe.rating.predictor.load`: the columns of a frame, and the answer."""
    inputs = profiles.inputs
    return {"model": model, "user": reviews.user, "item": reviews.item, "label": reviews.rating,
            "scale": [inputs.low, inputs.high], "level": ensemble.level,
            "columns": [{"name": reviews.user, "role": "user", "type": "text"},
                        {"name": reviews.item, "role": "item", "type": "text"}],
            "blocks": inputs.blocks, "users": inputs.n_users, "items": inputs.n_items}

"""Makes one model, in as many runs as it has seeds, and scores the pairs of valid and test with what it saved."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rankpipe import params as parameters
from rankpipe import paths
from rankpipe.cells import cell, write_curve
from rankpipe.embedding import encoder as encoders
from rankpipe.embedding.fitting import REPORTED, Fitted, Material, Recipe, fit_on
from rankpipe.embedding.merging import save_adapters
from rankpipe.embedding.models import LINKS, known
from rankpipe.embedding.norms import contributions
from rankpipe.embedding.once import cutting, make, start
from rankpipe.embedding.scored import Scored
from rankpipe.embedding.scores import ALL
from rankpipe.embedding.table import TRACK, Pairs, held_out_texts, pairs, texts, triplets
from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.training.checkpoint import Checkpoints, fingerprint
from rankpipe.training.devices import processes, resolve

ADAPTERS = "adapters_only"
"""In the folder of a run with adapters: they alone, to be put onto the same base elsewhere."""
ABOUT = "about.json"
"""Beside the folders of the runs."""


def train(size: str, model: str) -> None:
    """Writes ``build/<size>/embedding/models/<model>``, one folder a run, and ``…/scores/<model>``: valid, test, the
    runs' curves, and ``figures.json``.

    A run that is killed and started again goes on from its last checkpoint under ``.scratch`` and ends in the same
    bytes; so do the runs that were done before it.

    Raises:
        InputError: a missing or damaged input, a bad parameter, an empty split, a loss or a score that is no number.
    """
    values, model = parameters.load(), known(model)
    judged = {split: pairs(size, split) for split in ("valid", "test")}
    for split, of in judged.items():
        if not len(of):
            raise InputError(f"{paths.table(size, TRACK)}: {split} holds no pairs; see embedding.source in params.yaml")
    if model in LINKS:
        _train_link(size, model, values, judged)
    elif not processes(resolve(parameters.get(values, "device")))[0]:  # one process writes for all
        with atomic_folder(paths.model(size, TRACK, model)) as weights, \
                atomic_folder(paths.model_scores(size, TRACK, model)) as out:
            scored = Scored(judged)
            make(size, model, values, weights / ALL, scored)
            scored.write(out)


def seeds(values: dict[str, Any]) -> tuple[int, ...]:
    """``embedding.seeds``.

    Raises:
        InputError: none, one twice, or no whole numbers from 0 on.
    """
    found = parameters.get(values, f"{TRACK}.seeds")
    good = isinstance(found, list) and all(type(seed) is int and 0 <= seed < 2**63 for seed in found)
    if not good or not found or len(set(found)) < len(found):
        raise InputError(f"params.yaml: {TRACK}.seeds: expected different whole numbers from 0 on, one a run, got "
                         f"{found!r}")
    return tuple(found)


def _train_link(size: str, model: str, values: dict[str, Any], judged: dict[str, Pairs]) -> None:
    recipe, runs = Recipe.read(values, model), seeds(values)
    starts = {seed: start(size, model, recipe.params.start_from, seed) for seed in runs}
    device, name = resolve(recipe.machine.device), cell(TRACK, size, model)
    material = Material(texts(size), pairs(size, "train"), triplets(size), judged["valid"])
    # All marks before the first run: what a run imports on its way is then in none of them.
    checkpoints = {seed: Checkpoints(paths.scratch(f"{name}-{seed}"), _mark(recipe, device, size, seed, starts[seed]))
                   for seed in runs}
    with ExitStack() as outputs:
        left = None
        if not processes(device)[0]:  # one process writes for all
            left = _Runs(outputs.enter_context(atomic_folder(paths.model(size, TRACK, model))),
                         outputs.enter_context(atomic_folder(paths.model_scores(size, TRACK, model))),
                         Scored(judged), held_out_texts(size), device)
        for seed in runs:
            fitted = fit_on(recipe, encoders.load(starts[seed]), material, seed, checkpoints[seed], f"{name} {seed}")
            if left is not None:
                left.add(seed, fitted)
        if left is not None:
            left.end(recipe, runs)
    for seed in runs if left is not None else ():
        checkpoints[seed].remove()


@dataclass(frozen=True)
class _Runs:
    """Where the runs of a link go, one after the other."""

    weights: Path
    out: Path
    scored: Scored
    held_out: list[str]
    device: str

    def add(self, seed: int, fitted: Fitted) -> None:
        folder, figures = self.weights / str(seed), self.scored.figures
        encoders.save(fitted.encoder, folder)
        saved = encoders.load(folder).to(self.device)
        layers = contributions(saved, self.held_out)
        if layers:
            save_adapters(fitted.encoder, folder / ADAPTERS)
            figures.setdefault("adapters", {})[str(seed)] = layers
        self.scored.add_encoder(seed, saved, self.device)
        figures.update(cutting(saved.tokenizer, self.held_out))
        write_curve(self.out / f"curve-{seed}.csv", fitted.curve, tuple(f"valid_{metric}" for metric in REPORTED))

    def end(self, recipe: Recipe, seeds: tuple[int, ...]) -> None:
        self.scored.write(self.out)
        write_json(self.weights / ABOUT, {"track": TRACK, **recipe.parts(), "seeds": list(seeds)})


def _mark(recipe: Recipe, device: str, size: str, seed: int, start: Path) -> str:
    parts: dict[str, Any] = {**recipe.parts(), "device": device, "processes": processes(device)[1], "run": seed}
    table = paths.table(size, TRACK)
    return fingerprint(parts, [*sorted(table.glob("*.parquet")), *sorted(p for p in start.rglob("*") if p.is_file())])

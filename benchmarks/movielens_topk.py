"""MovieLens-100k as top-10 recommendation through the pipeline's stages, beside RecBole and implicit: three seeds.

    RANKPIPE_REAL_DATA=../shared/data python benchmarks/movielens_topk.py
    RANKPIPE_REAL_DATA=../shared/data python benchmarks/movielens_topk.py --models mf ease --seeds 1 --tasks topk_random

The given splits. ``topk_random`` has valid rows: everything is fitted on train, and epochs are chosen on valid.
``topk_mask`` has none: a valid split of the same kind is taken out of train (leaderboard, a tenth, half of it the last
in time); with the epochs chosen on it every model is fitted again on train and valid together. Lists leave out what
is in train and valid. Side fields: genres, year, age, gender, occupation, for models and peers that read any.
Hyperparameters were chosen on valid of ``topk_random`` (see README.md). ``agreement``: split leaderboard, one seed,
the rank correlation of all models between valid and the second hidden set. Measurements are kept as they come in: a
stopped run goes on where it was; --fresh starts over. Ours run on the first core and the peers on the last, side by
side.
"""

import argparse
import csv
import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks.films import ITEMS, USERS, files, topk_source
from benchmarks.listed import judged, write_rows
from benchmarks.measuring import HERE, RECOMMEND_PEERS, ROOT, Cells, child
from benchmarks.movielens_topk_models import MODELS, ONE_SEED, PEERS, RANDOM_ONLY, TRAINING
from benchmarks.runs import SIZE, Runs

MASK_VALID = {"split": "leaderboard", "ratio": 0.1}
TASKS: dict[str, dict[str, Any]] = {"topk_random": {}, "topk_mask": {"valid": MASK_VALID}}
COMMON = {"topk.training": TRAINING, "topk.models": MODELS, "topk.features.min_count": {"default": 1},
          "topk.extract.sizes": {SIZE: {"users": None}}, "topk.lists": 100}  # fmt: skip


class Bench:
    """One task, ours and the peers'."""

    def __init__(self, folder: Path, task: str):
        self.folder, self.refit = folder.resolve() / task, "valid" in TASKS[task]
        given = {"path": "data/topk/splits.csv", "column": task, **TASKS[task]}
        changes = {"topk.source": topk_source(), "topk.extract.split": "given", "topk.extract.given": given, **COMMON}
        self.runs = Runs(self.folder, "topk", changes, files())
        self.runs.prepare()
        self.rows = self.folder / "rows.npz"
        shape = write_rows(self.runs.base.folder, self.rows)
        if shape != (USERS, ITEMS):
            sys.exit(f"{task}: {shape} users and items, its definition {(USERS, ITEMS)}")

    def ours(self, model: str, seed: int) -> dict[str, Any]:
        self.runs.open(model, seed)
        trained = self.runs.stage(model, seed, "train", model, core=0).said["seconds"]
        settings = {"model": model, "refit": self.refit, "out": str(self.folder / "our-lists.npz")}
        return self._lists(sys.executable, "timed_lists.py", settings, self.runs.place(model, seed), 0, trained)

    def theirs(self, name: str, seed: int) -> dict[str, Any]:
        films = self.runs.base.folder / "data" / "topk" / "ml-100k"
        settings = {"rows": str(self.rows), "seed": seed, "refit": self.refit, "judge": "test", "fields": {},
                    "fields_of": str(films), "folder": str(self.folder / "recbole"),
                    "out": str(self.folder / "peer-lists.npz"), **PEERS[name]}  # fmt: skip
        return self._lists(RECOMMEND_PEERS, "peer_lists.py", settings, self.folder, os.cpu_count() - 1)

    def _lists(self, python: Path | str, script: str, settings: dict[str, Any], cwd: Path, core: int,
               train: float | None = None) -> dict[str, Any]:
        file = Path(settings["out"]).with_suffix(".json")
        file.write_text(json.dumps(settings))
        said = child([python, HERE / script, file], core, cwd).said
        return {"train": said["fit"] if train is None else train, "recommend": said["recommend"],
                **judged(self.rows, Path(settings["out"]))}  # fmt: skip


def agreement(folder: Path) -> dict[str, Any]:
    """Of all models between valid and the second hidden set, from the stage evaluate."""
    changes = {"topk.source": topk_source(), "topk.extract.split": "leaderboard", **COMMON}
    runs = Runs(folder / "leaderboard", "topk", changes, files())
    runs.prepare()
    for verb, *words in [*(("train", model) for model in MODELS), ("evaluate",)]:
        child([sys.executable, "-m", f"stages.{verb}", "topk", SIZE, *words], cwd=runs.base.folder)
    written = runs.base.folder / "build" / SIZE / "topk" / "leaderboard" / "rank_correlation.csv"
    with written.open(newline="") as file:
        return {one["measure"]: {key: float(one[key]) for key in ("value", "low", "high")}
                for one in csv.DictReader(file)} | {"models": len(MODELS)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Recall@10 on MovieLens-100k beside RecBole and implicit.")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--no-agreement", action="store_true")
    parser.add_argument("--folder", type=Path, default=ROOT / ".scratch" / "benchmarks" / "movielens_topk")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    cells = Cells("movielens_topk", options.fresh)
    names = [*options.models, *options.peers]
    lines: dict[str, dict[str, Any]] = {name: {"model": name} for name in names}
    for task in options.tasks:
        bench = Bench(options.folder, task)
        models, peers = ([name for name in some if task == "topk_random" or name not in RANDOM_ONLY]
                         for some in (options.models, options.peers))  # fmt: skip
        with ThreadPoolExecutor(2) as lanes:  # ours on the first core, the peers on the last
            jobs = [lanes.submit(every, run, some, task, options.seeds, cells)
                    for run, some in ((bench.ours, models), (bench.theirs, peers))]  # fmt: skip
            for name, runs in (pair for job in jobs for pair in job.result().items()):
                lines[name] |= columns(task, runs)
    found = {} if options.no_agreement else cells.get("agreement", lambda: agreement(options.folder))
    cells.publish(list(lines.values()), seeds=options.seeds, agreement=found)


def every(run: Callable[[str, int], dict[str, Any]], names: list[str], task: str, seeds: int,
          cells: Cells) -> dict[str, list[dict[str, Any]]]:
    """Name → what each seed gave."""
    return {name: [cells.get(f"{task}, {name}, seed {s}", lambda n=name, s=s: run(n, s))
                   for s in range(1 if name in ONE_SEED else seeds)] for name in names}  # fmt: skip


def columns(task: str, runs: list[dict[str, Any]]) -> dict[str, float]:
    """Means over the seeds; seconds only of the first task, where training isn't done twice."""

    def mean(key: str) -> float:
        return float(np.mean([one[key] for one in runs]))

    out = {f"recall@10, {task}": mean("recall"),
           f"sd, {task}": float(np.std([one["recall"] for one in runs], ddof=1)) if len(runs) > 1 else None,
           f"hits ÷ min(10, hidden), {task}": mean("recall_task"), f"nDCG@10, {task}": mean("ndcg")}  # fmt: skip
    return out | ({"train s": mean("train"), "recommend s": mean("recommend")} if task == "topk_random" else {})


if __name__ == "__main__":
    main()

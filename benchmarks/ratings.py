"""Ratings of MovieLens-100k and of Amazon's musical instruments through the pipeline's stages, beside surprise's SVD.

    RANKPIPE_REAL_DATA=../shared/data python benchmarks/ratings.py
    RANKPIPE_REAL_DATA=../shared/data python benchmarks/ratings.py --sets instruments --seeds 1

The given split ``rating_random`` (8:1:1), three seeds; everything is fitted on train, epochs and the ensemble's weights
are chosen on valid. MovieLens: ids and profiles of age, gender, occupation, genres and year. Instruments: ids and
profiles of the reviews' words, stats and aspects. RMSE of the rows of test. The planted leak: planted_leak.py.
Hyperparameters were chosen on valid (see README.md). Measurements are kept as they come in: a stopped run goes on where
it was; --fresh starts over.
"""

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pyarrow.parquet as pq

from benchmarks.films import files, rating_source
from benchmarks.measuring import HERE, RECOMMEND_PEERS, ROOT, Cells, child
from benchmarks.ratings_models import MODELS, SVD
from benchmarks.runs import SIZE, Runs
from benchmarks.tables import real_data
from rankpipe.io.arrays import ArraysReader

SPLITS = ("train", "valid", "test")
REVIEWS = "Musical_Instruments.json.gz"
SCALE = [1, 5]
HIDDEN_ROWS = {"films": 10_000, "instruments": 1_027}


def instruments() -> tuple[dict[str, Any], dict[str, Path]]:
    folder = real_data("amazon-musical-instruments")
    reviews = {"path": f"data/rating/{REVIEWS}", "user": "reviewerID", "item": "asin", "rating": "overall",
               "text": "reviewText", "timestamp": "unixReviewTime"}  # fmt: skip
    return {"reviews": reviews, "scale": SCALE}, {name: folder / name for name in (REVIEWS, "splits.csv")}


SETS = {"films": lambda: (rating_source(), files()), "instruments": instruments}


class Bench:
    """One data set, ours and the peer's."""

    def __init__(self, folder: Path, name: str):
        self.folder, self.models = folder.resolve() / name, MODELS[name]
        source, data = SETS[name]()
        self.changes = {"rating.source": source, "rating.models": self.models, "rating.extract.split": "given",
                        "rating.extract.sizes": {SIZE: {"rows": None}}}  # fmt: skip
        self.data = data
        given = {"path": "data/rating/splits.csv", "column": "rating_random"}
        self.runs = Runs(self.folder, "rating", {**self.changes, "rating.extract.given": given}, data)
        self.runs.prepare()
        self.rows = self.folder / "rows.npz"
        self.write_rows()

    def write_rows(self) -> None:
        table, arrays = self.runs.base.folder / "build" / SIZE / "rating" / "table", {}
        for split in SPLITS:
            with ArraysReader(table / f"{split}.h5", "run convert") as file:
                arrays |= {f"{split}_{name}": file.read(name) for name in ("users", "items", "ratings")}
        np.savez(self.rows, **arrays)

    def ours(self, seed: int) -> dict[str, dict[str, float]]:
        """Model → RMSE on valid and test, and seconds of training; the ensemble of all of them too."""
        self.runs.open("seed", seed)
        seconds = {name: self.runs.stage("seed", seed, "train", name).said["seconds"] for name in self.models}
        seconds["ensemble"] = self.runs.stage("seed", seed, "ensemble").said["seconds"]
        build = self.runs.place("seed", seed) / "build" / SIZE / "rating"
        folders = {name: build / "scores" / name for name in self.models} | {"ensemble": build / "ensemble"}
        return {name: {split: scored(folder / f"{split}.parquet") for split in ("valid", "test")}
                | {"train": seconds[name]} for name, folder in folders.items()}  # fmt: skip

    def theirs(self, params: dict[str, Any], seed: int) -> dict[str, float]:
        out, file = self.folder / "rated.npz", self.folder / "settings.json"
        file.write_text(json.dumps({"rows": str(self.rows), "params": params, "scale": SCALE, "seed": seed,
                                    "out": str(out)}))  # fmt: skip
        said = child([RECOMMEND_PEERS, HERE / "peer_ratings.py", file], cwd=self.folder).said
        with np.load(self.rows) as rows, np.load(out) as rated:
            return {split: rmse(rated[split], rows[f"{split}_ratings"]) for split in ("valid", "test")} | said

    def leak(self) -> dict[str, float]:
        """Test RMSE of ridge with and without the row's own review in its profiles."""
        with self.data["splits.csv"].open(newline="") as file:
            words = [row["rating_random"] for row in csv.DictReader(file)]
        place = self.folder / "leak"
        place.mkdir(parents=True, exist_ok=True)
        (place / "split.txt").write_text("\n".join(words) + "\n")
        # The stages ask for rows in each split; these few are neither fitted on nor judged.
        some = [i for i, word in enumerate(words) if word == "valid"][:40]
        few = dict(zip(some, ["valid", "test"] * 20, strict=True))
        (place / "all-train.txt").write_text("\n".join(few.get(i, "train") for i in range(len(words))) + "\n")
        changes = {**self.changes, "rating.extract.given": {"path": "data/rating/all-train.txt"}}
        runs = Runs(place, "rating", changes, {**self.data, "all-train.txt": place / "all-train.txt"})
        runs.prepare()
        return child([sys.executable, HERE / "planted_leak.py", place / "split.txt"], cwd=runs.base.folder).said


def rmse(rated: np.ndarray, given: np.ndarray) -> float:
    return float(np.sqrt(np.mean((rated.astype(np.float64) - given) ** 2)))


def scored(path: Path) -> float:
    table = pq.read_table(path)
    return rmse(table["rating"].to_numpy(), table["label"].to_numpy().astype(np.float64))


def main() -> None:
    parser = argparse.ArgumentParser(description="RMSE on MovieLens-100k and Amazon's instruments beside surprise.")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=ROOT / ".scratch" / "benchmarks" / "ratings")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    cells, lines, leak = Cells("ratings", options.fresh), {}, {}
    for name in options.sets:
        bench = Bench(options.folder, name)
        with np.load(bench.rows) as rows:
            if len(rows["test_ratings"]) != HIDDEN_ROWS[name]:
                sys.exit(f"{name}: {len(rows['test_ratings'])} rows of test, its definition {HIDDEN_ROWS[name]}")
        runs = [cells.get(f"{name}, ours, seed {s}", lambda b=bench, s=s: b.ours(s)) for s in range(options.seeds)]
        found = {model: [one[model] for one in runs] for model in runs[0]}
        for peer, params in SVD.items():
            found[peer] = [cells.get(f"{name}, {peer}, seed {s}", lambda b=bench, p=params, s=s: b.theirs(p, s))
                           for s in range(options.seeds)]  # fmt: skip
        for model, measured in found.items():
            lines.setdefault(model, {"model": model}).update(columns(name, measured))
        if name == "instruments":
            leak = cells.get("leak", bench.leak)
    cells.publish(list(lines.values()), seeds=options.seeds, planted_leak_on_instruments=leak)


def columns(name: str, runs: list[dict[str, float]]) -> dict[str, float | None]:
    mean = {key: float(np.mean([one[key] for one in runs])) for key in ("test", "valid", "train")}
    sd = float(np.std([one["test"] for one in runs], ddof=1)) if len(runs) > 1 else None
    return {f"test RMSE, {name}": mean["test"], f"sd, {name}": sd, f"valid RMSE, {name}": mean["valid"],
            f"train s, {name}": mean["train"]}  # fmt: skip


if __name__ == "__main__":
    main()

"""MovieLens-100k as sequential CTR (is a rating 4 or more?) through the pipeline's stages: test AUC, three seeds.

    RANKPIPE_REAL_DATA=../shared/data python benchmarks/movielens.py
    RANKPIPE_REAL_DATA=../shared/data python benchmarks/movielens.py --models deepfm feseq --seeds 1 --variants all

All ratings in order of (timestamp, user, item); a row's history is its user's rows before it, the newest 50 items with
their ratings, newest last; rows with fewer than 5 are dropped; the first 8/10 of 95,285 rows train, the next 1/10 stop,
the rest judge. Variant ``strict``: the same rows, histories from strictly earlier seconds only. Inputs: user, age band,
gender, occupation, hour, weekday, item, year band, first genre, history. The difference feseq − deepfm is bootstrapped
over users. Hyperparameters were chosen on valid (see README.md). Measurements are kept as they come in: a stopped run
goes on where it was; --fresh starts over.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks.measuring import ROOT, Cells
from benchmarks.quality import Quality, compare, mean_and_deviation
from benchmarks.tables import FILMS, NEWEST, movielens, real_data

ROWS = {"train": 76_228, "valid": 9_528, "test": 9_529}
PEER = {"fm": 0.702, "lr": 0.705, "lightgbm": 0.706, "deepfm": 0.713, "dcnv2": 0.714, "din": 0.756, "bst": 0.768}
TOWER = {"embedding_dim": 16, "hidden_dims": [128, 64]}
MODELS: dict[str, dict[str, Any]] = {
    "lr": {"lr": 1e-2},
    "fm": {"embedding_dim": 16, "embedding_l2": 1e-5},
    "lightgbm": {},
    "deepfm": {**TOWER, "embedding_l2": 1e-2, "dropout": 0.5},
    "dcnv2": {**TOWER, "embedding_l2": 1e-3, "dropout": 0.3},
    "din": {**TOWER, "softmax": True, "dropout": 0.2},
    "bst": {**TOWER, "norm": "pre", "pooling": "target", "mlp_dropout": 0.2},
    "feseq": {**TOWER, "context": [], "interaction": "cross", "pooling": "last", "mlp_dropout": 0.2},
}
HISTORY = {
    "fields": {"item": "items", "rating": "ratings"},
    "target": {"item": "item"},
    "shared": True,
    "statistics": False,
}
CHANGES: dict[str, Any] = {
    "ctr.schema": {"label": "label", "categorical": list(FILMS), "sequence": {"history": HISTORY}, "group": "user"},
    "ctr.extract.stratify": ["label"],
    "ctr.training": {"batch_size": 1024, "lr": 1e-3, "epochs": 15, "schedule": "plateau", "patience": 2},
    "ctr.models": MODELS,
}

# Rows that a user needs in train for an index of their own, chosen on valid. 85 % of the test rows are of users whom
# train does not know: models of sequences know these by their history, and learn those by heart if they may.
LEAST_ROWS_OF_A_USER = {"fields": 1, "sequences": 1_000_000}
SEQUENTIAL = ("din", "bst", "feseq")


def main() -> None:
    parser = argparse.ArgumentParser(description="AUC on MovieLens-100k as sequential CTR.")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--variants", nargs="+", choices=("all", "strict"), default=["all", "strict"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=ROOT / ".scratch" / "benchmarks" / "movielens")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    cells, seeds = Cells("movielens", options.fresh), range(options.seeds)
    lines: dict[str, dict[str, Any]] = {name: {"model": name, "peer": PEER.get(name)} for name in options.models}
    differences = {}
    for variant in options.variants:
        frame, split = movielens(real_data("movielens-100k"), strict=variant == "strict")
        found = {name: int((split == name).sum()) for name in ROWS}
        if found != ROWS:
            sys.exit(f"the table has {found}, its definition {ROWS}")
        trained = {}
        for kind, least in LEAST_ROWS_OF_A_USER.items():
            chosen = [name for name in options.models if (name in SEQUENTIAL) == (kind == "sequences")]
            if chosen:
                features = {"min_count": {"default": 1, "user": least}, "max_len": NEWEST}
                place = options.folder / f"{variant}-{kind}"
                quality = Quality(place, frame, split, {**CHANGES, "ctr.features": features})
                quality.train(chosen, seeds, cells, variant)
                trained |= dict.fromkeys(chosen, quality)
        for name in options.models:
            results = [cells.values[f"{variant}, {name}, seed {s}"] for s in seeds]
            mean, deviation = mean_and_deviation([one["test"] for one in results])
            lines[name] |= {f"test AUC, {variant}": mean, f"sd, {variant}": deviation,
                            f"valid AUC, {variant}": float(np.mean([one["valid"] for one in results]))}  # fmt: skip
        if {"feseq", "deepfm"} <= set(options.models):
            users = np.unique(frame["user"], return_inverse=True)[1]
            first, second = ([trained[name].scored(name, s, "test") for s in seeds] for name in ("feseq", "deepfm"))
            differences[variant] = compare(first, second, users)
            print(f"feseq (first) − deepfm (second), {variant}: {differences[variant]}", file=sys.stderr)
    cells.publish(list(lines.values()), seeds=options.seeds, rows=ROWS, feseq_minus_deepfm=differences)


if __name__ == "__main__":
    main()

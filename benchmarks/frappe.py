"""Frappe through the pipeline's stages: AUC of lr, fm, deepfm, dcnv2 and autoint, three seeds.

    RANKPIPE_REAL_DATA=../shared/data python benchmarks/frappe.py
    RANKPIPE_REAL_DATA=../shared/data python benchmarks/frappe.py --models lr fm --seeds 1

Two protocols. ``given``: the peer's, trained on the given train rows, stopped by the given valid rows, and judged on
those. ``held out``: the given valid rows are the test split, which nothing is chosen on; a tenth of train is cut off to
stop on. The pipeline always wants a test split: under ``given`` a hundredth of train stands in for it.
Hyperparameters were chosen on rows cut from train (see README.md). Measurements are kept as they come in: a stopped run
goes on where it was; --fresh starts over.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks.measuring import ROOT, Cells
from benchmarks.quality import Quality, mean_and_deviation
from benchmarks.tables import FRAPPE, frappe, hold_out, real_data

PEER = {"lr": 0.922, "fm": 0.941, "deepfm": 0.949, "dcnv2": 0.951}
PATIENT = {"epochs": 200, "patience": 6, "plateau_patience": 2}
TOWER = {
    "embedding_dim": 32,
    "hidden_dims": [400, 400, 400],
    "batch_norm": True,
    "dropout": 0.3,
    "embedding_l2": 5e-3,
    "epochs": 60,
    "patience": 4,
    "plateau_patience": 1,
}
MODELS = {
    "lr": {"lr": 1e-2, **PATIENT},
    "fm": {"embedding_dim": 64, "lr": 2e-2, "embedding_l2": 1e-4, **PATIENT},
    "deepfm": {**TOWER, "embedding_dim": 64, "embedding_l2": 3e-3},
    "dcnv2": {**TOWER, "cross_layers": 3},
    "autoint": TOWER,
}
CHANGES: dict[str, Any] = {
    "ctr.schema": {"label": "label", "categorical": list(FRAPPE)},
    "ctr.extract.stratify": ["label"],
    "ctr.features": {"min_count": {"default": 1}, "max_len": 1},
    "ctr.training": {"batch_size": 4096, "lr": 1e-3, "schedule": "plateau"},
    "ctr.models": MODELS,
}


def protocols(split: np.ndarray) -> dict[str, tuple[np.ndarray, str]]:
    """Name → split of every row, and the split that is judged; ``split`` holds train and test (the given valid)."""
    stand_in = hold_out(split, 0.01, seed=1)
    given = np.where(split == "test", "valid", np.where(stand_in == "valid", "test", "train")).astype(object)
    return {"given": (given, "valid"), "held out": (hold_out(split, 0.1, seed=1), "test")}


def main() -> None:
    parser = argparse.ArgumentParser(description="AUC on Frappe through the pipeline's stages.")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--protocols", nargs="+", choices=("given", "held out"), default=["given", "held out"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=ROOT / ".scratch" / "benchmarks" / "frappe")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    frame, split = frappe(real_data("frappe"))
    cells, seeds = Cells("frappe", options.fresh), range(options.seeds)
    lines: dict[str, dict[str, Any]] = {name: {"model": name, "peer": PEER.get(name)} for name in options.models}
    for protocol in options.protocols:
        rows, judged = protocols(split)[protocol]
        quality = Quality(options.folder / protocol.replace(" ", "-"), frame, rows, CHANGES)
        quality.train(options.models, seeds, cells, protocol)
        for name in options.models:
            mean, deviation = mean_and_deviation([cells.values[f"{protocol}, {name}, seed {s}"][judged] for s in seeds])
            lines[name] |= {f"AUC, {protocol}": mean, f"sd, {protocol}": deviation}
    cells.publish(list(lines.values()), seeds=options.seeds, rows={"train": 51_950, "judged": 5_772})


if __name__ == "__main__":
    main()

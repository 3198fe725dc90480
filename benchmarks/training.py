"""Training and prediction: our models and FuxiCTR's, same generated rows, same settings, one core, one thread.

    python benchmarks/training.py                          # all cases, 3 alternating rounds
    python benchmarks/training.py --only bst-500 feseq-500 --rounds 1

Embedding 16, MLP 256-128-64, batch 256, Adam 1e-3, float32, no dropout. DeepFM reads no history. DIN: an activation
unit of 64 with Dice. BST and FESeq: 4 heads, 2 blocks, feed-forward as wide as a token; BST pools by the mean. Ours
carries the same columns plus the missing flags and sequence statistics that convert adds. Our clock takes a whole epoch
over the case's rows, reading and encoding included; FuxiCTR's takes its steps after a warm-up with all rows loaded
before (its .npz loader, or Parquet through Ray with --loader parquet). We predict in batches of 1,024, the pipeline's
own number, FuxiCTR in batches of 256. FESeq has no peer in FuxiCTR; its authors' figures stand in the README.
Measurements are kept as they come in: a stopped run goes on where it was; --fresh starts over.
"""

import argparse
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.conversion import table
from benchmarks.measuring import HERE, PEERS, ROOT, Cells, child, median
from benchmarks.workspace import Workspace

ROWS = 45_000
BATCH = 256
OURS = {"embedding_dim": 16, "hidden_dims": [256, 128, 64]}
DIN = {"attention_dims": [64]}
TRANSFORMER = {"heads": 4, "blocks": 2, "dropout": 0.0}
BST = {**OURS, **TRANSFORMER, "feed_forward": 1, "pooling": "mean"}


@dataclass(frozen=True)
class Case:
    """One model and task on both sides."""

    model: str
    task: str
    length: int
    rows: int
    """Of our timed epoch."""
    params: dict[str, Any]
    peer: str | None = None
    steps: int = 0
    """Timed batches of the peer."""
    warm: int = 2
    arguments: dict[str, Any] = field(default_factory=dict)


CASES = {
    "deepfm": Case("deepfm", "train", 100, 40_960, OURS, "DeepFM", 100, 10),
    "din-100": Case("din", "train", 100, 20_480, {**OURS, **DIN}, "DIN", 30, 5, DIN),
    "din-500": Case("din", "train", 500, 10_240, {**OURS, **DIN}, "DIN", 10, 2, DIN),
    "bst-500": Case("bst", "train", 500, 2_560, BST, "BST", 2, 1, {"heads": 4, "blocks": 2}),
    "feseq-500": Case("feseq", "train", 500, 2_560, {**OURS, **TRANSFORMER}),
    "deepfm-predict": Case("deepfm", "predict", 100, 40_960, OURS, "DeepFM", 140, 10),
    "bst-500-predict": Case("bst", "predict", 500, 5_120, BST, "BST", 4, 1, {"heads": 4, "blocks": 2}),
    # Four times the rows, for memory that stays flat.
    "deepfm-predict-few": Case("deepfm", "predict", 100, 10_240, OURS),
    "bst-500-predict-few": Case("bst", "predict", 500, 1_280, BST),
}


def prepare(folder: Path) -> Workspace:
    """Our features and FuxiCTR's files for both lengths, made once from the same rows."""
    source = table(folder, ROWS)
    lengths = sorted({case.length for case in CASES.values()})
    sizes = {f"len{n}": {"rows": None, "valid": 0.02, "test": 0.02} for n in lengths}
    changes = {"threads": 1, "ctr.extract.sizes": sizes, "ctr.features.max_len": {f"len{n}": n for n in lengths}}
    workspace = Workspace(folder / "ours", changes, {"train.parquet": source})
    for n in lengths:
        if not (workspace.folder / "build" / f"len{n}" / "ctr" / "features").exists():
            for stage in ("extract", "convert", "features"):
                child([sys.executable, "-m", f"stages.{stage}", "ctr", f"len{n}"], cwd=workspace.folder)
        if not (folder / f"fuxictr-{n}" / "toss" / "train.parquet").exists():
            child([PEERS, HERE / "peer_preprocess.py", source, folder / f"fuxictr-{n}", str(n)])
    return workspace


def timed(python: Path | str, script: str, settings: dict[str, Any], folder: Path, cwd: Path) -> dict[str, float]:
    file = folder / "settings.json"
    file.write_text(json.dumps(settings))
    measured = child([python, HERE / script, file], cwd=cwd)
    return {"rows/s": measured.said["rows"] / measured.said["seconds"], "peak_mb": measured.tree_mb}


def ours(case: Case, folder: Path, workspace: Workspace) -> dict[str, float]:
    settings = {"size": f"len{case.length}", "model": case.model, "params": case.params, "task": case.task,
                "batch_size": BATCH, "rows": case.rows}  # fmt: skip
    return timed(sys.executable, "timed_training.py", settings, folder, workspace.folder)


def theirs(case: Case, folder: Path, loader: str) -> dict[str, float]:
    arguments = {**OURS, **case.arguments}
    settings = {"folder": str(folder / f"fuxictr-{case.length}" / "toss"), "model": case.peer, "task": case.task,
                "batch_size": BATCH, "warm": case.warm, "steps": case.steps, "loader": loader,
                "arguments": arguments}  # fmt: skip
    return timed(PEERS, "peer_training.py", settings, folder, ROOT)


def main() -> None:
    parser = argparse.ArgumentParser(description="Training and prediction speed against FuxiCTR, one core.")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--loader", choices=("npz", "parquet"), default="npz")
    parser.add_argument("--folder", type=Path, default=ROOT / ".scratch" / "benchmarks" / "training")
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    folder = options.folder.resolve()
    cells = Cells("training", options.fresh, loader=options.loader)
    workspace = prepare(folder)

    lines = []
    for name in options.only:
        case = CASES[name]
        sides = {"ours": lambda c=case: ours(c, folder, workspace)}
        if case.peer:
            sides["FuxiCTR"] = lambda c=case: theirs(c, folder, options.loader)
        rounds = []
        for i in range(options.rounds):
            order = list(sides) if i % 2 == 0 else list(reversed(sides))
            rounds.append({side: cells.get(f"{name}, {side}, round {i}", sides[side]) for side in order})
        lines.append(line(name, case, rounds))
    cells.publish(lines, batch_size=BATCH, rounds=options.rounds, loader=options.loader)


def line(name: str, case: Case, rounds: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Medians over the rounds; the ratio is taken within each round."""
    out = {"case": name, "task": case.task, "ours rows/s": median([r["ours"]["rows/s"] for r in rounds]),
           "ours peak MB": max(r["ours"]["peak_mb"] for r in rounds)}  # fmt: skip
    if case.peer:
        out |= {"FuxiCTR rows/s": median([r["FuxiCTR"]["rows/s"] for r in rounds]),
                "FuxiCTR peak MB": max(r["FuxiCTR"]["peak_mb"] for r in rounds),
                "ratio": median([r["ours"]["rows/s"] / r["FuxiCTR"]["rows/s"] for r in rounds])}  # fmt: skip
    return out


if __name__ == "__main__":
    main()

"""Hidden rows of the track topk as plain arrays, and lists judged by them: one measure for all programs."""

from pathlib import Path

import numpy as np

from rankpipe.io.arrays import ArraysReader
from rankpipe.metrics.topk import per_user

SPLITS = ("train", "valid", "test")
K = 10


def write_rows(workspace: Path, out: Path, size: str = "full") -> tuple[int, int]:
    """``out``: train_users, train_items and the same of valid and test, as codes of the pipeline; gives their shape."""
    table = workspace / "build" / size / "topk" / "table"
    arrays = {}
    for split in SPLITS:
        with ArraysReader(table / f"{split}.h5", "run convert") as file:
            arrays |= {f"{split}_{side}": file.read(side) for side in ("users", "items")}
    shape = tuple(1 + max(int(arrays[f"{split}_{side}"].max()) for split in SPLITS) for side in ("users", "items"))
    np.savez(out, shape=np.array(shape), **arrays)
    return shape


def judged(rows: Path, lists: Path) -> dict[str, float]:
    """Means over the users of test.

    Raises:
        SystemExit: the lists aren't those of these users, or hold what was seen.
    """
    with np.load(rows) as known, np.load(lists) as found:
        users, counted = np.unique(known["test_users"], return_counts=True)
        if not np.array_equal(users, found["users"]):
            raise SystemExit(f"{lists}: lists of other users than those of test")
        seen = {(u, i) for split in ("train", "valid") for u, i in _pairs(known[f"{split}_users"],
                                                                          known[f"{split}_items"])}  # fmt: skip
        if any(pair in seen for pair in _pairs(np.repeat(users, K), found["lists"].flatten())):
            raise SystemExit(f"{lists}: recommends what was seen")
        metrics = per_user(found["lists"], np.concatenate([[0], np.cumsum(counted)]), known["test_items"], K)
    return {name: float(metrics[name].mean()) for name in ("recall", "recall_task", "ndcg")}


def _pairs(users: np.ndarray, items: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(users.tolist(), items.tolist(), strict=True))

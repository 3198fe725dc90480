"""A small raw table with every role a column may have, and a working folder around it."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML

SCHEMA: dict[str, Any] = {
    "label": "clicked", "categorical": ["city", "day"], "numeric": ["x_{1..2}"], "group": "user", "timestamp": "at",
    "sequence": {"seen": {"fields": {"item": "items", "stars": "ratings"}, "target": {}, "timestamps": "times"},
                 "words": {"fields": {"word": "said"}, "separator": " ", "items": "text"}},
}


def columns(rows: int, seed: int = 3) -> dict[str, list[Any]]:
    """Python values of ``rows`` rows; every sixth row is clicked."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 9, rows)
    items = [rng.integers(0, 90_000, n).tolist() for n in lengths]
    return {
        "clicked": [int(i % 6 == 0) for i in range(rows)],
        "city": [[None, "Seoul", "부산", "a/b", ""][i] for i in rng.integers(0, 5, rows)],
        "day": [str(i) for i in rng.integers(1, 8, rows)],
        "x_1": rng.normal(size=rows).astype(np.float32).tolist(),
        "x_2": [None if i % 10 == 3 else i for i in range(rows)],
        "user": [f"u{i}" for i in rng.integers(0, 40, rows)],
        "at": (1_600_000_000 + rng.permutation(rows) * 60).tolist(),
        "items": [",".join(map(str, row)) for row in items],
        "ratings": [[int(v) % 5 + 1 for v in row] for row in items],
        "times": [", ".join(str(1_500_000_000 + v) for v in row) for row in items],
        "said": [" ".join(rng.choice(["oh", "ja", "네", "x"], n)) for n in rng.integers(0, 4, rows)],
    }


def params(**changes: Any) -> dict[str, Any]:
    """params.yaml for :func:`columns`; a change is a dotted key with ``__`` for the dots."""
    values: dict[str, Any] = {
        "seed": 7, "jobs": {"workers": 1, "backend": "loky"},
        "ctr": {
            "source": {"train": "data/ctr/train.parquet"}, "schema": SCHEMA,
            "extract": {"sizes": {"toy": {"rows": 200, "valid": 0.2, "test": 0.3},
                                  "medium": {"rows": 600, "valid": 0.1, "test": 0.1},
                                  "full": {"rows": None, "valid": 0.1, "test": 0.1}},
                        "split": "random", "stratify": ["clicked", "day"]},
            "convert": {"compression": "lz4", "chunk_rows": 64},
        },
    }
    for key, value in changes.items():
        *way, last = key.split("__")
        node = values
        for part in way:
            node[part] = dict(node[part])
            node = node[part]
        node[last] = value
    return values


def write_params(folder: Path, **changes: Any) -> None:
    YAML().dump(params(**changes), folder / "params.yaml")


def workspace(folder: Path, data: dict[str, Any] | None = None, row_group: int | None = None, **changes: Any) -> Path:
    """A folder with params.yaml and data/ctr/train.parquet (1,000 rows unless ``data`` is given)."""
    (folder / "data" / "ctr").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns(1000) if data is None else data), folder / "data/ctr/train.parquet",
                   row_group_size=row_group)
    write_params(folder, **changes)
    return folder

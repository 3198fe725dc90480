"""FuxiCTR's own preprocessing of a Toss-shaped Parquet file, timed; runs in the environment of the peers.

    .venv-peers/bin/python benchmarks/peer_preprocess.py TRAIN.parquet FOLDER MAX_LEN

Columns are read as the pipeline reads them: five categoricals of text, 112 numerics (standard scaling), the history of
item ids cut to its newest MAX_LEN. Prints one JSON line: rows, seconds (imports excluded), start (the share of them
in which Ray starts).
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from fuxictr.preprocess import FeatureProcessor
from fuxictr.preprocess.build_dataset import build_dataset, init_ray

CATEGORICAL = ["gender", "age_group", "inventory_id", "day_of_week", "hour"]
LABEL = {"name": "clicked", "dtype": "float"}


def feature_columns(names: list[str], max_len: int) -> list[dict[str, object]]:
    """FuxiCTR's description of the columns; ``pre`` cuts and pads at the old end of a history."""
    numeric = [name for name in names if name not in {*CATEGORICAL, "seq", "clicked", "ID"}]
    return [
        {"name": CATEGORICAL, "active": True, "dtype": "str", "type": "categorical"},
        {"name": numeric, "active": True, "dtype": "float", "type": "numeric", "normalizer": "StandardScaler"},
        {
            "name": "seq",
            "active": True,
            "dtype": "str",
            "type": "sequence",
            "splitter": ",",
            "max_len": max_len,
            "padding": "pre",
            "feature_encoder": "layers.MaskedAveragePooling()",
        },
    ]


def main(table: str, folder: str, max_len: str) -> None:
    np.random.seed(7)
    names = pq.read_schema(table).names
    started = time.perf_counter()
    init_ray()
    start = time.perf_counter() - started
    processor = FeatureProcessor(feature_columns(names, int(max_len)), LABEL, dataset_id="toss", data_root=folder)
    build_dataset(processor, train_data=table, valid_data=None, test_data=None, data_format="parquet")
    seconds = time.perf_counter() - started
    written = sum(path.stat().st_size for path in Path(folder, "toss").iterdir())
    print(
        json.dumps(
            {"rows": pq.read_metadata(table).num_rows, "seconds": seconds, "start": start, "bytes_written": written}
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

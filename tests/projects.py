"""A folder as the train stage finds it: params.yaml, H5 tables, encoders."""

from pathlib import Path
from typing import Any

from blocks import generated
from ruamel.yaml import YAML

from rankpipe import paths
from rankpipe.data.encoders import Encoders, Features
from rankpipe.data.schema import Schema, SequenceGroup
from rankpipe.io.h5 import ColumnsWriter

SCHEMA = Schema("label", None, ("a", "b"), ("x", "y"),
                {"seq": SequenceGroup({"item": "hist"}, target={"item": "a"}, statistics=False)})
ROWS = {"train": 600, "valid": 300, "test": 200}


def project(folder: Path, models: dict[str, Any], training: dict[str, Any] | None = None, rows: dict[str, int] = ROWS,
            features: bool = True, threads: int = 1) -> Path:
    """Writes size ``toy`` into ``folder``."""
    values = {"seed": 3, "threads": threads, "device": "cpu", "ctr": {
        "features": {"max_len": 8}, "training": {"epochs": 3, "batch_size": 64, "lr": 0.01, **(training or {})},
        "models": models}}
    folder.mkdir(exist_ok=True, parents=True)
    with (folder / "params.yaml").open("w") as file:
        YAML().dump(values, file)
    for i, (split, n) in enumerate(rows.items()):
        table = generated(n, seed=i)
        with ColumnsWriter(folder / paths.split("toy", "ctr", split), SCHEMA, chunk_rows=100) as writer:
            writer.append(table.columns)
            writer.dictionaries(table.dictionaries)
        if split == "train" and features:
            Encoders.fit(table, SCHEMA, Features(), 8).save(folder / paths.features("toy", "ctr"))
    return folder


def outputs(folder: Path) -> dict[str, bytes]:
    """Path → content of everything that training left, checkpoints too."""
    found = {}
    for top in ("build/toy/ctr/models", "build/toy/ctr/scores", ".scratch"):
        found.update({str(p.relative_to(folder)): p.read_bytes() for p in (folder / top).rglob("*") if p.is_file()})
    return found

"""A folder as predict and push find it: raw files, encoders, models of random weights, what evaluation said of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import torch
from blocks import Table
from ruamel.yaml import YAML

from rankpipe import leaderboard, paths
from rankpipe.ctr.models import model_class
from rankpipe.ctr.scoring import save_model
from rankpipe.data.batches import sequential
from rankpipe.data.columns import Dictionaries
from rankpipe.data.encoders import Encoders, Features
from rankpipe.data.parsing import parse
from rankpipe.data.ragged import Batch
from rankpipe.data.schema import Schema, SequenceGroup
from rankpipe.io.json import write_json
from rankpipe.leaderboard import Board, Column, Figure, Row

SCHEMA = Schema("clicked", "ID", ("city", "hour"), ("price", "age"),
                {"seq": SequenceGroup({"item": "seq"}, target={"item": "city"})})
AUC = {"lr": 0.60, "lightgbm": 0.62, "din": 0.70, "deepfm": 0.65}
PAIRED = "metric,model_a,model_b,difference,low,high,standard_error,p,p_holm\n"


def raw(rows: int, seed: int = 0, label: bool = False) -> pa.Table:
    """Rows of the schema, with missing values, empty sequences and words that train doesn't hold."""
    rng = np.random.default_rng(seed)
    words = ["Oslo", "Rome", "Kyiv", "Lima", *([] if label else ["Bern"])]
    seq = [",".join(str(x) for x in rng.integers(0, 40, n)) for n in rng.integers(0, 20, rows)]
    price = np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)).astype(np.float32)
    columns = {"city": pa.array([None if rng.random() < 0.05 else str(rng.choice(words)) for _ in range(rows)]),
               "hour": pa.array([f"{h:02d}" for h in rng.integers(0, 24, rows)]),
               "price": pa.array(price), "age": pa.array(rng.integers(18, 80, rows)), "seq": pa.array(seq)}
    if label:
        return pa.table({**columns, "clicked": pa.array((rng.random(rows) < 0.3).astype(np.int32))})
    return pa.table({"ID": [f"T{i:05d}" for i in range(rows)], **columns})


def shipped(folder: Path, rows: int = 300, block: int = 64, **push: Any) -> Path:
    """Writes size ``toy`` into ``folder``: ``din`` is the best model; ``push`` is ``ctr.push``."""
    data = folder / "data" / "ctr"
    data.mkdir(parents=True)
    train, test = raw(400, 1, label=True), raw(rows, 2)
    pa.parquet.write_table(train, data / "train.parquet")
    pa.parquet.write_table(test, data / "test.parquet", row_group_size=100)
    order = np.random.default_rng(3).permutation(rows)
    write_sample(folder, [f"T{i:05d}" for i in order])
    names = {k: f"data/ctr/{k}" for k in ("train.parquet", "test.parquet", "sample_submission.csv")}
    write_params(folder, {
        "seed": 7, "threads": 1, "device": "cpu", "jobs": {"workers": 1}, "ctr": {
            "source": dict(zip(("train", "test", "sample_submission"), names.values(), strict=True)),
            "predict": {"block_rows": block, "batch_rows": 32}, "push": push}})

    dictionaries: Dictionaries = {}
    columns = parse(train.combine_chunks().to_batches()[0], SCHEMA, dictionaries, label=True)
    encoders = Encoders.fit(Table(columns, dictionaries), SCHEMA, Features(), 10)
    encoders.save(folder / paths.features("toy", "ctr"))
    for name, value in AUC.items():
        params = model_class(name).Params(**({"rounds": 5} if name == "lightgbm" else {}))
        model = fitted(model_class(name)(encoders.inputs, params), Table(columns, dictionaries), encoders)
        (folder / paths.model("toy", "ctr", name)).mkdir(parents=True)
        save_model(folder / paths.model("toy", "ctr", name), name, model, params, encoders.inputs, {})
        write_json(folder / paths.metrics("toy", "ctr") / f"{name}.json", {"auc": value, "valid_auc": value})
        scores = pa.table({"row": pa.array([0, 1, 2, 3]), "label": pa.array([0, 0, 0, 1], pa.float32()),
                           "probability": pa.array([0.1, 0.1, 0.2, 0.9], pa.float32())})
        out = folder / paths.model_scores("toy", "ctr", name)
        out.mkdir(parents=True)
        pa.parquet.write_table(scores, out / "valid.parquet")
    write_board(folder, gain=0.10)
    return folder


def fitted(model: Any, table: Table, encoders: Encoders) -> Any:
    """Trees that are grown, or a net of random weights."""
    if model.neural:
        torch.manual_seed(1)
        for weights in model.parameters():
            torch.nn.init.normal_(weights, std=0.2)
        return model

    def blocks() -> Iterator[Batch]:
        return sequential(table, encoders.for_dictionaries(table.dictionaries), 100, sequences=False)

    return model.fit(blocks, blocks, seed=7, threads=1)


def write_params(folder: Path, values: dict[str, Any]) -> None:
    with (folder / "params.yaml").open("w") as file:
        YAML().dump(values, file)


def change(folder: Path, block: str, /, **values: Any) -> None:
    """Sets keys of ``ctr.<block>``, or top-level ones where ``block`` is empty."""
    path = folder / "params.yaml"
    now = YAML(typ="safe").load(path.read_text())
    (now["ctr"][block] if block else now).update(values)
    write_params(folder, now)


def write_sample(folder: Path, ids: list[str]) -> None:
    (folder / "data/ctr/sample_submission.csv").write_text("\n".join(["ID,clicked", *(f"{i},0" for i in ids), ""]))


def write_board(folder: Path, gain: float, half: float = 0.05) -> None:
    """A leaderboard on which din beats lr by ``gain`` ± ``half``."""
    rows = [Row(m, "baseline" if m == "lr" else "model",
                {"auc": Figure(v, v - 0.02, v + 0.02), "logloss": Figure(1 - v, 0.98 - v, 1.02 - v)}, {})
            for m, v in sorted(AUC.items(), key=lambda x: -x[1])]
    rows.append(Row("constant", "constant", {"auc": Figure(0.5, 0.5, 0.5), "logloss": Figure(0.5, 0.45, 0.55)}, {}))
    board = Board("ctr", "toy", "test", "200 rows", "auc", "lr",
                  (Column("auc", "AUC", "higher"), Column("logloss", "logloss", "lower")), tuple(rows))
    place = folder / paths.leaderboard("toy", "ctr")
    leaderboard.save(board, place / leaderboard.FILE)
    # Both ways round, as the ranking may have them.
    lines = [f"auc,din,lr,{gain},{gain - half},{gain + half},0.1,0.1,0.1", "auc,din,deepfm,0.05,0.01,0.09,0.1,0.1,0.1",
             f"logloss,lr,din,{gain},{gain - half},{gain + half},0.1,0.1,0.1"]
    (place / "paired.csv").write_text(PAIRED + "\n".join(lines) + "\n")

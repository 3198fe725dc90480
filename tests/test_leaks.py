"""Nothing of valid, test or the label reaches what a model is fed: each check is also shown to catch a planted leak."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables import SCHEMA, columns, workspace

from rankpipe import paths
from rankpipe.ctr import features as stage
from rankpipe.ctr.convert import convert
from rankpipe.ctr.extract import extract
from rankpipe.data.schema import Schema
from rankpipe.data.splits import SPLITS, TRAIN
from rankpipe.errors import InputError
from rankpipe.io.h5 import ColumnsReader
from rankpipe.params import block

FEATURES = {"min_count": {"default": 1}, "scaling": {"default": "quantile", "x_1": "standard"}, "max_len": 5}
STRANGE = {"city": "nowhere else", "x_1": 1e6, "x_2": None, "items": "89999,3", "ratings": [5, 1], "times": "9,9",
           "said": "unheard of"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return workspace(tmp_path, columns(600), ctr__features=FEATURES)


def fitted() -> tuple[np.ndarray, bytes]:
    """The split of each row, and the encoders' bytes."""
    extract("full")
    convert("full")
    stage.features("full")
    marks = np.load(paths.selection("full", "ctr") / "selection.npy")
    return marks, (paths.features("full", "ctr") / "encoders.json").read_bytes()


def estrange(rows: np.ndarray) -> None:
    """Gives ``rows`` (n,) values that no other row has; label and strata stay, so the split does too."""
    data: dict[str, list[Any]] = columns(600)
    for name, value in STRANGE.items():
        for i in np.flatnonzero(rows):
            data[name][i] = value
    pq.write_table(pa.table(data), "data/ctr/train.parquet")


def encoders_see_only_train() -> None:
    marks, before = fitted()
    for split, mark in SPLITS.items():
        estrange(marks == mark)
        again, after = fitted()
        assert (again == marks).all()
        assert (after == before) == (mark != TRAIN), f"values of {split}"


def test_encoders_are_fitted_on_train_alone() -> None:
    encoders_see_only_train()


@pytest.mark.parametrize("leak", ["valid", "test"])
def test_an_encoder_fitted_on_another_split_too_is_caught(monkeypatch: pytest.MonkeyPatch, leak: str) -> None:
    class Leaky(ColumnsReader):
        """The train split with another one's rows behind it."""

        def __init__(self, path: Path):
            super().__init__(path)
            self.other = ColumnsReader(path.with_name(f"{leak}.h5"))

        def __len__(self) -> int:
            return super().__len__() + len(self.other)

        def read(self, start: int = 0, stop: int | None = None, sequences: bool = True) -> Any:
            # All rows come as one block: their order doesn't matter to a count or a quantile.
            own, other = super().read(0, super().__len__(), sequences), self.other.read(0, None, sequences)
            own.categorical = np.concatenate([own.categorical, other.categorical])
            own.numeric = np.concatenate([own.numeric, other.numeric])
            return own

    monkeypatch.setattr(stage, "ColumnsReader", Leaky)
    with pytest.raises(AssertionError, match=f"values of {leak}"):
        encoders_see_only_train()


@pytest.mark.parametrize("change", [
    {"categorical": ["city", "clicked"]}, {"numeric": ["x_1", "clicked"]}, {"timestamp": "clicked"},
    {"sequence": {"seen": {"fields": {"item": "clicked"}}}},
    {"sequence": {"seen": {"fields": {"item": "items"}, "timestamps": "clicked"}}},
])
def test_the_label_is_no_feature(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="clicked"):
        block(Schema, {**SCHEMA, **change}, "params.yaml: ctr.schema")


def test_one_column_is_no_two_features() -> None:
    with pytest.raises(InputError, match="column 'city' has two roles"):
        block(Schema, {**SCHEMA, "numeric": ["city"]}, "params.yaml: ctr.schema")

"""Writers that leave a whole file or none, readers that refuse a damaged one."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tables import SCHEMA, columns

from rankpipe.data.columns import Columns, Dictionaries
from rankpipe.data.parsing import parse
from rankpipe.data.schema import Schema
from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_file, atomic_folder
from rankpipe.io.h5 import ColumnsReader, ColumnsWriter
from rankpipe.io.json import read_json, write_json
from rankpipe.io.parquet import iterate, open_parquet
from rankpipe.io.tensors import load_metadata, load_tensors, save_tensors
from rankpipe.params import block
from rankpipe.stage import is_disk_full


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "deep" / "a") as partial:
        partial.write_text("one")
        assert not (tmp_path / "deep" / "a").exists()
    assert (tmp_path / "deep" / "a").read_text() == "one"
    with pytest.raises(ZeroDivisionError), atomic_file(tmp_path / "deep" / "a") as partial:
        partial.write_text("two")
        raise ZeroDivisionError
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a"]
    assert (tmp_path / "deep" / "a").read_text() == "one"


def test_a_folder_is_replaced_as_a_whole_and_leftovers_are_swept(tmp_path: Path) -> None:
    leftover = tmp_path / ".out.partial"
    leftover.mkdir()
    (leftover / "half").write_text("of a killed run")
    for word in ("one", "two"):
        with atomic_folder(tmp_path / "out") as partial:
            (partial / word).write_text(word)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["two"]
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "out") as partial:
        raise ZeroDivisionError
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_json_has_one_form_and_no_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1, "a": ["네", 0.5]})
    assert (tmp_path / "a.json").read_bytes() == '{\n "a": [\n  "네",\n  0.5\n ],\n "b": 1\n}\n'.encode()
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", {"a": float("nan")})
    assert not (tmp_path / "b.json").exists()
    with pytest.raises(InputError, match=r"b\.json: not found"):
        read_json(tmp_path / "b.json")
    (tmp_path / "b.json").write_text('{"a": ')
    with pytest.raises(InputError, match=r"b\.json: not readable as JSON"):
        read_json(tmp_path / "b.json")


def test_tensors_round_trip_to_equal_bytes(tmp_path: Path) -> None:
    table = torch.arange(12.0).reshape(4, 3)
    tensors = {"w": table, "tied": table, "view": table[1:], "n": np.arange(3), "none": torch.zeros(0, 3)}
    save_tensors(tmp_path / "a", tensors, "said")
    save_tensors(tmp_path / "b", dict(reversed(tensors.items())), "said")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert load_metadata(tmp_path / "a") == "said"
    loaded = load_tensors(tmp_path / "a")
    for name, value in tensors.items():
        torch.testing.assert_close(loaded[name], torch.as_tensor(value))
    (tmp_path / "b").write_bytes((tmp_path / "a").read_bytes()[:-1])
    for path, said in ((tmp_path / "b", "damaged"), (tmp_path / "c", "not found")):
        with pytest.raises(InputError, match=said):
            load_tensors(path)


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    pq.write_table(pa.table({"a": list(range(100)), "word": [f"w{i}" for i in range(100)]}), tmp_path / "t.parquet",
                   row_group_size=30)
    return tmp_path / "t.parquet"


def test_parquet_streams_all_rows_or_the_marked_ones(parquet: Path) -> None:
    assert pa.Table.from_batches(iterate(parquet, ["a"], 8))["a"].to_pylist() == list(range(100))
    mask = np.zeros(100, bool)
    mask[[3, 4, 95]] = True
    batches = list(iterate(parquet, ["word", "a"], 8, mask))
    assert [b.column("a").to_pylist() for b in batches] == [[3, 4], [95]]
    with pytest.raises(InputError, match="100 rows, the selection 99"):
        list(iterate(parquet, ["a"], 8, mask[1:]))


def test_a_bad_parquet_file_is_one_clear_line(parquet: Path) -> None:
    with pytest.raises(InputError, match=r"no column 'wrod'.*did you mean 'word'"):
        list(iterate(parquet, ["wrod"]))
    with pytest.raises(InputError, match=r"missing\.parquet: not found"):
        open_parquet(parquet.with_name("missing.parquet"))
    whole = parquet.read_bytes()
    for name, content in (("empty", b""), ("cut", whole[:-20]), ("garbage", b"PAR1" + b"\0" * 50)):
        bad = parquet.with_name(name)
        bad.write_bytes(content)
        with pytest.raises(InputError, match=f"{name}: not a whole parquet file"):
            open_parquet(bad)
    # A hole in the first page: the footer is fine, reading is not.
    parquet.write_bytes(whole[:4] + b"\xff" * 60 + whole[64:])
    with pytest.raises(InputError, match=r"t\.parquet: damaged after row 0"):
        list(iterate(parquet, ["a", "word"]))


def test_one_huge_row_group_streams_in_flat_memory(tmp_path: Path) -> None:
    long = pa.array([str(i) * 400 for i in range(1000, 21_000)])  # 1,600 or 2,000 characters a row
    pq.write_table(pa.table({"a": long}), tmp_path / "t.parquet", compression="none", use_dictionary=False)
    del long
    assert open_parquet(tmp_path / "t.parquet").group_rows == [20_000]
    before, highest = pa.total_allocated_bytes(), 0
    for _ in iterate(tmp_path / "t.parquet", ["a"], 256):
        highest = max(highest, pa.total_allocated_bytes() - before)
    assert (tmp_path / "t.parquet").stat().st_size > 35e6
    assert highest < 8e6


SCHEMA_ = block(Schema, SCHEMA, "schema")


def blocks(rows: int = 300, step: int = 70) -> tuple[list[Columns], Dictionaries]:
    batch = pa.RecordBatch.from_pydict(columns(rows))
    dictionaries: Dictionaries = {}
    parts = [parse(batch.slice(i, step), SCHEMA_, dictionaries, i, label=True) for i in range(0, rows, step)]
    return parts, dictionaries


def written(path: Path, chunk_rows: int = 64, compression: str = "lz4") -> tuple[list[Columns], Dictionaries]:
    parts, dictionaries = blocks()
    with ColumnsWriter(path, SCHEMA_, True, compression, chunk_rows) as writer:
        for part in parts:
            writer.append(part)
        writer.dictionaries(dictionaries)
    return parts, dictionaries


def same(a: Columns, b: Columns) -> None:
    for name in ("categorical", "numeric", "label", "rows", "timestamp", "group"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for name, s in a.sequences.items():
        np.testing.assert_array_equal(s.offsets, b.sequences[name].offsets)
        assert s.fields.keys() == b.sequences[name].fields.keys()
        for field, values in s.fields.items():
            np.testing.assert_array_equal(values, b.sequences[name].fields[field])
        assert (s.times is None) == (b.sequences[name].times is None)
        if s.times is not None:
            np.testing.assert_array_equal(s.times, b.sequences[name].times)


@pytest.mark.parametrize("compression", ["lz4", "zstd", "none"])
def test_columns_round_trip_by_any_range(tmp_path: Path, compression: str) -> None:
    parts, dictionaries = written(tmp_path / "a.h5", compression=compression)
    with ColumnsReader(tmp_path / "a.h5") as reader:
        assert len(reader) == 300 and reader.schema == SCHEMA_
        assert reader.dictionaries == dictionaries and "부산" in dictionaries["city"] and "" in dictionaries["city"]
        for i, part in enumerate(parts):
            same(reader.read(i * 70, i * 70 + 70), part)
        same(reader.read(70, 140), reader.read().take(np.arange(70, 140)))
        assert len(reader.read(300, 400)) == 0
        assert reader.labels().sum() == 50 and reader.positions().tolist() == list(range(300))
        np.testing.assert_array_equal(reader.lengths("seen"), reader.read().sequences["seen"].lengths)
        assert reader.numeric_names[:3] == ("x_1", "x_2", "seen_length")


def test_equal_blocks_give_equal_bytes(tmp_path: Path) -> None:
    written(tmp_path / "a.h5")
    written(tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_odd_names_and_missing_roles_are_no_trouble(tmp_path: Path) -> None:
    schema = block(Schema, {"label": "y", "sequence": {"a/b": {"fields": {"offsets": "s", "times": "t"}}}}, "schema")
    batch = pa.RecordBatch.from_pydict({"y": [0, 1], "s": ["1,2", None], "t": ["3,4", ""]})
    with ColumnsWriter(tmp_path / "a.h5", schema) as writer:
        writer.append(parse(batch, schema, {}, label=True))
        writer.dictionaries({})
    with ColumnsReader(tmp_path / "a.h5") as reader:
        block_ = reader.read()
        assert block_.categorical.shape == (2, 0) and block_.timestamp is None and reader.dictionaries == {}
        assert block_.sequences["a/b"].fields["times"].tolist() == [3, 4]
        assert block_.sequences["a/b"].offsets.tolist() == [0, 2, 2]


def test_a_damaged_h5_file_is_never_read_as_right(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    written(path)
    whole = path.read_bytes()
    with ColumnsReader(path) as reader:
        right = reader.read()
    for cut in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError, match=r"a\.h5: not a whole H5 file"):
            ColumnsReader(path)
    caught = 0
    schema = whole.index(b'{"label"')  # parsed as JSON, and kept without a checksum of its own
    for at in [*range(schema, schema + 300, 7), *range(2000, len(whole), len(whole) // 60)]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xd5]) + whole[at + 1:])
        try:
            with ColumnsReader(path) as reader:
                same(reader.read(), right)
                assert reader.dictionaries  # read too
        except InputError as error:
            assert "a.h5" in str(error)
            caught += 1
    assert caught > 20  # the others hit room that nothing uses
    with pytest.raises(InputError, match="not found"):
        ColumnsReader(tmp_path / "none.h5")


def test_an_error_while_appending_leaves_no_file(tmp_path: Path) -> None:
    parts, _ = blocks()
    with pytest.raises(ZeroDivisionError), ColumnsWriter(tmp_path / "a.h5", SCHEMA_) as writer:
        writer.append(parts[0])
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def full_disk(tmp_path: Path):
    """A file system of 64 kB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount the tiny file system that plays the full disk")
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting isn't allowed here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_told_as_such_and_nothing_stays(full_disk: Path) -> None:
    parts, dictionaries = blocks()
    with pytest.raises((OSError, RuntimeError)) as caught, ColumnsWriter(full_disk / "a.h5", SCHEMA_) as writer:
        for _ in range(40):
            for part in parts:
                writer.append(part)
        writer.dictionaries(dictionaries)
    assert is_disk_full(caught.value)
    assert list(full_disk.iterdir()) == []
    with pytest.raises(OSError) as caught:
        write_json(full_disk / "a.json", {"long": "x" * 200_000})
    assert is_disk_full(caught.value)
    assert list(full_disk.iterdir()) == []
    write_json(full_disk / "b.json", {"short": 1})
    assert json.loads((full_disk / "b.json").read_text()) == {"short": 1}

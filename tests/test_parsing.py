"""Raw values to columns, against plain Python and against numbers worked out by hand."""

import math
from collections import Counter
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import SCHEMA, columns

from rankpipe.data.columns import Columns, Dictionaries
from rankpipe.data.parsing import parse
from rankpipe.data.schema import Schema
from rankpipe.errors import InputError
from rankpipe.params import block


def schema(separator: str = ",", items: str = "int", **more: Any) -> Schema:
    return block(Schema, {"label": "y", "sequence": {"s": {"fields": {"item": "seq"}, "separator": separator,
                                                           "items": items}}, **more}, "schema")


def parsed(values: Any, of: Schema | None = None, dictionaries: Dictionaries | None = None, **more: Any) -> Columns:
    batch = pa.RecordBatch.from_pydict({"seq": values, **more})
    return parse(batch, of or schema(), {} if dictionaries is None else dictionaries)


def items(columns: Columns) -> list[list[int]]:
    s = columns.sequences["s"]
    return [part.tolist() for part in np.split(s.fields["item"], s.offsets[1:-1])]


blank = st.sampled_from(["", "", "", " ", "  ", "\t", " \n"])
number = st.one_of(st.integers(0, 600), st.integers(0, 2**31 - 1))
rows = st.lists(st.one_of(st.none(), st.lists(st.tuples(blank, number, blank), max_size=12)), min_size=1, max_size=20)


@settings(max_examples=150, deadline=None)
@given(rows=rows, separator=st.sampled_from([",", "^", "|", ";"]))
def test_sequences_equal_those_of_plain_python(rows: list[Any], separator: str) -> None:
    texts = [None if r is None else separator.join(f"{a}{n}{b}" for a, n, b in r) for r in rows]
    expected = [[] if not t or not t.strip() else [int(word) for word in t.split(separator)] for t in texts]
    array = pa.array(texts, pa.string())
    assert items(parsed(array, schema(separator))) == expected
    # A slice must not read its neighbours, a list column must say the same as text, large text the same as text.
    assert items(parsed(pa.concat_arrays([pa.array(["77"]), array])[1:], schema(separator))) == expected
    assert items(parsed(array.cast(pa.large_string()), schema(separator))) == expected
    assert items(parsed(pa.array(expected, pa.list_(pa.int64())))) == expected


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.lists(st.one_of(st.integers(0, 4), st.integers(65_530, 70_000)), max_size=30), min_size=1,
                     max_size=8))
def test_statistics_equal_those_of_plain_python(rows: list[list[int]]) -> None:
    got = parsed(pa.array(rows, pa.list_(pa.int32()))).numeric
    for row, found in zip(rows, got, strict=True):
        counts = Counter(row)
        entropy = -sum(c / len(row) * math.log(c / len(row)) for c in counts.values())
        expected = [len(row), len(counts), len(counts) / len(row) if row else 0, entropy, row[-1] if row else math.nan]
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_statistics_by_hand() -> None:
    got = parsed(["7,7,9,7", "5", None, ""]).numeric
    # p = 3/4, 1/4: 3/4·ln(4/3) + 1/4·ln 4 = .2157616 + .3465736
    np.testing.assert_allclose(got[0], [4, 2, 0.5, 0.5623351, 7], rtol=1e-6)
    np.testing.assert_array_equal(got[1:], [[1, 1, 1, 0, 5], [0, 0, 0, 0, np.nan], [0, 0, 0, 0, np.nan]])


def test_more_repeats_than_the_table_of_weights_holds() -> None:
    assert parsed([",".join(["3"] * 5000 + ["4"] * 5000)]).numeric[0, 3] == pytest.approx(math.log(2), rel=1e-6)


@pytest.mark.parametrize(("text", "said"), [
    ("1,x,2", "'x' is not a whole number"), ("1,,2", "an item is empty"), ("1,2,", "an item is empty"),
    (",1", "an item is empty"), ("1;2", "'1;2' is not a whole number"), ("1.0,2", "'1.0' is not a whole number"),
    ("-1", "'-1' is not a whole number"), ("1 2", "'1 2' is not a whole number"), (",", "an item is empty"),
    ("1,2147483648", "'2147483648' is greater than 2147483647"), ("9" * 40, "is greater than 2147483647"),
    ("1,18446744073709551617,2", "is greater than"), ("１", "'１' is not a whole number"),
])
def test_a_sequence_that_cannot_be_read_names_the_row_and_the_text(text: str, said: str) -> None:
    batch = pa.RecordBatch.from_pydict({"seq": ["1", "2,3", text]})
    with pytest.raises(InputError) as caught:
        parse(batch, schema(), {}, first_row=100, where="t.parquet")
    assert str(caught.value).startswith("t.parquet: column 'seq', row 102")
    assert said in str(caught.value)


def test_a_blank_may_separate() -> None:
    assert items(parsed(["1 2  3 ", " 4"], schema(" "))) == [[1, 2, 3], [4]]


@pytest.mark.parametrize("values", [["oh ja oh", None, " ", "네"],
                                    pa.array([["oh", "ja", "oh"], None, [], ["네"]])])
def test_words_become_codes_by_first_appearance(values: Any) -> None:
    words: Dictionaries = {}
    assert items(parsed(values, schema(" ", "text"), words)) == [[0, 1, 0], [], [], [2]]
    assert words == {"s.item": ["oh", "ja", "네"]}
    assert items(parsed(["x 네"], schema(" ", "text"), words)) == [[3, 2]]
    assert words["s.item"] == ["oh", "ja", "네", "x"]
    with pytest.raises(InputError, match=r"row 1 .*an item is empty"):
        parsed(["a,b", "a,,b"], schema(",", "text"))


@pytest.mark.parametrize("values", [[1.5, 2.0], pa.array([[1.5], [2.0]]), [True, False]])
def test_a_sequence_of_the_wrong_type(values: Any) -> None:
    with pytest.raises(InputError, match="column 'seq': wrong type"):
        parsed(values)


@pytest.mark.parametrize(("values", "said"), [
    ([[1, -2]], "-2 lies outside"), ([[1], [2**31]], "row 1 .*lies outside"), ([[1, None]], "of the list is null"),
])
def test_a_list_with_an_item_out_of_range(values: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parsed(pa.array(values, pa.list_(pa.int64())))


FLAT = block(Schema, {"label": "y", "categorical": ["c"], "numeric": ["x"]}, "schema")


def flat(x: Any = (1.0, 2.0), c: Any = ("a", "b"), **more: Any) -> Columns:
    batch = pa.RecordBatch.from_pydict({"x": x, "c": c, **more})
    return parse(batch, FLAT, {}, 10, label="y" in more, where="t.parquet")


@pytest.mark.parametrize(("values", "expected"), [
    ([1, None], [1, np.nan]), ([True, False], [1, 0]), ([Decimal("1.50"), None], [1.5, np.nan]),
    ([None, None], [np.nan] * 2), (pa.array([1.5, float("nan")], pa.float32()), [1.5, np.nan]),
    (pa.array([2, 3], pa.uint8()), [2, 3]),
])
def test_numbers_of_any_type_become_float32(values: Any, expected: list[float]) -> None:
    assert flat(values).numeric.dtype == np.float32
    np.testing.assert_array_equal(flat(values).numeric[:, 0], np.array(expected, np.float32))


def test_numbers_that_are_none() -> None:
    with pytest.raises(InputError, match="column 'x': wrong type string; expected numbers"):
        flat(["1", "2"])
    for value in (float("inf"), -float("inf"), 1e39):
        with pytest.raises(InputError, match=r"t\.parquet: column 'x', row 11 .*infinite"):
            flat([1.0, value])


@pytest.mark.parametrize(("values", "words"), [
    ([36, 8], ["36", "8"]), ([True, False], ["true", "false"]), (pa.array(["p", "q"]).dictionary_encode(), ["p", "q"]),
    (pa.array(["p", "q"], pa.large_string()), ["p", "q"]),
])
def test_categories_of_any_type_become_text(values: Any, words: list[str]) -> None:
    found: Dictionaries = {}
    batch = pa.RecordBatch.from_pydict({"x": [1.0, 2.0], "c": values})
    assert parse(batch, FLAT, found).categorical[:, 0].tolist() == [0, 1]
    assert found == {"c": words}


@pytest.mark.parametrize("words", [["a", b"\xd4b"], [b"\xff"] * 2])
def test_text_that_is_not_utf_8(words: list[str | bytes]) -> None:
    # As a damaged file or a writer with its own idea of text leaves it: Arrow takes the bytes as they come.
    broken = pa.array([w.encode() if isinstance(w, str) else w for w in words], pa.binary()).view(pa.string())
    with pytest.raises(InputError, match=r"t\.parquet: column 'c': holds text that isn't UTF-8"):
        flat(c=broken)
    with pytest.raises(InputError, match="column 'seq': holds text that isn't UTF-8"):
        parsed(broken, schema(items="text"))


def test_missing_categories_are_minus_one() -> None:
    assert flat(c=[None, "b"]).categorical.tolist() == [[-1], [0]]
    assert flat(c=[float("nan"), 2.0]).categorical.tolist() == [[-1], [0]]
    frame = pd.DataFrame({"x": [1.0, 2.0], "c": ["b", None]})
    assert parse(pa.RecordBatch.from_pandas(frame), FLAT, {}).categorical.tolist() == [[0], [-1]]


@pytest.mark.parametrize(("label", "said"), [
    ([0, None], "row 11 .*label is missing"), ([0.0, float("nan")], "is missing"), ([0, 2], "row 11 .*label is 2"),
    ([0.5, 1.0], "row 10 .*the label is 0.5"), (["0", "1"], "column 'y': wrong type string"),
])
def test_labels_are_0_or_1(label: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        flat(y=label)
    assert flat(y=[True, False]).label.tolist() == [1, 0]


def test_a_missing_column_is_named_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no column 'x'.*did you mean 'xx'"):
        parse(pa.RecordBatch.from_pydict({"xx": [1], "c": ["a"]}), FLAT, {})


def test_every_role_at_once() -> None:
    raw = columns(50)
    words: Dictionaries = {}
    got = parse(pa.RecordBatch.from_pydict(raw), block(Schema, SCHEMA, "schema"), words, 1000, label=True)
    assert got.rows.tolist() == list(range(1000, 1050))
    assert got.label.tolist() == raw["clicked"] and got.timestamp.tolist() == raw["at"]
    assert [words["/group"][c] for c in got.group] == raw["user"]
    assert [words["city"][c] if c >= 0 else None for c in got.categorical[:, 0]] == raw["city"]
    np.testing.assert_array_equal(got.numeric[:, 1], np.array(raw["x_2"], np.float32))
    seen = got.sequences["seen"]
    assert seen.fields["stars"].tolist() == [v for row in raw["ratings"] for v in row]
    assert seen.times.tolist() == [int(w) for row in raw["times"] for w in row.split(",") if w]
    assert [words["words.word"][c] for c in got.sequences["words"].fields["word"]] == " ".join(raw["said"]).split()


@pytest.mark.parametrize("column", ["ratings", "times"])
def test_fields_of_a_group_are_equally_long(column: str) -> None:
    raw = columns(50)
    raw[column][7] = [1] * 20 if column == "ratings" else ",".join(["1"] * 20)
    with pytest.raises(InputError, match=rf"column '{column}', row 7 .*20 items, but 'items' has"):
        parse(pa.RecordBatch.from_pydict(raw), block(Schema, SCHEMA, "schema"), {}, label=True)


def test_timestamps_of_any_type_are_seconds() -> None:
    raw = columns(50)
    expected = raw["at"]
    for at in (pa.array(expected, pa.int64()), pa.array(expected, pa.timestamp("s")).cast(pa.timestamp("us")),
               pa.array([float(v) for v in expected])):
        got = parse(pa.RecordBatch.from_pydict({**raw, "at": at}), block(Schema, SCHEMA, "schema"), {}, label=True)
        assert got.timestamp.tolist() == expected
    holed = pa.RecordBatch.from_pydict({**raw, "at": [0, None, *expected[2:]]})
    with pytest.raises(InputError, match=r"column 'at', row 1 .*timestamp is missing"):
        parse(holed, block(Schema, SCHEMA, "schema"), {}, label=True)

import numpy as np
import pytest
from blocks import Table, generated, ragged

from rankpipe.data.columns import Columns
from rankpipe.data.encoders import Encoders, Features
from rankpipe.data.schema import Schema, SequenceGroup
from rankpipe.errors import InputError
from rankpipe.params import block

NAN = np.nan


def group(**more) -> SequenceGroup:
    return SequenceGroup({"item": "hist"}, statistics=False, **more)


def table(categorical, numeric, sequences=None, dictionaries=None, **more) -> Table:
    columns = Columns(np.array(categorical, np.int32), np.array(numeric, np.float32), sequences or {}, **more)
    return Table(columns, dictionaries or {})


def test_a_hand_worked_block():
    schema = Schema("click", None, ("city", "os"), ("age",), {"seq": group()})
    train = table([[0, 0], [1, -1], [1, 1]], [[10], [20], [NAN]], {"seq": ragged([[5, 7], [], [7, 7, 9]])},
                  {"city": ["Ulm", "Bonn"], "os": ["b", "a"]},
                  label=np.array([0, 1, 1], np.float32), rows=np.array([4, 8, 9]))
    encoders = Encoders.fit(train, schema, Features(scaling={"default": "minmax"}), max_len=2)
    batch = encoders.for_dictionaries(train.dictionaries).encode(train.read(0, 3))
    assert batch.categorical.tolist() == [[2, 2], [1, 0], [1, 1]]  # Bonn twice; a before b; −1 → 0
    assert batch.numeric.tolist() == [[0, 0], [1, 0], [0.5, 1]]  # the median, and a flag
    # The newest two of [7, 7, 9] are [7, 9]; 7 came twice in what is kept, 5 and 9 once.
    assert batch.sequences["seq"].fields["item"].tolist() == [2, 1, 1, 3]
    assert batch.sequences["seq"].lengths.tolist() == [2, 0, 2]
    assert batch.labels.tolist() == [0, 1, 1] and batch.rows.tolist() == [4, 8, 9]
    assert encoders.inputs.numeric == ("age", "age_missing")
    assert encoders.inputs.categorical == {"city": 4, "os": 4}
    assert encoders.inputs.sequences["seq"].fields == {"item": 5}


def test_chosen_rows_equal_those_of_the_whole_block():
    train = generated(200)
    encoders = Encoders.fit(train, SCHEMA, Features(), max_len=5)
    encoder = encoders.for_dictionaries(train.dictionaries)
    index = np.array([17, 3, 3, 199])
    whole, part = encoder.encode(train.columns), encoder.encode(train.columns, index)
    assert (part.categorical == whole.categorical[index]).all() and (part.numeric == whole.numeric[index]).all()
    assert (part.labels == whole.labels[index]).all() and (part.rows == whole.rows[index]).all()
    flat, of = whole.sequences["seq"], part.sequences["seq"]
    expected = [flat.fields["item"][flat.offsets[i]:flat.offsets[i + 1]].tolist() for i in index]
    assert [of.fields["item"][of.offsets[i]:of.offsets[i + 1]].tolist() for i in range(4)] == expected
    assert len(encoder.encode(train.columns, np.zeros(0, np.int64))) == 0
    assert encoder.encode(train.read(0, 5, sequences=False)).sequences == {}


SCHEMA = Schema("label", None, ("a", "b"), ("x", "y"), {"seq": group()})


def test_values_of_other_splits_never_reach_the_encoders():
    schema = Schema("click", None, ("city",), ("age",), {"seq": group()})
    words = {"city": ["Ulm", "only in test"]}  # the dictionary of a file may hold more than the train rows do
    train = table([[0], [0]], [[1], [2]], {"seq": ragged([[1], [1]])}, words)
    encoders = Encoders.fit(train, schema, Features(scaling={"default": "minmax"}), 10)
    assert encoders.vocabularies["city"].values == ("Ulm",) and encoders.vocabularies["seq.item"].values == (1,)
    test = table([[1], [0]], [[400], [NAN]], {"seq": ragged([[9, 1], []])}, words)
    batch = encoders.for_dictionaries(words).encode(test.columns)
    assert batch.categorical.tolist() == [[2], [1]]
    assert batch.numeric.tolist() == [[1], [0.5]]  # no flag: train had nothing missing
    assert batch.sequences["seq"].fields["item"].tolist() == [2, 1]


def test_a_shared_vocabulary_counts_field_and_target_together():
    schema = Schema("click", None, ("ad",), (), {"seq": group(target={"item": "ad"}, shared=True)})
    train = table([[0], [1]], np.zeros((2, 0)), {"seq": ragged([[30, 7], [30]])}, {"ad": ["7", "8"]})
    encoders = Encoders.fit(train, schema, Features(), 10)
    assert encoders.vocabularies["ad"].values == (7, 30, 8)  # 7 and 30 twice each, then 8
    batch = encoders.for_dictionaries({"ad": ["8", "7", "99", "word"]}).encode(
        table([[0], [1], [2], [3]], np.zeros((4, 0)), {"seq": ragged([[8], [7], [], []])}).columns)
    assert batch.categorical.tolist() == [[3], [1], [4], [4]]
    assert batch.sequences["seq"].fields["item"].tolist() == [3, 1]


def test_a_shared_vocabulary_of_words(tmp_path):
    schema = Schema("click", None, ("ad",), (), {"seq": group(items="text", target={"item": "ad"}, shared=True)})
    words = {"ad": ["y", "x"], "seq.item": ["z", "x"]}
    train = table([[0], [1]], np.zeros((2, 0)), {"seq": ragged([[0], [0, 1, 0]], np.int32)}, words)
    encoders = Encoders.fit(train, schema, Features(), 10)
    encoders.save(tmp_path)
    again = Encoders.load(tmp_path)
    assert again.vocabularies["ad"].values == again.vocabularies["seq.item"].values == ("z", "x", "y")
    assert again.inputs == encoders.inputs and again.inputs.sequences["seq"].shared


def test_ages_are_seconds_to_the_rows_own_time():
    schema = Schema("click", None, (), (), {"seq": group(timestamps="when")}, timestamp="now")
    train = table(np.zeros((2, 0)), np.zeros((2, 0)), {"seq": ragged([[1, 2, 3], [4]], times=[[10, 70, 90], [500]])},
                  timestamp=np.array([100, 400]))
    encoders = Encoders.fit(train, schema, Features(), 2)
    batch = encoders.for_dictionaries({}).encode(train.columns)
    assert batch.sequences["seq"].ages.tolist() == [30, 10, 0]  # an item after its row counts as now
    assert encoders.for_dictionaries({}).encode(train.columns, np.array([1])).sequences["seq"].ages.tolist() == [0]


def test_words_that_parsing_adds_later_are_found():
    train = generated(50)
    encoders = Encoders.fit(train, SCHEMA, Features(), 5)
    words: dict[str, list[str]] = {}
    encoder = encoders.for_dictionaries(words)
    words.update({"a": ["a3"], "b": []})
    rows = Columns(np.array([[0, -1]], np.int32), np.zeros((1, 2), np.float32), {"seq": ragged([[1]])})
    first = encoder.encode(rows).categorical
    words["a"].append("a1")
    words["b"].append("w")
    second = encoder.encode(Columns(np.array([[1, 0], [0, 0]], np.int32), np.zeros((2, 2), np.float32),
                                    {"seq": ragged([[1], []])})).categorical
    whole = encoders.for_dictionaries(train.dictionaries)
    same = whole.encode(Columns(np.array([[3, -1], [1, 2], [3, 2]], np.int32), np.zeros((3, 2), np.float32),
                                {"seq": ragged([[], [], []])})).categorical
    assert first.tolist() == same[:1].tolist() and second.tolist() == same[1:].tolist()


def test_saved_bytes_are_the_same_and_load_gives_equal_batches(tmp_path):
    train = generated(300)
    for folder in ("one", "two"):
        Encoders.fit(train, SCHEMA, Features(), 5).save(tmp_path / folder)
    files = [(tmp_path / f / "encoders.json").read_bytes() for f in ("one", "two")]
    assert files[0] == files[1]
    encoders = Encoders.load(tmp_path / "one")
    assert encoders.schema == SCHEMA and list(encoders.inputs.categorical) == ["a", "b"]
    first, again = (e.for_dictionaries(train.dictionaries).encode(train.columns)
                    for e in (Encoders.fit(train, SCHEMA, Features(), 5), encoders))
    assert (first.categorical == again.categorical).all() and (first.numeric == again.numeric).all()
    assert type(encoders.inputs).from_json(encoders.inputs.to_json()) == encoders.inputs


@pytest.mark.parametrize("damage", [lambda t: t[:100], lambda t: t.replace('"vocabularies"', '"vocab"'),
                                    lambda t: t.replace('"format": 1', '"format": 7'), lambda t: "[]",
                                    lambda t: t.replace('"seq.item"', '"seq.other"'),
                                    lambda t: t.replace('"knots": [', '"knots": [\n    1e9,', 1)])
def test_corrupt_encoders_are_one_clear_line(tmp_path, damage):
    Encoders.fit(generated(30), SCHEMA, Features(), 5).save(tmp_path)
    path = tmp_path / "encoders.json"
    path.write_text(damage(path.read_text()))
    with pytest.raises(InputError, match=r"encoders\.json"):
        Encoders.load(tmp_path)


def test_nothing_to_fit_on():
    with pytest.raises(InputError, match="train split is empty"):
        Encoders.fit(generated(0), SCHEMA, Features(), 5)


@pytest.mark.parametrize("values, message", [
    ({"min_count": {"default": 0}}, "min_count.default"),
    ({"scaling": {"default": "quantil"}}, "did you mean 'quantile'"),
    ({"max_len": 0}, "max_len"),
    ({"max_len": {"toy": "ten"}}, "max_len"),
    ({"quantils": 7}, "did you mean 'quantiles'"),
    ({"fill": "mode"}, "features.fill"),
])
def test_bad_parameters_are_one_clear_line(values, message):
    with pytest.raises(InputError, match=message):
        block(Features, values, "params.yaml: ctr.features")


def test_columns_and_sizes_that_are_not_there_are_named():
    with pytest.raises(InputError, match=r"features.scaling.z: no such column"):
        Encoders.fit(generated(9), SCHEMA, Features(scaling={"z": "none"}), 5)
    with pytest.raises(InputError, match=r"no size 'tiny'"):
        block(Features, {"max_len": {"toy": 5}}, "x").length("tiny")
    assert block(Features, {"max_len": 7}, "x").length("toy") == 7

"""Files of features alone: read as they are, refused in one line, and enough for the models that read features."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from fusion_examples import recipe

from rankpipe import paths
from rankpipe.errors import InputError
from rankpipe.fusion import dataset
from rankpipe.fusion.convert import convert
from rankpipe.fusion.extract import extract
from rankpipe.fusion.fitting import fit_on
from rankpipe.fusion.letor import part, read
from rankpipe.fusion.scoring import score_all, scorer_of
from rankpipe.fusion.train import train

LINES = ["2 1:0.5 3:1", "0 2:0.25", "1 1:0.1 2:0.2 3:0.3"]


def write(folder, lines, counts=None):
    (folder / "a.train").write_text("\n".join(lines) + "\n")
    if counts is None:
        return folder / "a.train", None
    (folder / "a.query").write_text("\n".join(map(str, counts)) + "\n")
    return folder / "a.train", folder / "a.query"


def test_a_file_with_counts_and_one_with_ids_say_the_same(tmp_path):
    by_count = read(*write(tmp_path, LINES, [2, 1]))
    named = [line.replace(" ", f" qid:{q} ", 1) for line, q in zip(LINES, (7, 7, 3), strict=True)]
    by_id = read(*write(tmp_path, named))
    for found in (by_count, by_id):
        assert found.slates.offsets.tolist() == [0, 2, 3] and found.slates.grades.tolist() == [2, 0, 1]
        assert found.names == ("f000", "f001", "f002") and found.vectors is None
        np.testing.assert_allclose(found.features, [[0.5, 0, 1], [0, 0.25, 0], [0.1, 0.2, 0.3]], atol=1e-7)
    second = part(by_count, np.array([1]))
    assert second.slates.grades.tolist() == [1] and second.features.shape == (1, 3)


@pytest.mark.parametrize(("lines", "counts", "said"), [
    (LINES, [2, 2], "sum to the 3 lines"), (LINES, [3, 0], "at least 1"), (LINES, None, "no qid"),
    (["0.5 1:1"], [1], "line 1: grade 0.5"), (["31 1:1"], [1], "grade 31"), (["-1 1:1"], [1], "grade -1"),
    (["x 1:1"], [1], "not SVMlight"), (["1 1:nan"], [1], "NaN or infinite"),
    (LINES, ["two"], "one whole number a line"),
    (["1 qid:1 1:1", "1 qid:2 1:1", "1 qid:1 1:1"], None, "stand apart"),
])
def test_damage_is_one_line_that_names_the_file(tmp_path, lines, counts, said):
    with pytest.raises(InputError, match=said) as caught:
        read(*write(tmp_path, lines, counts))
    assert "/a." in str(caught.value) and "\n" not in str(caught.value)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"a\.train: not found"):
        read(tmp_path / "a.train")
    write(tmp_path, LINES)
    with pytest.raises(InputError, match=r"b\.query: not found"):
        read(tmp_path / "a.train", tmp_path / "b.query")


def product(folder):
    """40 queries of 10 lines; the grade is the product of the first two of five features, in steps."""
    x = np.random.default_rng(0).random((400, 5))
    grades = np.digitize(x[:, 0] * x[:, 1], [0.2, 0.5])
    values = [" ".join(f"{i}:{v:.4f}" for i, v in enumerate(row, 1)) for row in x]
    return write(folder, [f"{grade} {row}" for grade, row in zip(grades, values, strict=True)], [10] * 40)


@pytest.mark.parametrize("name", ["ltr", "lambdamart"])
def test_features_alone_are_enough(tmp_path, name):
    data = read(*product(tmp_path))
    train, test = part(data, np.arange(30)), part(data, np.arange(30, 40))
    scores = score_all(scorer_of(name, fit_on(recipe(name), train, None, quiet=True).model, train.inputs), test)
    assert np.corrcoef(scores, test.features[:, 0] * test.features[:, 1])[0, 1] > 0.8


PARAMS = """
seed: 7
threads: 1
device: cpu
jobs: {workers: 1}
fusion:
  source: {folder: data/fusion, letor: {train: a.train, query: a.query}}
  extract: {sizes: {toy: {queries: 30}}}
  convert: {}
  training: {epochs: 2, batch_size: 8}
  models: {ltr: {members: 2, hidden_dims: [8]}, lambdamart: {rounds: 20, min_data_in_leaf: 5}, fusion: {}}
"""


def test_the_stages_take_them_from_the_files_to_scores(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "data" / "fusion").mkdir(parents=True)
    product(tmp_path / "data" / "fusion")
    extract("toy")
    convert("toy")
    raw, data = read(*(tmp_path / "data" / "fusion" / name for name in ("a.train", "a.query"))), dataset.read("toy")
    assert [len(data.queries.of(split)) for split in ("train", "valid", "test")] == [18, 6, 6]
    for name in ("ltr", "lambdamart"):
        train("toy", name)
        rows = pq.read_table(paths.model_scores("toy", "fusion", name) / "test.parquet").to_pydict()
        assert set(rows) == {"query", "candidate", "grade", "score", "rank_start"}
        lines = [int(data.candidates.ids[i]) - 1 for i in rows["candidate"]]
        assert rows["grade"] == raw.slates.grades[lines].tolist()
        assert [int(data.queries.ids[i]) - 1 for i in rows["query"]] == raw.slates.queries[lines].tolist()
        again = {path.name: path.read_bytes() for path in paths.model("toy", "fusion", name).iterdir()}
        train("toy", name)
        assert again == {path.name: path.read_bytes() for path in paths.model("toy", "fusion", name).iterdir()}
    with pytest.raises(InputError, match="take ltr or lambdamart"):
        train("toy", "fusion")
    (tmp_path / "data" / "fusion" / "a.query").write_text("20\n" * 20)
    with pytest.raises(InputError, match="run extract again"):
        convert("toy")

"""The file of rankings: read back as its user would, each breach named; and bundles of features alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fusion_examples import recipe

from rankpipe.errors import InputError
from rankpipe.fusion.batches import Examples
from rankpipe.fusion.dataset import Slates
from rankpipe.fusion.fitting import fit_on
from rankpipe.fusion.plainpredictor import PlainPredictor
from rankpipe.fusion.rankings import check, write
from rankpipe.fusion.scoring import score_all, scorer_of

OFFERED = {"q1": ["a", "b", "c"], "q2": ["c", "a"]}
RANKED = [("q1", [("b", 0.5), ("a", 0.5)]), ("q2", [("a", 2.0), ("c", -1.0)])]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "rankings.csv", RANKED)
    return tmp_path / "rankings.csv"


def test_what_was_written_is_found_good(path: Path) -> None:
    check(path, OFFERED, 2)
    assert path.read_text().splitlines()[:2] == ["query_id,place,candidate_id,score", "q1,1,b,0.500000"]


@pytest.mark.parametrize(("old", "new", "said"), [
    ("query_id,", "query,", "the first line is not query_id,place,candidate_id,score"),
    ("q1,2,a", "q1,2,b", "query q1: a candidate stands there twice"),
    ("q1,2,a", "q1,3,a", "query q1: places don't count from 1"),
    ("q1,1,b,0.5", "q1,1,d,0.5", "query q1: a candidate wasn't offered"),
    ("q2,2,c,-1.0", "q2,2,c,3.0", "query q2: a score is no number, or rises"),
    ("q2,2,c,-1.0", "q2,2,c,nan", "query q2: a score is no number, or rises"),
    ("q2,2,c,-1.000000\n", "", "query q2: 1 places, not 2"),
    ("q2,", "q3,", "query q3 stands where q2 should"),
    ("q2,1,a,2.000000\nq2,2,c,-1.000000\n", "", "query q2 is missing"),
    ("q1,1,b,", "q1,1,b,x,", "line 2 has 5 cells"),
])
def test_every_breach_is_named(path: Path, old: str, new: str, said: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=said):
        check(path, OFFERED, 2)


def plain() -> Examples:
    """30 slates of four candidates, graded by the first of two features."""
    rng = np.random.default_rng(0)
    features = rng.random((120, 2)).astype(np.float32)
    slates = Slates(np.arange(0, 121, 4), np.arange(120, dtype=np.int32), (4 * features[:, 0]).astype(np.int8))
    return Examples(np.arange(30, dtype=np.int32), slates, features, ("f1", "f2"))


def test_features_alone_are_scored_by_name_and_ranked_within_their_query() -> None:
    of = plain()
    predictor = PlainPredictor(scorer_of("ltr", fit_on(recipe("ltr", slate=True), of, of, quiet=True).model, of.inputs))
    frame = pd.DataFrame(of.features, columns=["f1", "f2"]).assign(query=of.slates.queries)
    expected = score_all(predictor.scorer, of)
    np.testing.assert_allclose(predictor(frame), expected, atol=1e-6)
    turned = frame.sample(frac=1, random_state=1)[["query", "f2", "f1"]]
    np.testing.assert_allclose(predictor(turned), expected[turned.index], atol=1e-6)
    found = predictor.rank(None, frame.iloc[:4])
    assert found["candidate"].tolist() == np.argsort(-expected[:4]).tolist()
    assert found["place"].tolist() == [1, 2, 3, 4]
    with pytest.raises(InputError, match="the frame has no column 'f2'"):
        predictor(frame[["f1"]])
    with pytest.raises(InputError, match=r"column 'f1', row 1 \(the first is 0\): 'x' is no finite number"):
        predictor(pd.DataFrame({"f1": [1, "x"], "f2": [0, 0]}))

"""Ranking with a trained model over a catalogue: known and new candidates, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fusion_data import COLOURS, MATERIALS
from fusion_examples import fitted, source

from rankpipe.errors import InputError
from rankpipe.fusion.catalogue import load_catalogue, save_catalogue
from rankpipe.fusion.examples import Source
from rankpipe.fusion.predictor import FusionPredictor
from rankpipe.fusion.scoring import score_all, scorer_of
from rankpipe.fusion.serving import Ranker

EYE = np.eye(4, dtype=np.float32)


class OneHotEncoders:
    """Encodes as the planted vectors were made; an image's colour is its file's name."""

    def images(self, paths):
        return np.stack([EYE[COLOURS.index(path.stem)] if path is not None else 0 * EYE[0] for path in paths])

    def texts(self, texts):
        rows = [np.eye(8, dtype=np.float32)[4 + MATERIALS.index(text.split()[-1])] if text else np.zeros(8, np.float32)
                for text in texts]
        return np.stack(rows)

    def attributes(self, codes):
        return np.stack([np.concatenate([np.eye(3)[b] * (b >= 0), EYE[s] * (s >= 0)]) for b, s in codes]).astype(
            np.float32)

    def queries(self, texts):
        colours, materials = (np.stack([EYE[words.index(text.split()[i])] for text in texts])
                              for i, words in ((1, COLOURS), (-1, MATERIALS)))
        return np.concatenate([colours, materials], 1), colours


@pytest.fixture(scope="module")
def data() -> Source:
    return source()


@pytest.fixture(scope="module")
def predictor(data: Source) -> FusionPredictor:
    scorer = scorer_of("fusion", fitted("fusion", data).model, data.examples("train").inputs)
    return FusionPredictor(Ranker(scorer, data.data.candidates, data.vectors, data.bm25, OneHotEncoders()))


def asked(data: Source, q: int) -> dict:
    size = data.data.queries.constraints[q, 1]
    return {"text": data.data.queries.texts[q], "constraints": {"size": data.data.candidates.attributes["size"][size]}}


def slate(data: Source, q: int) -> list[str]:
    held = data.data.slates
    return [data.data.candidates.ids[c] for c in held.candidates[held.offsets[q]:held.offsets[q + 1]].tolist()]


def test_ranks_as_the_train_stage_scored(data: Source, predictor: FusionPredictor) -> None:
    test = data.examples("test")
    expected = score_all(predictor.ranker.scorer, test)
    for i, q in enumerate(test.queries[:5].tolist()):
        rows = slice(test.slates.offsets[i], test.slates.offsets[i + 1])
        found = predictor.rank(asked(data, q), slate(data, q))
        assert list(found.columns) == ["place", "candidate", "score"]
        assert found["place"].tolist() == list(range(1, len(found) + 1))
        assert found["score"].is_monotonic_decreasing
        by_name = dict(zip(slate(data, q), expected[rows], strict=True))
        np.testing.assert_allclose(found["score"], [by_name[name] for name in found["candidate"]], atol=1e-5)


def test_the_order_in_which_candidates_are_given_changes_nothing(data: Source, predictor: FusionPredictor) -> None:
    names = slate(data, 3)
    one, other = (predictor.rank(asked(data, 3), given) for given in (names, names[::-1]))
    assert one["candidate"].tolist() == other["candidate"].tolist()


def test_a_new_candidate_that_has_all_stands_above_one_that_has_nothing(predictor: FusionPredictor) -> None:
    query = {"text": "a red thing of glass", "constraints": {"size": "large"}}
    right, wrong = ({"candidate_id": name, "text": f"thing made of {material}", "image": f"{colour}.png",
                     "attributes": {"size": size}} for name, material, colour, size in
                    (("right", "glass", "red", "large"), ("wrong", "wood", "blue", "tiny")))
    assert predictor.rank(query, [wrong, right])["candidate"].tolist() == ["right", "wrong"]
    # One whose size nobody in the catalogue has is worth no more than one that doesn't say.
    unheard = predictor.rank(query, [{**right, "candidate_id": "new", "attributes": {"size": "huge"}},
                                     {**right, "candidate_id": "gap", "attributes": {}}])
    assert unheard["score"].nunique() == 1


def test_new_and_known_candidates_stand_in_one_list(data: Source, predictor: FusionPredictor) -> None:
    names = slate(data, 3)
    alone = predictor.rank(asked(data, 3), names)
    mixed = predictor.rank(asked(data, 3), [{"text": "thing made of wood"}, *names])
    assert sorted(mixed["candidate"]) == sorted(["0", *names])
    kept = mixed[mixed["candidate"] != "0"]
    assert kept["candidate"].tolist() == alone["candidate"].tolist()
    np.testing.assert_allclose(kept["score"], alone["score"], atol=1e-5)


def test_without_candidates_the_whole_catalogue_is_ranked(data: Source, predictor: FusionPredictor) -> None:
    found = predictor.rank("a red thing of glass")
    assert sorted(found["candidate"]) == sorted(data.data.candidates.ids)


def test_a_frame_is_scored_row_by_row(data: Source, predictor: FusionPredictor) -> None:
    rows = [{"query": asked(data, q)["text"], "candidate": name,
             "constraints": json.dumps(asked(data, q)["constraints"])} for q in (2, 5) for name in slate(data, q)[:4]]
    frame = pd.DataFrame(rows).iloc[::-1]
    scores = predictor(frame)
    assert (scores.dtype, scores.shape) == (np.float32, (8,))
    for q in (2, 5):
        found = predictor.rank(asked(data, q), slate(data, q)[:4]).set_index("candidate")["score"]
        mine = (frame["query"] == asked(data, q)["text"]).to_numpy()
        np.testing.assert_allclose(scores[mine], found[frame["candidate"][mine]], atol=1e-5)
    described = pd.DataFrame([{"query": "a red thing of glass", "text": "thing made of glass", "candidate": np.nan}])
    assert np.isfinite(predictor(described)).all()
    assert predictor(frame.iloc[:0]).shape == (0,)


def test_a_catalogue_comes_back_as_it_was(data: Source, predictor: FusionPredictor, tmp_path: Path) -> None:
    save_catalogue(tmp_path, data.data.candidates, data.vectors, data.bm25)
    again = Ranker(predictor.ranker.scorer, *load_catalogue(tmp_path), OneHotEncoders())
    one, other = (FusionPredictor(ranker).rank(asked(data, 3), slate(data, 3)) for ranker in (again, predictor.ranker))
    pd.testing.assert_frame_equal(one, other)
    save_catalogue(tmp_path / "again", data.data.candidates, data.vectors, data.bm25)
    assert (tmp_path / "again" / "catalogue.h5").read_bytes() == (tmp_path / "catalogue.h5").read_bytes()
    (tmp_path / "catalogue.h5").write_bytes(b"no")
    with pytest.raises(InputError, match=r"catalogue\.h5"):
        load_catalogue(tmp_path)


@pytest.mark.parametrize(("query", "candidates", "said"), [
    ("a red thing of glass", ["c00001", "nobody"], "candidate 'nobody' is none of the"),
    ("a red thing of glass", ["c00001", "c00001"], "none of them twice"),
    ("a red thing of glass", [], "at least one candidate"),
    ("", ["c00001"], "query: expected text"),
    ({"txt": "a red thing"}, ["c00001"], "query: expected text"),
    ({"text": "a red thing of glass", "must": {}}, ["c00001"], "query: unknown key 'must'"),
    ({"text": "a red thing of glass", "constraints": {"sise": "tiny"}}, ["c00001"], "no attribute 'sise'.*size"),
    ("a red thing of glass", [{"candidate_id": "x"}], "there is nothing to rank it by"),
    ("a red thing of glass", [{"caption": "x"}], "unknown key 'caption'"),
])
def test_what_cant_be_read_is_named(predictor: FusionPredictor, query, candidates, said: str) -> None:
    with pytest.raises(InputError, match=said):
        predictor.rank(query, candidates)


def test_frames_that_dont_fit_are_refused(predictor: FusionPredictor) -> None:
    with pytest.raises(InputError, match="no column 'query'"):
        predictor(pd.DataFrame({"candidate": ["c00001"]}))
    with pytest.raises(InputError, match="no column 'candidate'"):
        predictor(pd.DataFrame({"query": ["a red thing of glass"]}))
    with pytest.raises(InputError, match="row 0: constraints: 'size=tiny' is no JSON"):
        predictor(pd.DataFrame([{"query": "a red thing of glass", "candidate": "c00001", "constraints": "size=tiny"}]))

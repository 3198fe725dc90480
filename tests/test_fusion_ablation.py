"""Modalities taken away: the input changes where it should and nowhere else, and a model that reads it loses by it."""

from dataclasses import fields, replace

import numpy as np
import pytest
from fusion_examples import OneHot, fitted, source

from rankpipe.fusion.ablation import ablated, changed
from rankpipe.fusion.examples import Source
from rankpipe.fusion.inputs import MODALITIES
from rankpipe.fusion.pairs import FEATURES
from rankpipe.fusion.scores import columns_of_ablation
from rankpipe.fusion.scoring import scorer_of
from rankpipe.metrics.slates import ndcg

BY_TEXT = {"bm25", "has_text", "text_query_cosine"}
BY_ATTRIBUTES = {"attribute_denied", "attribute_gaps", "attribute_matches", "attribute_named", "attribute_violations",
                 "has_attributes"}
OF = {"image": {"has_image", "image_query_cosine"}, "text": BY_TEXT, "attributes": BY_ATTRIBUTES}


@pytest.fixture(scope="module")
def data() -> Source:
    return source()


def features(of: Source) -> dict[str, np.ndarray]:
    return dict(zip(FEATURES, of.examples("test").features.T, strict=True))


@pytest.mark.parametrize("name", MODALITIES)
@pytest.mark.parametrize("change", ["masked", "shuffled"])
def test_what_belongs_to_a_modality_changes_and_nothing_else(data: Source, change: str, name: str) -> None:
    moved, vectors = changed(data.data, data.vectors, change, name, 3)
    made = replace(data, data=moved, vectors=vectors)
    before, after = features(data), features(made)
    for column in FEATURES:
        if column not in OF[name]:
            assert (before[column] == after[column]).all(), column
    assert any((before[column] != after[column]).any() for column in OF[name])
    for field in fields(OneHot):
        same = np.array_equal(getattr(made.vectors, field.name), getattr(data.vectors, field.name))
        assert same or field.name in (name, f"{name}_present"), field.name
    assert not np.array_equal(getattr(made.vectors, name), getattr(data.vectors, name))
    if change == "masked":
        assert not getattr(made.vectors, name).any() and not after[f"has_{name}"].any()


@pytest.mark.parametrize("name", MODALITIES)
def test_alone_is_both_others_masked(data: Source, name: str) -> None:
    other, another = (one for one in MODALITIES if one != name)
    alone = changed(data.data, data.vectors, "only", name, 3)
    masked = changed(*changed(data.data, data.vectors, "masked", other, 3), "masked", another, 3)
    for field in fields(OneHot):
        assert np.array_equal(getattr(alone[1], field.name), getattr(masked[1], field.name))


def test_shuffling_leaves_nobody_its_own_and_touches_test_alone(data: Source) -> None:
    made, vectors = changed(data.data, data.vectors, "shuffled", "text", 3)
    test = data.data.judged("test")
    others = np.setdiff1d(np.arange(len(data.data.candidates)), test)
    old, new = (np.array([text or "" for text in of.candidates.texts]) for of in (data.data, made))
    assert (old[others] == new[others]).all()
    assert sorted(old[test]) == sorted(new[test])
    # Texts differ from each other by a number; a gap may follow a gap.
    assert all(a != b for a, b in zip(old[test], new[test], strict=True) if a)
    assert (vectors.text_present == (new != "")).all()


def test_a_model_that_reads_a_modality_loses_by_it(data: Source) -> None:
    test = data.examples("test")
    scorer = scorer_of("fusion", fitted("fusion", data).model, test.inputs)
    found = ablated(scorer, data, test, 3)
    assert set(found) == set(columns_of_ablation())
    whole = np.concatenate([scorer.scores(batch) for batch in test.in_order()])

    def quality(scores: np.ndarray) -> float:
        return ndcg(test.slates.offsets, scores, test.slates.candidates, test.slates.grades)

    for name in MODALITIES:
        assert quality(found[f"masked_{name}"]) < quality(whole) - 0.01
        assert quality(found[f"only_{name}"]) < quality(whole) - 0.03
    weights = np.stack([found[f"attention_{name}"] for name in MODALITIES], 1)
    there = np.stack([getattr(data.vectors, f"{name}_present")[test.slates.candidates] for name in MODALITIES], 1)
    assert (weights[~there & there.any(1, keepdims=True)] == 0).all()
    np.testing.assert_allclose(weights[there.any(1)].sum(1), 1, atol=1e-5)
    assert np.isnan(weights[~there.any(1)]).all()

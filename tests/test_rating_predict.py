"""From a table to a bundle: training that resumes, pairs, top lists, gate, bundle and Predictor."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from rating_data import workspace
from ruamel.yaml import YAML

from rankpipe import params, paths
from rankpipe.errors import InputError
from rankpipe.hub import Predictor
from rankpipe.hub.bundle import read_bundle
from rankpipe.rating import table
from rankpipe.rating.ensemble import ensemble, load
from rankpipe.rating.evaluate import evaluate
from rankpipe.rating.features import features
from rankpipe.rating.predict import predict
from rankpipe.rating.profiles import Profiles
from rankpipe.rating.push import push
from rankpipe.rating.scores import columns, ensemble_folder
from rankpipe.rating.scoring import batch_of, load_model
from rankpipe.rating.train import Cell, train
from rankpipe.training.loop import _Run

MODELS = {"mean": {}, "bias": {}, "ridge": {}, "deepfm": {"hidden_dims": [8], "embedding_dim": 4},
          "multitower": {"tower_dims": [8], "interaction_dims": [4], "ids": False}}
VALUES = {
    "seed": 7, "threads": 1, "device": "cpu", "rating": {
        "source": {"reviews": {"path": "raw.csv", "user": "who", "item": "what"}, "pairs": "pairs.csv"},
        "features": {"text": {"terms": 10, "min_count": 2}},
        "training": {"epochs": 6, "batch_size": 64, "lr": 0.01, "patience": 6, "schedule": "constant"},
        "models": MODELS, "ensemble": {}, "evaluate": {"resamples": 40, "slices": {"resamples": 20}},
        "predict": {"users": ["u3", "u0", "stranger"], "top": 4, "batch_rows": 16},
        "push": {"gate": {"metric": "rmse", "baseline": "mean"}}}}
PAIRS = "what,who\ni3,u1\ni0,nobody\nnothing,u2\ni3,u1\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder in which every stage after convert has run."""
    folder = tmp_path_factory.mktemp("rating")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        workspace(folder)
        (folder / "pairs.csv").write_text(PAIRS)
        (folder / "raw.csv").write_text("who,what,rating\n")
        write(folder, VALUES)
        features("toy")
        for model in MODELS:
            train("toy", model)
        ensemble("toy")
        evaluate("toy")
        predict("toy")
        push("toy")
    return folder


@pytest.fixture
def there(made, monkeypatch) -> Path:
    monkeypatch.chdir(made)
    return made


def write(folder: Path, values: dict) -> None:
    with (folder / "params.yaml").open("w") as file:
        YAML().dump(values, file)


def changed(**blocks: dict) -> dict:
    """VALUES with keys of some blocks of ``rating`` set."""
    rating = {k: {**v, **blocks.get(k, {})} for k, v in VALUES["rating"].items()}
    return {**VALUES, "rating": rating}


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


class TestTrain:
    @pytest.mark.parametrize("model", ["deepfm", "multitower"])
    def test_killed_at_any_step_it_ends_in_the_same_bytes(self, there, tmp_path, monkeypatch, model):
        monkeypatch.chdir(tmp_path)
        shutil.copytree(there / "build/toy/rating", "build/toy/rating")
        shutil.copy(there / "params.yaml", ".")
        whole = [contents(f("toy", "rating", model)) for f in (paths.model, paths.model_scores)]
        monkeypatch.setenv("RANKPIPE_CHECKPOINT_SECONDS", "0")
        update, steps = _Run._update, []

        def dying(run):
            update(run)
            steps.append(run.at.updates)
            if len(steps) in (3, 17):
                raise KeyboardInterrupt

        monkeypatch.setattr(_Run, "_update", dying)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                train("toy", model)
        train("toy", model)
        assert len(steps) < 17 + 6 * 10 and steps[3] <= 3
        assert [contents(f("toy", "rating", model)) for f in (paths.model, paths.model_scores)] == whole

    def test_scores_are_those_of_the_saved_model_row_by_row(self, there):
        profiles, test = Profiles.load(paths.features("toy", "rating")), table.read("toy", "test")
        for model in MODELS:
            rows, labels, ratings = columns(paths.model_scores("toy", "rating", model) / "test.parquet",
                                            ("row", "label", "rating"))
            assert np.array_equal(rows, test.rows) and np.array_equal(labels, test.ratings)
            scorer = load_model(paths.model("toy", "rating", model))
            batch = batch_of(profiles, test.users, test.items, bool(scorer.reads))
            np.testing.assert_allclose(scorer.ratings(batch), ratings, atol=2e-5)

    def test_a_train_row_s_own_review_is_out_of_what_ridge_and_trees_fit_on(self, there):
        cell = Cell("toy", "ridge", params.load())
        rows = cell.rows("train")
        batch = next(rows.batches())
        users, items = (codes[:len(batch)].numpy() for codes in (batch.users, batch.items))
        own = cell.profiles.blocks(users, items, own=np.arange(len(batch)))
        leaked = cell.profiles.blocks(users, items)
        for name in ("user_text", "item_text", "user_stats", "item_stats"):
            assert np.array_equal(batch.blocks[name].numpy(), own[name])
            assert not np.array_equal(own[name], leaked[name])
        assert sum(len(b) for b in rows.batches()) == len(rows) == 600

    def test_profiles_help_on_data_that_depend_on_them(self, there):
        board = {p.stem: json.loads(p.read_text()) for p in paths.metrics("toy", "rating").iterdir()}
        assert min(board["ridge"]["rmse"], board["deepfm"]["rmse"]) < board["mean"]["rmse"] - 0.1


class TestPredict:
    def test_pairs_in_the_file_s_order_with_spread_and_interval(self, there):
        found = pd.read_csv(paths.predictions("toy", "rating") / "pairs.csv")
        assert list(found.columns) == ["who", "what", "rating", "spread", "low", "high"]
        assert found[["what", "who"]].to_csv(index=False) == PAIRS
        assert found.loc[0].equals(found.loc[3])
        assert ((found.low <= found.rating) & (found.rating <= found.high) & (found.spread >= 0)).all()
        assert found.low.min() >= 1 and found.high.max() <= 5
        summary = json.loads((paths.predictions("toy", "rating") / "prediction.json").read_text())
        assert (summary["pairs"], summary["pairs_of_new_users"], summary["pairs_of_new_items"]) == (4, 1, 1)
        assert (summary["users"], summary["new_users"]) == (3, 1)

    def test_a_new_user_is_rated_by_the_mean_profile(self, there):
        """Not by zeros: the row that features stores for cold ones stands in every block."""
        profiles = Profiles.load(paths.features("toy", "rating"))
        cold = profiles.blocks(np.array([-1]), np.array([0]))
        stored = profiles.blocks(np.array([profiles.inputs.n_users]), np.array([0]))
        for block in profiles.inputs.user_blocks:
            assert np.array_equal(cold[block], stored[block])
        found = pd.read_csv(paths.predictions("toy", "rating") / "pairs.csv")
        predictor = Predictor.from_pretrained(paths.bundle("toy", "rating"))
        again = predictor.predict(pd.DataFrame({"who": ["somebody else"], "what": ["i0"]}))
        assert again[0] == pytest.approx(found.rating[1], abs=1e-4)

    def test_top_lists_are_the_best_unrated_items_of_each_user(self, there):
        found = pd.read_csv(paths.predictions("toy", "rating") / "top.csv")
        assert found.who.tolist() == [u for u in ("u3", "u0", "stranger") for _ in range(4)]
        predictor = Predictor.from_pretrained(paths.bundle("toy", "rating"))
        splits = [table.read("toy", s) for s in table.SPLITS]
        rated = {f"i{i}" for s in splits for i in s.items[s.users == 3]}
        everything = pd.DataFrame({"who": "u3", "what": [f"i{i}" for i in range(25)]})
        everything["rating"] = predictor.predict(everything)
        left = everything[~everything.what.isin(rated)].sort_values("rating", ascending=False, kind="stable")
        mine = found[found.who == "u3"]
        assert mine.what.tolist() == left.what.tolist()[:4] and not rated & set(mine.what)
        np.testing.assert_allclose(mine.rating, left.rating[:4], atol=1e-4)

    def test_everybody_and_any_batch_size(self, there):
        before = contents(paths.predictions("toy", "rating"))
        try:
            write(there, changed(predict={"batch_rows": 1000}))
            predict("toy")
            after = contents(paths.predictions("toy", "rating"))
            for name in ("pairs.csv", "top.csv"):
                a, b = (pd.read_csv(pd.io.common.BytesIO(x[name])) for x in (before, after))
                assert a[["who", "what"]].equals(b[["who", "what"]])
                np.testing.assert_allclose(a.rating, b.rating, atol=2e-4)
            write(there, changed(predict={"users": "all", "model": "bias", "top": 2}))
            predict("toy")
            found = pd.read_csv(paths.predictions("toy", "rating") / "top.csv")
            assert found.who.nunique() == 40 and len(found) == 80
        finally:
            write(there, VALUES)
            predict("toy")
        assert contents(paths.predictions("toy", "rating")) == before

    @pytest.mark.parametrize(("blocks", "pairs", "said"), [
        ({}, "who,item\nu1,i1\n", "no column 'what'"), ({}, "who,what\n,i1\n", "row 0 .* the id is missing"),
        ({"predict": {"model": "depfm"}}, PAIRS, "no model 'depfm' was judged at size toy; did you mean 'deepfm'"),
        ({"predict": {"users": None}, "source": {"pairs": None}}, PAIRS, "nothing to predict"),
        ({"predict": {"users": "some"}}, PAIRS, r"predict\.users")])
    def test_what_does_not_fit_is_one_clear_line(self, there, blocks, pairs, said):
        before = contents(paths.predictions("toy", "rating"))
        try:
            (there / "pairs.csv").write_text(pairs)
            write(there, changed(**blocks))
            with pytest.raises(InputError, match=said):
                predict("toy")
        finally:
            (there / "pairs.csv").write_text(PAIRS)
            write(there, VALUES)
        assert contents(paths.predictions("toy", "rating")) == before


class TestBundle:
    def test_sample_request_and_rates_of_a_frame(self, there):
        predictor = Predictor.from_pretrained(paths.bundle("toy", "rating"))
        frame, expected = predictor.sample()
        np.testing.assert_allclose(predictor.predict(frame), expected, atol=1e-6)
        frame = pd.DataFrame({"x": 1, "what": ["i3", "i0"], "who": ["u1", "nobody"]}, index=[5, 9])
        found = predictor.scorer.rate(frame)
        assert found.index.tolist() == [5, 9] and list(found.columns) == ["rating", "spread", "low", "high"]
        stored = pd.read_csv(paths.predictions("toy", "rating") / "pairs.csv")
        np.testing.assert_allclose(found.to_numpy(), stored.iloc[:2, 2:].to_numpy(), atol=1e-4)
        assert predictor.predict(frame.iloc[:0]).shape == (0,)

    def test_top_n(self, there):
        predictor = Predictor.from_pretrained(paths.bundle("toy", "rating"))
        best = predictor.scorer.top_n("u3", 5)
        assert list(best.columns) == ["what", "rating", "spread", "low", "high"] and len(best) == 5
        assert (np.diff(best.rating) <= 0).all()
        fewer = predictor.scorer.top_n("u3", 4, exclude=[best.what[0]])
        assert fewer.what.tolist() == best.what[1:].tolist()
        assert len(predictor.scorer.top_n("never seen", 50)) == 25

    def test_holds_what_it_needs_and_no_single_review(self, there):
        bundle = paths.bundle("toy", "rating")
        manifest = read_bundle(bundle)
        assert manifest.track == "rating" and manifest.metrics["valid_rmse"] > 0
        members = load(ensemble_folder("toy")).weights
        assert {p.name for p in (bundle / "models").iterdir()} == {*members, manifest.model} - {"ensemble"}
        exported = Profiles.load(bundle / "features")
        assert exported.ratings is None and exported.reviews is None
        card = (bundle / "README.md").read_text()
        assert "tabular-regression" in card and "Holm" in card and "rankpipe-rating-toy" in card

    @pytest.mark.parametrize(("frame", "said"), [
        ({"who": ["u1"]}, "no column 'what'"), ({"who": [None], "what": ["i1"]}, "row 0 .* the id is missing"),
        ({"who": [1.5], "what": ["i1"]}, "can't be an id")])
    def test_frames_that_do_not_fit(self, there, frame, said):
        predictor = Predictor.from_pretrained(paths.bundle("toy", "rating"))
        with pytest.raises(InputError, match=said):
            predictor.predict(pd.DataFrame(frame))

    def test_gate(self, there):
        try:
            write(there, changed(push={"gate": {"metric": "rmse", "baseline": "mean", "margin": 3.0}}))
            with pytest.raises(InputError, match=r"quality gate: .* does not beat mean"):
                push("toy")
            assert not paths.receipt("toy", "rating").exists()
        finally:
            write(there, VALUES)
            push("toy")
        assert paths.receipt("toy", "rating").exists()


def test_models_of_other_features_are_refused(there):
    from rankpipe.rating.inputs import Inputs
    from rankpipe.rating.serving import Rater

    profiles = Profiles.load(paths.features("toy", "rating"))
    profiles.__dict__["inputs"] = Inputs({}, {}, 1, 1, 1.0, 5.0, 3.0)
    folders = {m: paths.model("toy", "rating", m) for m in MODELS}
    with pytest.raises(InputError, match="was trained on other features"):
        Rater(profiles, load(ensemble_folder("toy")), "ensemble", folders)
    torch.set_num_threads(1)

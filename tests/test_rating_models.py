"""The contract of the rating track's models, one suite over all of them, and what each promises beyond it."""

import re

import numpy as np
import pytest
import torch
from rating_rows import INPUTS, SHUFFLED, batch, chosen, fitted, rate, split

from rankpipe import params
from rankpipe.errors import InputError
from rankpipe.losses.mse import mse
from rankpipe.rating.inputs import Batch, Inputs
from rankpipe.rating.models import MODELS, model_class
from rankpipe.rating.models.heads import Scale
from rankpipe.rating.models.rows import rmse
from rankpipe.rating.models.statistics import Statistics
from rankpipe.rating.scoring import load_model, save_model
from rankpipe.training.settings import model_params

QUICK = {"mf": {"embedding_dim": 2, "sweeps": 25}, "lightgbm": {"rounds": 30},
         "deepfm": {"embedding_dim": 4, "hidden_dims": (8, 4)},
         "multitower": {"embedding_dim": 4, "tower_dims": (8, 4), "interaction_dims": (4,)}}
NEURAL = ("deepfm", "multitower")
BLOCKED = ("ridge", "lightgbm", *NEURAL)
every_model = pytest.mark.parametrize("name", MODELS)
every_net = pytest.mark.parametrize("name", NEURAL)


@pytest.fixture(scope="module")
def models():
    torch.set_num_threads(1)
    return {name: fitted(name, **QUICK.get(name, {})) for name in MODELS}


@every_model
def test_ratings_stay_on_the_scale_and_batches_don_t_matter(models, name):
    rows = batch(60)
    for block in rows.blocks.values():
        block[::7] *= 30  # far from anything in train
    together = rate(models[name], rows)
    assert together.shape == (60,) and together.dtype == np.float32
    assert together.min() >= 1.0 and together.max() <= 5.0
    assert (together.std() > 0.05) == (name != "mean")
    alone = np.concatenate([rate(models[name], chosen(rows, [i])) for i in range(60)])
    np.testing.assert_allclose(alone, together, atol=2e-5)
    assert rate(models[name], batch(0)).shape == (0,)


@every_model
def test_saved_and_loaded_it_rates_alike_and_the_same_seed_gives_the_same_bytes(models, name, tmp_path):
    model = models[name]
    options = model_class(name).Params(**QUICK.get(name, {}))
    for folder, of in (("a", model), ("b", fitted(name, **QUICK.get(name, {})))):
        (tmp_path / folder).mkdir()
        save_model(tmp_path / folder, name, of, options, INPUTS, {})
    files = sorted(p.name for p in (tmp_path / "a").iterdir())
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file
    rows = batch(50)
    stored = load_model(tmp_path / "a", "cpu")
    assert np.array_equal(stored.ratings(rows), rate(model, rows))
    assert stored.inputs == INPUTS and set(stored.reads) <= set(INPUTS.blocks)


@pytest.mark.parametrize("name", BLOCKED)
def test_the_order_of_blocks_changes_nothing(models, name):
    rows = batch(50)
    other = fitted(name, SHUFFLED, **QUICK[name]) if name in QUICK else fitted(name, SHUFFLED)
    turned = Batch(rows.users, rows.items, dict(reversed(rows.blocks.items())), rows.ratings)
    assert list(turned.blocks) != list(rows.blocks)
    assert np.array_equal(rate(other, turned), rate(models[name], rows))


@pytest.mark.parametrize("name", BLOCKED)
def test_blocks_are_chosen_by_name_and_others_are_not_read(name):
    model = fitted(name, blocks=("item_stats", "user_text"), **QUICK.get(name, {}))
    assert set(model.reads) == {"item_stats", "user_text"}
    rows = batch(40)
    before = rate(model, rows)
    for other in ("user_stats", "item_text"):
        rows.blocks[other] += 5
    assert np.array_equal(rate(model, rows), before)
    rows.blocks["item_stats"] += 5
    assert not np.array_equal(rate(model, rows), before)
    with pytest.raises(InputError, match=rf"rating\.models\.{name}\.blocks: no block 'user_txt'.*'user_text'"):
        fitted(name, blocks=("user_txt",), **QUICK.get(name, {}))


@every_model
def test_an_unknown_id_is_rated_without_any_of_its_own(models, name):
    """Models of ids alone rate all of them alike; in nets their vectors and weights are zero."""
    rows = batch(30, cold=False)
    rows.users[:] = INPUTS.n_users
    rows.items[:] = INPUTS.n_items
    found = rate(models[name], rows)
    assert np.isfinite(found).all()
    if name in ("mean", "bias", "mf"):
        assert len(np.unique(found)) == 1
    if name == "bias":
        assert found[0] == np.float32(INPUTS.mean)
    if name in NEURAL:
        ids = models[name].ids
        assert not ids.user(rows).any() and not ids.item(rows).any() and not ids.linear(rows).any()


class TestBaselines:
    def test_bias_worked_by_hand(self):
        """Two users, two items, mean 3, one sweep from zero: c = Σ(r − 3)/(n + 1), b = Σ(r − 3 − c)/(n + 1)."""
        inputs = Inputs({}, {}, 2, 2, 1.0, 5.0, 3.0)
        train = Batch(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 0]), {}, torch.tensor([5.0, 3.0, 4.0]))
        model = model_class("bias")(inputs, model_class("bias").Params(l2=(1.0,), sweeps=1))
        model.fit(split(train), split(train), 0, 1)
        np.testing.assert_allclose(model.items, [(2 + 1) / 3, 0, 0], atol=1e-7)
        np.testing.assert_allclose(model.users, [((2 - 1) + 0) / 3, (1 - 1) / 2, 0], atol=1e-7)
        assert model.ratings(train)[0] == pytest.approx(3 + 1 + 1 / 3)

    def test_bias_keeps_the_strength_that_valid_prefers(self):
        seen = {}
        bias = model_class("bias")
        rows, valid = batch(400, 1, cold=False), batch(150, 2)
        model = bias(INPUTS, bias.Params(l2=(1.0, 1000.0))).fit(
            split(rows), split(valid), 0, 1, lambda step, m: seen.update({step: m}))
        assert {(m["l2_user"], m["l2_item"]) for m in seen.values()} == {(a, b) for a in (1, 1000) for b in (1, 1000)}
        best = min(m["rmse"] for m in seen.values())
        assert rmse(model.ratings(valid), valid.ratings.numpy()) == pytest.approx(best, abs=1e-6)
        assert seen[4]["rmse"] > best + 0.1  # shrunk to nothing it is the mean

    def test_mf_finds_factors_that_no_bias_can(self):
        """Users like either even or odd items: every mean is 3, and only p·q tells."""
        rng = np.random.default_rng(0)
        inputs = Inputs({}, {}, 30, 20, 1.0, 5.0, 3.0)
        users, items = (x.ravel() for x in np.meshgrid(np.arange(30), np.arange(20)))
        ratings = np.where((users + items) % 2, 4.0, 2.0).astype(np.float32)
        hidden = rng.random(600) < 0.3
        rows = [Batch(torch.from_numpy(users[m]), torch.from_numpy(items[m]), {}, torch.from_numpy(ratings[m]))
                for m in (~hidden, hidden)]
        found = {}
        for name, options in (("bias", {}), ("mf", {"embedding_dim": 3, "sweeps": 40})):
            model = model_class(name)(inputs, model_class(name).Params(**options)).fit(*map(split, rows), 1, 1)
            found[name] = rmse(model.ratings(rows[1]), rows[1].ratings.numpy())
        assert found["bias"] > 0.95 and found["mf"] < 0.1

    def test_mf_one_user_update_worked_by_hand(self):
        """One factor, items known for sure: the posterior is that of ridge regression on (q, 1)."""
        from rankpipe.rating.models.posterior import Posterior

        inputs = Inputs({}, {}, 1, 2, 1.0, 5.0, 3.0)
        train = Batch(torch.tensor([0, 0]), torch.tensor([0, 1]), {}, torch.tensor([5.0, 3.0]))
        posterior = Posterior(split(train), inputs, 1, 0.1, 0)
        posterior.mean[1] = np.array([[1.0, 0.5], [-1.0, 0.0]])
        posterior.covariance[1][:] = 0
        posterior.precision[0], posterior.noise = np.array([2.0, 4.0]), 0.5
        posterior.sweep(settled=False)
        x, y = np.array([[1, 1], [-1, 1]]), np.array([2 - 0.5, 0])
        system = np.diag([2.0, 4.0]) + 0.5 * x.T @ x
        np.testing.assert_allclose(posterior.mean[0][0], np.linalg.solve(system, 0.5 * x.T @ y))
        np.testing.assert_allclose(posterior.covariance[0][0], np.linalg.inv(system))

    def test_ridge_is_the_closed_form(self):
        """Against the normal equations of standardised columns, the intercept unpenalised."""
        rows, valid = batch(300, 5, cold=False), batch(50, 6)
        ridge = model_class("ridge")
        model = ridge(INPUTS, ridge.Params(l2=(30.0,))).fit(split(rows), split(valid), 0, 1)
        x = torch.cat([torch.from_numpy(model.statistics(rows.users.numpy(), rows.items.numpy(), rows.ratings.numpy())),
                       *(rows.blocks[n] for n in sorted(rows.blocks))], 1).double().numpy()
        z = (x - x.mean(0)) / x.std(0)
        y = rows.ratings.double().numpy()
        weights = np.linalg.solve(z.T @ z + 30 * np.eye(z.shape[1]), z.T @ (y - y.mean()))
        np.testing.assert_allclose(model.weights.numpy() * x.std(0), weights, atol=1e-8)

    def test_a_train_row_s_own_rating_is_out_of_its_statistics(self):
        rows = batch(200, 3, cold=False)
        users, items, ratings = rows.users.numpy(), rows.items.numpy(), rows.ratings.numpy()
        known = Statistics(INPUTS, 2.0).fit(split(rows))(users, items, ratings)
        for i in (0, 57, 199):  # as if the row had never been there
            rest = [j for j in range(200) if j != i]
            without = Statistics(INPUTS, 2.0).fit(split(chosen(rows, rest)))
            np.testing.assert_allclose(without(users[i:i + 1], items[i:i + 1])[0, [0, 2, 3]], known[i, [0, 2, 3]],
                                       atol=1e-6)
        # A user rated once knows nothing of themselves: their answer must not stand in their features.
        once = Batch(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), {}, torch.tensor([5.0, 1.0, 3.0]))
        inputs = Inputs({}, {}, 2, 2, 1.0, 5.0, 3.0)
        own = Statistics(inputs, 1.0).fit(split(once))(np.array([0]), np.array([0]), np.array([5.0]))
        assert own[0, 1] == 0 and own[0, 3] == 0 and own[0, 0] == -1  # the item's other rating is 1: (1 − 3)/(1 + 1)


class TestNets:
    @every_net
    @pytest.mark.parametrize("options", [{}, {"ids": False}, {"blocks": ()}])
    def test_every_parameter_gets_a_gradient(self, name, options):
        torch.manual_seed(1)
        cls = model_class(name)
        model = cls(INPUTS, cls.Params(**{**QUICK[name], **options})).train()
        for size in (64, 1, 0):
            rows = batch(size)
            model.zero_grad()
            mse(model(rows), rows.ratings).backward()
            if size == 64:
                idle = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
                assert not idle

    @every_net
    def test_starts_at_the_mean_and_refuses_to_see_nothing(self, name):
        cls = model_class(name)
        torch.manual_seed(1)
        model = cls(INPUTS, cls.Params(**QUICK[name])).eval()
        assert abs(rate(model, batch(200)).mean() - INPUTS.mean) < 0.5
        with pytest.raises(InputError, match=f"{name}.*set ids: true"):
            cls(INPUTS, cls.Params(ids=False, blocks=()))

    def test_scale_by_hand(self):
        scale = Scale(INPUTS)
        assert scale(torch.zeros(1)).item() == pytest.approx(3.4, abs=1e-6)
        ends = scale(torch.tensor([-200.0, 200.0])).detach()
        assert ends.tolist() == [1.0, 5.0]

    def test_fm_term_is_the_double_sum_over_different_columns(self):
        """Everything else off: z = Σ_{i<j} x_i x_j ⟨v_i, v_j⟩ over all columns, then over the ids too."""
        for ids in (False, True):
            model = fitted("deepfm", ids=ids, embedding_dim=3, hidden_dims=(2,))
            for part in (model.mlp, model.linear):
                for p in part.parameters():
                    p.data.zero_()
            if ids:
                for table in model.ids.weights.values():
                    table.weight.data.zero_()
            model.vectors.weight.data *= 20
            rows = batch(7)
            x = torch.cat([rows.blocks[n] for n in sorted(rows.blocks)], 1)
            vectors = model.vectors.weight.detach()[None] * x[..., None]
            if ids:
                own = torch.stack([model.ids.user(rows), model.ids.item(rows)], 1)
                vectors = torch.cat([own, vectors], 1).detach()
            fields = vectors.shape[1]
            z = [sum(float(v[i] @ v[j]) for i in range(fields) for j in range(i + 1, fields)) for v in vectors]
            expected = 1 + 4 / (1 + np.exp(-(np.array(z) + float(model.scale.bias))))
            np.testing.assert_allclose(rate(model, rows), expected, atol=1e-4)
            assert np.ptp(expected) > 0.1

    @pytest.mark.parametrize(("side", "other"), [("user", "item"), ("item", "user")])
    def test_a_tower_reads_its_own_side_only(self, models, side, other):
        model, rows = models["multitower"], batch(20)
        before = model.tower(side, rows)
        for name in INPUTS.item_blocks if other == "item" else INPUTS.user_blocks:
            rows.blocks[name] = rows.blocks[name] + 7
        setattr(rows, f"{other}s", (getattr(rows, f"{other}s") + 1) % 12)
        assert torch.equal(model.tower(side, rows), before)
        own = next(iter(INPUTS.user_blocks if side == "user" else INPUTS.item_blocks))
        rows.blocks[own] = rows.blocks[own] + 7
        assert not torch.equal(model.tower(side, rows), before)

    @every_net
    def test_learns_what_ratings_depend_on(self, name):
        torch.manual_seed(0)
        cls = model_class(name)
        model = cls(INPUTS, cls.Params(**QUICK[name]))
        rows, valid = batch(600, 1), batch(200, 2)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        for _ in range(60):
            optimizer.zero_grad()
            (mse(model(rows), rows.ratings) / len(rows)).backward()
            optimizer.step()
        assert rmse(rate(model.eval(), valid), valid.ratings.numpy()) < 0.7 * float(valid.ratings.std())


class TestRegistry:
    def test_an_unknown_model_or_parameter_is_named(self):
        with pytest.raises(InputError, match=re.escape("rating.models.depfm: no such model; did you mean 'deepfm'?")):
            model_class("depfm")
        values = {"rating": {"training": {}, "models": {"deepfm": {"dropuot": 0.1}, "mf": {"lr": 0.1}}}}
        with pytest.raises(InputError, match="dropuot: unknown parameter; did you mean 'dropout'"):
            model_params(values, "rating", "deepfm", model_class("deepfm"))
        with pytest.raises(InputError, match=r"mf\.lr: unknown parameter"):
            model_params(values, "rating", "mf", model_class("mf"))

    @every_model
    def test_params_yaml_names_only_what_models_have(self, root, name):
        values = params.load(root / "params.yaml")
        model_params(values, "rating", name, model_class(name))

    @pytest.mark.parametrize("name", ["bias", "ridge"])
    def test_an_empty_list_of_strengths_is_refused(self, name):
        with pytest.raises(ValueError, match="l2 is empty"):
            model_class(name).Params(l2=())

    def test_damaged_weights_are_refused(self, models, tmp_path):
        save_model(tmp_path, "bias", models["bias"], model_class("bias").Params(), INPUTS, {})
        path = tmp_path / "model.safetensors"
        bytes_ = bytearray(path.read_bytes())
        bytes_[-3] ^= 1
        path.write_bytes(bytes_)
        with pytest.raises(InputError, match="its sha256 is not the one in config"):
            load_model(tmp_path)

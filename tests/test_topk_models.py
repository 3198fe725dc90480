"""The contract of the top-N models, one suite over all of them."""

from functools import cache

import numpy as np
import pytest
import topk_small as small
import torch
from scipy.sparse import csr_matrix, vstack

from rankpipe.errors import InputError
from rankpipe.params import block
from rankpipe.topk.batches import Batch, TakenBatches
from rankpipe.topk.fields import field
from rankpipe.topk.fitting import Recipe
from rankpipe.topk.inputs import Inputs
from rankpipe.topk.models import MODELS, model_class
from rankpipe.topk.models.cfm import depths
from rankpipe.topk.models.sides import Side, stored_fields, summed
from rankpipe.topk.objective import summed as loss_of
from rankpipe.topk.recommend import recommend
from rankpipe.topk.scoring import load_model, save_model, scorer

NEURAL = [name for name in MODELS if model_class(name).neural]
SEPARABLE = [name for name in MODELS if model_class(name).separable]
PAIRS = [name for name in NEURAL if name not in SEPARABLE]
RANDOM = [*NEURAL, "als"]
BY_HISTORY = ["pop", "itemknn", "ease"]
WITH_FIELDS = ["fm", "lfm", "deepfm", "cfm"]
every_model = pytest.mark.parametrize("name", MODELS)
TAKEN, LEFT = small.checkerboard()
USERS = np.arange(TAKEN.shape[0])


@cache
def checkered(name):
    return small.trained(name, TAKEN)


def first_items(scores: np.ndarray, seen: csr_matrix = TAKEN) -> np.ndarray:
    return np.where(seen.toarray() > 0, -np.inf, scores).argmax(1)


@pytest.mark.parametrize("name", [n for n in MODELS if n != "pop"])
def test_every_model_finds_the_answer_of_the_checkerboard(name):
    lists, scores = recommend(checkered(name)[1], USERS, TAKEN, 3)
    assert lists[:, 0].tolist() == LEFT.tolist()
    assert (scores[:, 0] > scores[:, 1]).all()


def test_popularity_by_hand():
    taken = csr_matrix(np.array([[1, 1, 0, 0], [1, 0, 0, 1], [1, 1, 0, 0]], np.float32))
    _, popular = small.trained("pop", taken)
    assert popular.block(np.array([0, 2])).tolist() == [[3, 2, 0, 1]] * 2
    assert popular.fold_in(csr_matrix((1, 4), dtype=np.float32)).tolist() == [[3, 2, 0, 1]]
    assert recommend(popular, np.arange(3), taken, 2)[0].tolist() == [[3, 2], [1, 2], [3, 2]]


def test_itemknn_by_hand():
    taken = csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1]], np.float32))
    _, near = small.trained("itemknn", taken, shrink=1.0, neighbours=1)
    # n = (2, 3, 1), n_01 = 2, n_12 = 1: s_01 = 2/(√6 + 1), s_12 = 1/(√3 + 1). Nearest to 0 and to 2 is 1, to 1 it is 0.
    s01, s12 = 2 / (6**0.5 + 1), 1 / (3**0.5 + 1)
    np.testing.assert_allclose(near.block(np.array([0])), [[s01, s01, s12]], rtol=1e-6)
    np.testing.assert_allclose(near.block(np.array([2])), [[s01, 0, s12]], rtol=1e-6)


@pytest.mark.parametrize(("dropout", "fields"), [(0.0, 0.0), (0.25, 0.0), (0.0, 2.0)])
def test_ease_is_the_ridge_regression_of_each_item_on_the_others(dropout, fields):
    inputs = small.with_fields(TAKEN)
    _, found = small.trained("ease", TAKEN, inputs, regularization=3.0, dropout=dropout, fields=fields)
    x = TAKEN.toarray().astype(np.float64)
    y = np.concatenate([x, *(fields**0.5 * f.matrix().toarray().T.astype(np.float64) for f in inputs.item_fields)])
    penalty = np.eye(len(x.T)) * 3.0 + np.diag((x * x).sum(0)) * dropout / (1 - dropout)
    for item in (0, 5):
        others = [i for i in range(y.shape[1]) if i != item]
        weights = np.linalg.solve(y[:, others].T @ y[:, others] + penalty[np.ix_(others, others)],
                                  y[:, others].T @ y[:, item])
        np.testing.assert_allclose(found.block(USERS)[:, item], x[:, others] @ weights, atol=1e-4)


def test_als_minimises_its_loss():
    """At the end of each half iteration the gradient of the loss, taken by autograd, is zero on that half's side."""
    taken = TAKEN.toarray()
    taken[::3, :7] = 0  # penalties weigh users by their number of items
    fitted, _ = small.trained("als", csr_matrix(taken), epochs=3)
    p = small.recipe("als").params
    users, items = (torch.tensor(fitted.state[k], dtype=torch.float64, requires_grad=True) for k in ("users", "items"))
    x = torch.tensor(taken, dtype=torch.float64)
    z = users @ items.T
    counts = x.sum(1) + p.unobserved * x.shape[1]
    value = (x * (1 - z) ** 2).sum() + p.unobserved * z.square().sum()
    value = value + p.regularization * (counts**p.exponent * users.square().sum(1)).sum()
    on_users, on_items = torch.autograd.grad(value, (users, items))
    assert on_users.abs().max() < 1e-4 < on_items.abs().max()


@pytest.mark.parametrize("name", SEPARABLE)
def test_blocks_are_the_product_of_the_factors(name):
    found = checkered(name)[1]
    whole = found.factors.users @ found.factors.items.T + found.factors.item_bias
    np.testing.assert_allclose(found.block(USERS[::5]), whole[::5], atol=1e-5)


@pytest.mark.parametrize("name", [n for n in NEURAL if n in SEPARABLE])
def test_the_module_scores_what_its_factors_score(name):
    model = built(name).eval()
    batch = batch_of(model, USERS[:5])
    users, items, bias = model.factors()
    scores = model(batch)
    torch.testing.assert_close(users[:5] @ items.T + bias, scores)
    assert scores.std() > 0.01


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_in_training_score_as_in_blocks(name):
    model = built(name).eval()
    batch = batch_of(model, USERS[:5])
    whole = model.block(batch.users)
    rows, items = batch.rows[:, None], torch.cat([batch.items[:, None], batch.negatives], 1)
    torch.testing.assert_close(model(batch), whole[rows, items], atol=1e-5, rtol=1e-5)
    assert whole.std() > 1e-4


@every_model
def test_saved_and_loaded_it_scores_the_same(name, tmp_path):
    inputs = small.with_fields(TAKEN)
    how = small.recipe(name, epochs=1)
    fitted, found = small.trained(name, TAKEN, inputs, epochs=1)
    save_model(tmp_path, name, how.params, inputs, fitted.state, {"epochs": fitted.epochs})
    loaded = load_model(tmp_path, TAKEN)
    assert np.array_equal(loaded.block(USERS), found.block(USERS))
    with pytest.raises(InputError, match="trained on 24 users and 12 items, where the data hold 23 and 12"):
        load_model(tmp_path, TAKEN[:-1])
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(InputError, match="damaged, its sha256"):
        load_model(tmp_path, TAKEN)


@pytest.mark.parametrize("name", [*BY_HISTORY, "als"])
def test_folding_in_a_known_history_gives_its_own_scores(name):
    found = checkered(name)[1]
    np.testing.assert_allclose(found.fold_in(TAKEN[:7]), found.block(USERS[:7]), atol=1e-5)


@pytest.mark.parametrize("name", [n for n in SEPARABLE if n != "als"])
def test_folding_in_a_known_history_comes_near_its_own_scores(name):
    found = checkered(name)[1]
    folded, own = found.fold_in(TAKEN), found.block(USERS)
    assert first_items(folded).tolist() == LEFT.tolist()
    assert np.corrcoef(folded.ravel(), own.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("name", SEPARABLE)
def test_users_known_by_their_history_alone_are_folded_in(name):
    """As in a split that holds whole users out: the last four have no row in training."""
    shown = vstack([TAKEN[:-4], csr_matrix((4, TAKEN.shape[1]), dtype=np.float32)]).tocsr()
    how, inputs = small.recipe(name), small.plain(TAKEN)
    fitted, _ = small.trained(name, shown, inputs)
    found = scorer(name, how.params, inputs, fitted.state, TAKEN)
    assert first_items(found.block(USERS))[-4:].tolist() == LEFT[-4:].tolist()


@pytest.mark.parametrize("name", PAIRS)
def test_models_of_pairs_refuse_new_users(name):
    with pytest.raises(InputError, match=f"{name} can't score users whom it wasn't trained on"):
        checkered(name)[1].fold_in(TAKEN[:1])


@every_model
def test_fields_of_any_kind_and_what_nobody_took(name):
    """Fields of 2,989 values, rows without any, an item without takers, a user without items: all scores are finite."""
    taken = TAKEN.tolil()
    taken[3], taken[:, 5] = 0, 0
    taken = taken.tocsr()
    taken.eliminate_zeros()
    _, found = small.trained(name, taken, small.with_fields(taken), epochs=2)
    scores = found.block(USERS)
    assert scores.shape == taken.shape and scores.dtype == np.float32 and np.isfinite(scores).all()
    # Codes come as int32 too, in any order, and none at all.
    assert np.array_equal(found.block(np.array([3, 0], np.int32)), scores[[3, 0]]) or name in PAIRS
    np.testing.assert_allclose(found.block(np.array([3, 0], np.int32)), scores[[3, 0]], atol=1e-5)
    assert found.block(np.zeros(0, np.int32)).shape == (0, taken.shape[1])
    if name in ("mf", "lmf"):  # who took nothing is the mean of the others, not the noise that training began with
        width = 2  # without the column that carries the bias
        np.testing.assert_allclose(found.factors.users[3, :width],
                                   np.delete(found.factors.users, 3, 0)[:, :width].mean(0), atol=1e-6)


@every_model
def test_one_user_and_one_item(name):
    one = csr_matrix(np.array([[1, 0, 1]], np.float32))
    _, found = small.trained(name, one, epochs=2)
    assert np.isfinite(found.block(np.zeros(1, np.int64))).all()
    all_taken = csr_matrix(np.ones((2, 1), np.float32))
    if name in PAIRS:
        with pytest.raises(InputError, match="nothing to train on"):
            small.trained(name, all_taken)
    else:
        assert small.trained(name, all_taken, epochs=2)[1].block(np.arange(2)).shape == (2, 1)


@every_model
def test_same_seed_same_bytes(name):
    inputs = small.with_fields(TAKEN)

    def run(seed):
        state = small.trained(name, TAKEN, inputs, seed, epochs=2)[0].state
        return b"".join(state[key].tobytes() for key in sorted(state))

    first = run(3)
    assert run(3) == first
    assert (run(4) != first) == (name in RANDOM)


@pytest.mark.parametrize("name", NEURAL)
def test_every_parameter_gets_a_gradient(name):
    model = built(name).train()
    batch = batch_of(model, USERS)
    loss_of(small.recipe(name).params, model(batch), batch, model.separable).backward()
    idle = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not idle


@pytest.mark.parametrize("name", NEURAL)
def test_an_empty_batch(name):
    model = built(name).train()
    none = torch.zeros(0, dtype=torch.int64)
    batch = Batch(none, none, none, none.view(0, 2) if name in PAIRS else None)
    scores = model(batch)
    assert len(scores) == 0
    scores.sum().backward()


@pytest.mark.parametrize("name", WITH_FIELDS)
def test_a_field_alone_tells_items_apart(name):
    """With the items' ids silenced, items of one kind score alike and those of another kind don't."""
    kind = field("kind", 2, np.arange(12), np.arange(12) % 2, 12)
    model = built(name, Inputs(*TAKEN.shape, (), (kind,))).eval()
    with torch.no_grad():
        model.items.table.weight[:12] = 0
        model.items.weight.weight[:12] = 0
        users = torch.arange(4)
        scores = model.block(users) if name in PAIRS else model(Batch(users, users, users))
    torch.testing.assert_close(scores[:, 2:], scores[:, :-2])
    assert (scores[:, 0] - scores[:, 1]).abs().min() > 1e-4


def test_a_side_by_hand():
    """Mean of active values, zeros for none; the pairs within a side; and the gradients of both."""
    colours = field("colour", 3, np.array([0, 0, 2]), np.array([0, 2, 1]), 3)
    side = Side(3, (colours,), 2)
    with torch.no_grad():
        side.table.weight.copy_(torch.arange(12.0).view(6, 2))
        side.weight.weight.copy_(torch.arange(6.0)[:, None])
    vectors, linear = side()
    assert vectors.tolist() == [[[0, 1], [2, 3], [4, 5]], [[8, 9], [0, 0], [8, 9]]]
    assert linear.tolist() == [0 + (3 + 5) / 2, 1, 2 + 4]
    total, pairs = summed(vectors)
    assert total.tolist() == [[8, 10], [2, 3], [12, 14]] and pairs.tolist() == [9, 0, 4 * 8 + 5 * 9]
    some, weights = side(torch.tensor([2, 0]))
    assert torch.equal(some, vectors[:, [2, 0]]) and torch.equal(weights, linear[[2, 0]])
    stored, = stored_fields([("colour", 3)], 3, side.offsets.numpy(), side.values.numpy())
    assert stored.values.tolist() == [0, 2, 1] and stored.offsets.tolist() == [0, 2, 2, 3]


def test_gradients_of_a_side_equal_autograds():
    inputs = small.with_fields(TAKEN)
    side = Side(12, inputs.item_fields, 3).double()
    side.reset(1.0)
    nothing = [side.bags(torch.arange(12)), side.bags(None)]  # an index goes by plain embedding bags

    def gradient(bags, total_of):
        side.zero_grad()
        total, pairs = total_of(side.vectors(*bags))
        (total.square().sum() + (pairs * torch.arange(12.0)).sum()).backward()
        return side.table.weight.grad.clone()

    def written_out(vectors):
        return vectors.sum(0), (vectors.sum(0).square() - vectors.square().sum(0)).sum(1) / 2

    torch.testing.assert_close(gradient(nothing[1], summed), gradient(nothing[0], written_out))


def test_depths_of_cfm_end_in_one():
    for pairs in (1, 2, 6, 15, 45):
        for layers in (1, 2, 3, 6):
            found = depths(pairs, layers)
            assert len(found) == layers and pairs - sum(k - 1 for k in found) == 1
    assert depths(15, 3) == [6, 6, 5]


def test_parameters_say_what_they_miss():
    def parameters(name, **own):
        return block(model_class(name).Params, own, f"params.yaml: topk.models.{name}")

    with pytest.raises(InputError, match="bpr compares with drawn negatives; set negatives"):
        parameters("mf", loss="bpr")
    with pytest.raises(InputError, match="embedding_dim is 12; halved by every layer"):
        parameters("cfm", embedding_dim=12)
    with pytest.raises(InputError, match="hidden_dims is empty"):
        parameters("deepfm", hidden_dims=[])
    with pytest.raises(InputError, match="negatives: 0 is out of range"):
        parameters("deepfm", negatives=0)
    with pytest.raises(InputError, match=r"topk.models.msf: no such model; did you mean 'mf'\?"):
        Recipe.read({}, "msf")
    with pytest.raises(InputError, match=r"ease.regularization: too small for float32"):
        small.trained("ease", csr_matrix(np.ones((2, 3), np.float32)), regularization=1e-9)


def built(name, inputs=None) -> torch.nn.Module:
    """Untrained, with fields, and with vectors so large that scores differ."""
    torch.manual_seed(5)
    model = model_class(name)(inputs or small.with_fields(TAKEN), small.recipe(name, init_std=0.5).params)
    for key, p in model.named_parameters():
        if "bias" in key or "weight.weight" in key:
            torch.nn.init.normal_(p, std=0.5)
    return model


def batch_of(model, users) -> Batch:
    batches = TakenBatches(TAKEN[users], len(users) * 12, 1, negatives=0 if model.separable else 2)
    return next(batches.epoch(0))[0]

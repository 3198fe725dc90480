"""The contract of the track's models, one suite over all of them."""

import re

import models_inputs as given
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from rankpipe import params
from rankpipe.ctr.models import MODELS, model_class
from rankpipe.ctr.models.fields import Fields
from rankpipe.ctr.settings import model_params
from rankpipe.errors import InputError
from rankpipe.io.tensors import load_tensors, save_tensors
from rankpipe.nn.embedding import FieldTable, embedding_parameters

NEURAL = [name for name in MODELS if name != "lightgbm"]
WITH_HISTORY = ["din", "bst", "feseq"]
OPTIONS = [
    *((name, {}) for name in NEURAL),
    *((name, {"history": "mean"}) for name in ("lr", "fm", "deepfm", "dcnv2", "autoint")),
    ("deepfm", {"batch_norm": True}), ("dcnv2", {"rank": 2}), ("dcnv2", {"structure": "stacked"}),
    ("autoint", {"hidden_dims": ()}), ("autoint", {"heads": 3, "attention_dim": 8}),
    ("din", {"activation": "prelu"}), ("din", {"softmax": True}), ("din", {"attention_dims": (8, 4)}),
    ("bst", {"pooling": "mean"}), ("bst", {"pooling": "sum"}), ("bst", {"pooling": "concat"}),
    ("bst", {"blocks": 2, "norm": "pre"}), ("bst", {"positions": False, "heads": 3}),
    *(("feseq", {"pooling": p}) for p in ("mean", "sum", "last", "dot", "din")),
    ("feseq", {"interaction": "cross"}), ("feseq", {"context": None}), ("feseq", {"context": ("hour",), "blocks": 2}),
    ("feseq", {"history_layers": 0, "target_layers": 0}), ("feseq", {"norm": "none", "pooling_table": False}),
    ("feseq", {"norm": "post", "positions": False, "intervals": False}),
]
INPUTS = {"plain": given.PLAIN, "shared": given.SHARED, "two groups": given.TWO_GROUPS, "no numeric": given.NO_NUMERIC}
every_option = pytest.mark.parametrize(("name", "options"), OPTIONS, ids=lambda x: str(x))
every_input = pytest.mark.parametrize("inputs", INPUTS.values(), ids=INPUTS)


def build(name, inputs, seed=3, **options) -> nn.Module:
    torch.manual_seed(seed)
    cls = model_class(name)
    return cls(inputs, cls.Params(**options))


def lively(model: nn.Module) -> nn.Module:
    """Without dropout, and with vectors so large that scores differ."""
    for table in embedding_parameters(model):
        table[1].data *= 50
    return model.eval()


@every_option
@every_input
def test_every_parameter_gets_a_gradient(name, options, inputs):
    torch.set_num_threads(1)
    model = lively(build(name, inputs, **options)).train()
    logits = model(given.batch(inputs, 64))
    assert logits.shape == (64,) and logits.dtype == torch.float32
    bce(logits, given.batch(inputs, 64).labels).backward()
    idle = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not idle
    for module in model.modules():
        if isinstance(module, FieldTable):
            assert not module.weight[0].any() and not module.weight.grad[0].any()


@every_option
def test_batches_of_one_and_of_none(name, options):
    model = build(name, given.SHARED, **options)
    for training in (True, False):
        model.train(training)
        assert model(given.batch(given.SHARED, 1)).shape == (1,)
        none = model(given.batch(given.SHARED, 0))
        assert none.shape == (0,)
        if training:
            none.sum().backward()


@every_option
@every_input
def test_a_row_scores_alike_alone_and_beside_longer_ones(name, options, inputs):
    model = lively(build(name, inputs, **options))
    rows = given.batch(inputs, 5, lengths=(2, 7, 0, 1, 7))
    together = model(rows)
    alone = torch.cat([model(given.chosen(rows, [i])) for i in range(5)])
    assert together.std() > 1e-4
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NEURAL)
def test_overfits_32_rows(name):
    rows = given.batch(given.PLAIN, 32, seed=1)
    rows.numeric = torch.rand(32, 3, generator=torch.Generator().manual_seed(5))
    rows.categorical[:, 0] = torch.randint(1, 6, (32,), generator=torch.Generator().manual_seed(6))
    if name == "lr":  # which can't learn random labels: give it linear ones
        rows.labels = (rows.numeric[:, 0] > rows.numeric[:, 1]).float()
    if name == "fm":
        rows.labels = ((rows.numeric[:, 0] - 0.5) * (rows.numeric[:, 1] - 0.5) > 0).float()
    model = build(name, given.PLAIN)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1 if name in ("lr", "fm") else 0.01)
    for _ in range(300):
        optimizer.zero_grad()
        loss = bce(model(rows), rows.labels)
        loss.backward()
        optimizer.step()
        if loss < 0.05:
            break
    assert bce(model.eval()(rows), rows.labels) < 0.2


@every_option
def test_save_load_equal_scores(name, options, tmp_path):
    model = lively(build(name, given.SHARED, **options))
    save_tensors(tmp_path / "model.safetensors", dict(model.state_dict()), None)
    other = build(name, given.SHARED, seed=4, **options).eval()
    rows = given.batch(given.SHARED, 16)
    assert not torch.equal(other(rows), model(rows))
    stored = load_tensors(tmp_path / "model.safetensors")
    other.load_state_dict({k: torch.as_tensor(v) for k, v in stored.items()})
    assert torch.equal(other(rows), model(rows))


@pytest.mark.parametrize("name", NEURAL)
def test_same_seed_same_bytes(name):
    def trained():
        model = build(name, given.SHARED)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for step in range(3):
            rows = given.batch(given.SHARED, 24, seed=step)
            optimizer.zero_grad()
            bce(model(rows), rows.labels).backward()
            optimizer.step()
        return b"".join(v.numpy().tobytes() for v in model.state_dict().values())

    first = trained()
    assert first == trained()


@every_option
def test_half_precision_scores_nearly_alike(name, options):
    model, rows = build(name, given.SHARED, **options), given.batch(given.SHARED, 16)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model.train()(rows)
    logits.float().sum().backward()
    with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
        half = model.eval()(rows).float()
    with torch.inference_mode():
        torch.testing.assert_close(half, model(rows), atol=0.05, rtol=0.05)


@pytest.mark.parametrize("name", NEURAL)
def test_empty_histories(name):
    rows = given.batch(given.SHARED, 4, lengths=(0, 0, 0, 0))
    assert build(name, given.SHARED)(rows).isfinite().all()


@pytest.mark.parametrize("name", WITH_HISTORY)
def test_order_ratings_and_times_of_a_history_count(name):
    model = lively(build(name, given.SHARED))
    rows = given.batch(given.SHARED, 8, lengths=(5,) * 8)
    before = model(rows)
    rows.sequences["seq"].fields["rating"] = rows.sequences["seq"].fields["rating"] % 6 + 1
    rated = model(rows)
    assert (rated - before).abs().max() > 1e-3
    if name != "din":
        rows.sequences["seq"].ages = rows.sequences["seq"].ages * 40
        assert (model(rows) - rated).abs().max() > 1e-4


@pytest.mark.parametrize("name", WITH_HISTORY)
@pytest.mark.parametrize("inputs", [given.NO_SEQUENCE, given.ONLY_SEQUENCE])
def test_models_of_histories_say_what_they_miss(name, inputs):
    with pytest.raises(InputError, match=f"{name} needs a sequence group with a target column"):
        build(name, inputs)


@pytest.mark.parametrize("name", [n for n in NEURAL if n not in WITH_HISTORY])
@pytest.mark.parametrize("inputs", [given.NO_SEQUENCE, given.NO_CATEGORICAL])
def test_models_without_histories_take_what_there_is(name, inputs):
    assert build(name, inputs)(given.batch(inputs, 3)).shape == (3,)
    with pytest.raises(InputError, match="only sequence columns"):
        build(name, given.ONLY_SEQUENCE)
    assert build(name, given.ONLY_SEQUENCE, history="mean")(given.batch(given.ONLY_SEQUENCE, 3)).shape == (3,)


def test_target_and_history_share_vectors_where_told_and_what_is_unknown_has_its_own():
    rows = given.batch(given.SHARED, 2, lengths=(1, 1))
    rows.sequences["seq"].fields["item"] = rows.categorical[:, 1]
    for inputs, shared in ((given.SHARED, True), (given.PLAIN, False)):
        fields = Fields(inputs, 4, "tokens")
        assert torch.equal(fields.history(rows, "seq")[:, 0], fields.target(rows, "seq")[:, 0]) is shared
    rating = Fields(given.SHARED, 4, "tokens").target(rows, "seq")[:, 1]
    assert rating.all() and torch.equal(rating[0], rating[1])


def test_feseq_names_a_wrong_context_column():
    with pytest.raises(InputError, match=re.escape("'hours' is not a categorical column; did you mean 'hour'?")):
        build("feseq", given.PLAIN, context=("hours",))


def test_params_yaml_builds_every_model():
    values = params.load()
    assert set(params.get(values, "ctr.models")) == set(MODELS)
    for name in MODELS:
        own, _ = model_params(values, name)
        model_class(name)(given.PLAIN, own)


class TestLightGBM:
    """The model that is no module, under the same demands."""

    def rows(self, seed: int, inputs=given.PLAIN):
        rows = given.batch(inputs, 400, seed)
        rows.labels = ((rows.numeric[:, 0] > 0.5) | (rows.categorical[:, 0] > 3)).float()
        return rows

    def fitted(self, seed=7, report=None, blocks=2):
        cls = model_class("lightgbm")
        rows = self.rows(1)
        parts = [given.chosen(rows, list(range(i, i + 400 // blocks))) for i in range(0, 400, 400 // blocks)]
        model = cls(given.PLAIN, cls.Params(rounds=40, patience=10, metric="auc"))
        return model.fit(lambda: iter(parts), lambda: iter([self.rows(2)]), seed, 1, report)

    def test_learns_and_reports(self):
        seen = []
        model = self.fitted(report=lambda i, metrics: seen.append((i, metrics)))
        rows = self.rows(3)
        p = model.probabilities(rows)
        assert p.dtype == np.float32 and p.shape == (400,)
        assert ((p > 0.5) == rows.labels.numpy()).mean() > 0.9
        assert seen[0][0] == 1 and set(seen[0][1]) == {"auc", "average_precision", "binary_logloss"}

    def test_batches_of_one_and_of_none(self):
        model, rows = self.fitted(), self.rows(3)
        assert model.probabilities(given.batch(given.PLAIN, 0)).shape == (0,)
        assert np.array_equal(model.probabilities(given.chosen(rows, [5])), model.probabilities(rows)[5:6])

    def test_save_load_equal_scores_and_same_seed_same_bytes(self, tmp_path):
        model, rows = self.fitted(), self.rows(3)
        model.save(tmp_path)
        cls = type(model)
        stored = cls.load(tmp_path, given.PLAIN, model.params)
        assert np.array_equal(stored.probabilities(rows), model.probabilities(rows))
        (tmp_path / "again").mkdir()
        self.fitted(blocks=4).save(tmp_path / "again")
        assert (tmp_path / "again" / "model.txt").read_bytes() == (tmp_path / "model.txt").read_bytes()

    def test_refuses_what_is_no_model_of_these_inputs(self, tmp_path):
        model = self.fitted()
        cls = type(model)
        with pytest.raises(InputError, match="not found; train lightgbm first"):
            cls.load(tmp_path, given.PLAIN, model.params)
        model.save(tmp_path)
        with pytest.raises(InputError, match="6 features where the inputs have 3; train again"):
            cls.load(tmp_path, given.NO_NUMERIC, model.params)
        (tmp_path / "model.txt").write_text("tree\nnothing\n")
        with pytest.raises(InputError, match="not a LightGBM model"):
            cls.load(tmp_path, given.PLAIN, model.params)
        with pytest.raises(InputError, match="needs a categorical or numeric column"):
            cls(given.ONLY_SEQUENCE, model.params)

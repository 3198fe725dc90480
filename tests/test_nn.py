"""Layers against their formulas, written out or worked out by hand."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from rankpipe.nn.attention import FieldAttention, SelfAttention
from rankpipe.nn.cross import CrossNetV2, pairs
from rankpipe.nn.embedding import FieldTable, NumericVectors, embedding_parameters
from rankpipe.nn.initialisation import initialise
from rankpipe.nn.mlp import BatchNorm, Dice, FieldMLP
from rankpipe.nn.pooling import ActivationUnit, Bilinear, Dot, Last, Mean, Sum, pooling
from rankpipe.nn.positions import Intervals, Order
from rankpipe.nn.segments import join, segment_mean, segment_softmax, segment_sum, spread, unpad
from rankpipe.nn.transformer import TransformerBlock

LENGTHS = torch.tensor([2, 0, 3])


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)
    torch.set_num_threads(1)


def test_all_pairs():
    vectors, x, weight = torch.randn(4, 3, 5), torch.randn(4, 2), torch.randn(2, 5)
    fields = torch.cat([vectors, x[:, :, None] * weight], 1)
    brute = sum((fields[:, i] * fields[:, j]).sum(1) for i in range(5) for j in range(i + 1, 5))
    torch.testing.assert_close(pairs(vectors, x, weight), brute)


def test_cross_layers():
    net = CrossNetV2(4, 2)
    x0 = torch.randn(3, 4)
    x = x0
    for layer in net.layers:
        x = x0 * (x @ layer.up.weight.T + layer.up.bias) + x
    torch.testing.assert_close(net(x0), x)
    low = CrossNetV2(4, 1, rank=2)
    w = low.layers[0].up.weight @ low.layers[0].down.weight
    assert torch.linalg.matrix_rank(w) == 2
    torch.testing.assert_close(low(x0), x0 * (x0 @ w.T + low.layers[0].up.bias) + x0)


def test_field_table_keeps_fields_apart_and_shares_where_told():
    table = FieldTable({"a": 3, "b": 4}, 2, {"c": "b"})
    initialise(table)
    index = torch.tensor([0, 1, 2])
    assert table.rows(index, "a").tolist() == [0, 1, 2]
    assert table.rows(index, "b").tolist() == table.rows(index, "c").tolist() == [0, 3, 4]
    assert table.columns(torch.tensor([[2, 3], [0, 0]]), ("a", "b")).tolist() == [[2, 5], [0, 0]]
    assert table.num_embeddings == 6 and not table.weight[0].any() and table.weight[1:].all()


def test_embedding_parameters_are_tables_and_vectors_of_numerics():
    model = nn.ModuleDict({"t": FieldTable({"a": 3}, 2), "n": NumericVectors(2, 2), "l": nn.Linear(2, 2)})
    assert [n for n, _ in embedding_parameters(model)] == ["t.weight", "n.weight"]


def test_a_tower_over_numerics_equals_one_over_written_out_vectors():
    mlp = FieldMLP(6, 4, 3, (5, 2))
    dense, x, vectors = torch.randn(7, 6), torch.randn(7, 4), torch.randn(4, 3, requires_grad=True)
    written = torch.cat([dense, (x[:, :, None] * vectors).flatten(1)], 1)
    weight = torch.cat([mlp.first.dense, mlp.first.numeric.flatten(0, 1).T], 1)
    torch.testing.assert_close(mlp(dense, x, vectors), mlp.rest(F.linear(written, weight, mlp.first.bias)))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("rows", [7, 3000])
def test_dice_gradients_equal_autograd_of_the_formula(rows, training):
    torch.manual_seed(0)
    dice, norm = Dice(64).train(training), BatchNorm(64, affine=False, eps=1e-8).train(training)
    dice.alpha.data = torch.randn(64)
    alpha = dice.alpha.detach().clone().requires_grad_()
    x, y = (torch.randn(rows, 64).mul_(2).add_(1).requires_grad_() for _ in range(2))
    y.data, weight = x.detach().clone(), torch.randn(rows, 64)
    p = torch.sigmoid(norm(y))
    expected = y * (alpha + (1 - alpha) * p)
    torch.testing.assert_close(dice(x), expected)
    (dice(x) * weight).sum().backward()
    (expected * weight).sum().backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(dice.alpha.grad, alpha.grad, rtol=1e-4, atol=1e-4)


def test_dice_moves_between_alpha_and_one():
    dice = Dice(2)
    dice.alpha.data = torch.tensor([0.25, -1.0])
    x = torch.randn(50, 2) * 3 + 1
    p = torch.sigmoid((x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-8).sqrt())
    torch.testing.assert_close(dice(x), p * x + (1 - p) * dice.alpha * x)
    assert dice.eval()(x[:1]).shape == (1, 2) and BatchNorm(2)(x[:1]).isfinite().all()


def written_out(layer: SelfAttention, x: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
    q, k, v = layer.qkv(x).unflatten(2, (3, layer.heads, -1)).unbind(2)  # (B, L, H, d)
    scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(q.shape[3])
    weights = scores.masked_fill(~allowed[:, None], -math.inf).softmax(3)
    return layer.out(torch.einsum("bhqk,bkhd->bqhd", weights, v).flatten(2))


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_equals_the_written_out_formula(heads):
    x, lengths = torch.randn(3, 5, 6), torch.tensor([5, 2, 4])
    mask = torch.arange(5) < lengths[:, None]
    both = SelfAttention(6, heads)
    torch.testing.assert_close(both(x, mask), written_out(both, x, mask[:, None, :].expand(-1, 5, -1)))
    causal = SelfAttention(6, heads, causal=True)
    lower = torch.ones(5, 5, dtype=torch.bool).tril().expand(3, -1, -1)
    torch.testing.assert_close(causal(x, mask), written_out(causal, x, lower))
    last = causal(x, mask, x.gather(1, (lengths - 1)[:, None, None].expand(-1, 1, 6)))
    torch.testing.assert_close(last[:, 0], causal(x, mask)[torch.arange(3), lengths - 1])


def test_field_attention_equals_the_written_out_formula():
    layer, x = FieldAttention(4, 2), torch.randn(3, 5, 4)
    q, k, v = layer.qkv(x).unflatten(2, (3, 2, 2)).unbind(2)
    weights = (torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(2)).softmax(3)
    mixed = torch.einsum("bhqk,bkhd->bqhd", weights, v).flatten(2)
    torch.testing.assert_close(layer(x), F.relu(mixed + x @ layer.residual.weight.T))


@pytest.mark.parametrize("norm", ["pre", "post", "none"])
def test_a_causal_block_never_looks_ahead(norm):
    block = TransformerBlock(8, 2, 8, norm=norm, causal=True).eval()
    x, lengths = torch.randn(2, 6, 8), torch.tensor([6, 4])
    mask = torch.arange(6) < lengths[:, None]
    states, other = block(x, mask), x.clone()
    other[:, 3] = torch.randn(2, 8)
    changed = block(other, mask)
    assert torch.equal(changed[:, :3], states[:, :3])
    assert (changed[0, 3:] - states[0, 3:]).abs().amax(1).min() > 0
    at = block(x, mask, lengths - 1)
    torch.testing.assert_close(at[:, 0], states[torch.arange(2), lengths - 1])


def test_attention_in_training_holds_no_map_of_positions():
    layer, x = SelfAttention(4, 2, dropout=0.5, causal=True), torch.randn(1, 300, 4)
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
        layer(x)
    assert max(sizes) < 300 * 300


def test_segments():
    x = torch.tensor([[1.0], [2.0], [3.0], [4.0], [5.0]], requires_grad=True)
    assert segment_sum(x, LENGTHS).flatten().tolist() == [3, 0, 12]
    assert segment_mean(x, LENGTHS).flatten().tolist() == [1.5, 0, 4]
    assert spread(torch.tensor([7.0, 8.0, 9.0]), LENGTHS).tolist() == [7, 7, 9, 9, 9]
    weights = segment_softmax(torch.tensor([0.0, math.log(3), 1000.0, 1000.0, -1000.0]), LENGTHS)
    torch.testing.assert_close(weights, torch.tensor([0.25, 0.75, 0.5, 0.5, 0.0]))
    double = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: segment_sum(t, LENGTHS), double)
    assert torch.autograd.gradcheck(lambda t: spread(t, LENGTHS), double[:3].detach().requires_grad_())
    assert torch.autograd.gradcheck(lambda t: segment_softmax(t, LENGTHS), double[:, 0].detach().requires_grad_())


def test_join_puts_the_target_behind_the_newest():
    grid = join(torch.arange(1.0, 6.0), torch.tensor([-1.0, -2.0, -3.0]), LENGTHS)
    assert grid.tolist() == [[1, 2, -1, 0], [-2, 0, 0, 0], [3, 4, 5, -3]]
    assert unpad(grid, LENGTHS + 1).tolist() == [1, 2, -1, -2, 3, 4, 5, -3]


def test_positions_count_back_from_the_target():
    order, intervals = Order(2, 1), Intervals(1)
    order.weight.data = torch.tensor([[0.0], [1.0], [2.0]])
    assert order(LENGTHS, 4)[2].flatten().tolist() == [2, 2, 1, 0]  # max_len 2: the oldest of three shares its vector
    ages = torch.tensor([-5.0, 0.0, 1.0, 3.0, 2.0**31, 1e20])
    assert intervals.buckets(ages).tolist() == [1, 1, 3, 5, 63, 64]


def test_bilinear_pooling_by_hand():
    pool = Bilinear(1, 2)
    pool.project.weight.data = torch.tensor([[math.sqrt(2)], [0.0]])  # target t → (√2 t, 0)
    states = torch.tensor([[0.0, 1.0], [math.log(3), 5.0]])
    pooled = pool(states, torch.tensor([[1.0]]), torch.tensor([2]))  # scores 0 and ln 3: weights ¼ and ¾
    torch.testing.assert_close(pooled, torch.tensor([[0.75 * math.log(3), 4.0]]))


def test_simple_poolings_by_hand():
    states, target = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.zeros(2, 2)
    lengths = torch.tensor([0, 2])
    for pool, expected in ((Sum(), [4, 6]), (Mean(), [2, 3]), (Last(), [3, 4]), (Dot(), [2, 3])):
        assert pool(states, target, lengths).tolist() == [[0, 0], expected]


@pytest.mark.parametrize("name", ["bilinear", "dot", "din", "mean", "sum", "last"])
def test_every_pooling_gives_one_vector_a_row(name):
    pool = pooling(name, 3, 4)
    out = pool(torch.randn(5, 4), torch.randn(3, 3), LENGTHS)
    assert out.shape == (3, 4) and not out[1].any()
    assert pool(torch.zeros(0, 4), torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64)).tolist() == [[0] * 4] * 2


@pytest.mark.parametrize("softmax", [True, False])
@pytest.mark.parametrize("kind", ["prelu", "dice"])
def test_the_activation_unit_equals_a_padded_one(softmax, kind):
    unit = ActivationUnit(4, (6, 3), kind, softmax).eval()
    states, target = torch.randn(5, 4), torch.randn(3, 4)
    w_q, w_s, w_p = unit.on_target.weight, *unit.on_items.weight.split(4, 1)
    full = torch.cat([w_q, w_s, torch.zeros_like(w_q), w_p], 1)  # of [q, s, q − s, q ⊙ s]
    full[:, :4], full[:, 4:8], full[:, 8:12] = w_q - 0.5, w_s + 0.5, 0.5  # the same map with a share for q − s
    mask = torch.arange(3) < LENGTHS[:, None]
    padded = torch.zeros(3, 3, 4)
    padded[mask] = states
    query = target[:, None].expand(-1, 3, -1)
    hidden = F.linear(torch.cat([query, padded, query - padded, query * padded], 2), full, unit.on_target.bias)
    weights = unit.rest(hidden.flatten(0, 1)).view(3, 3)
    if softmax:
        weights = weights.masked_fill(~mask, -1e9).softmax(1)
    expected = (weights * mask)[:, :, None] * padded
    torch.testing.assert_close(unit(states, target, LENGTHS), expected.sum(1))

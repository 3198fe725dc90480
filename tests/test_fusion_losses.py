"""Losses of slates: numbers worked by hand on two candidates, and what holds for all of them."""

import math
from itertools import pairwise

import pytest
import torch

from rankpipe.fusion.inputs import Batch
from rankpipe.fusion.objective import LOSSES, Ranking, objective

every_loss = pytest.mark.parametrize("loss", LOSSES)
TWO = torch.tensor([0, 2])


def of(loss, scores, grades, offsets=TWO):
    return LOSSES[loss](torch.as_tensor(scores, dtype=torch.float32), torch.tensor(grades, dtype=torch.float32),
                        offsets)


# z = (0.5, 0.45), the first is better: the difference is 0.05.
BY_HAND = {
    "pairwise": 0.1 - 0.05,
    "ranknet": math.log(1 + math.exp(-0.05)),
    "listmle": math.log(math.exp(0.5) + math.exp(0.45)) - 0.5,
    # gains 1 and 0, places 1 and 2, ideal DCG 1
    "lambdarank": (1 - 1 / math.log2(3)) * math.log(1 + math.exp(-0.05)),
    "softmax": math.log(1 + math.exp(-0.05)),
}


@every_loss
def test_two_candidates_by_hand(loss):
    expected = BY_HAND[loss] / (2 if loss == "listmle" else 1)  # its mean is over the slate's two candidates
    assert of(loss, [0.5, 0.45], [1, 0]).item() == pytest.approx(expected, abs=1e-6)
    assert of(loss, [0.45, 0.5], [0, 1]).item() == pytest.approx(expected, abs=1e-6)


def test_gains_and_the_margin_by_hand():
    assert of("pairwise", [0.7, 0.5], [1, 0]).item() == 0  # beyond the margin
    # gains 7 and 1 of 8; −Σ p ln q less the entropy, with q = (1/2, 1/2)
    p = (7 / 8, 1 / 8)
    assert of("softmax", [1.0, 1.0], [3, 1]).item() == pytest.approx(sum(x * math.log(x / 0.5) for x in p), abs=1e-6)
    # gains 7 and 1, ideal 7 + 1/log₂3; the worse one stands first
    cost = 6 * (1 - 1 / math.log2(3)) / (7 + 1 / math.log2(3))
    assert of("lambdarank", [0.0, 1.0], [3, 1]).item() == pytest.approx(cost * math.log(1 + math.e), abs=1e-6)


def test_equals_stand_in_each_others_sum_in_listmle():
    found = of("listmle", [0.0, 0.0, 0.0], [1, 1, 0], torch.tensor([0, 3]))
    assert found.item() == pytest.approx(2 * math.log(3) / 3, abs=1e-6)


@every_loss
def test_a_better_candidate_is_pushed_up_and_a_worse_one_down(loss):
    scores = torch.tensor([0.1, 0.12, -0.3, 0.2, 0.0], requires_grad=True)
    LOSSES[loss](scores, torch.tensor([3.0, 0.0, 1.0, 0.0, 2.0]), torch.tensor([0, 3, 5])).backward()
    assert scores.grad[0] < 0 < scores.grad[1]
    assert scores.grad[4] < 0 < scores.grad[3]
    assert scores.grad.sum().item() == pytest.approx(0, abs=1e-6)  # a constant changes no order


@every_loss
def test_slates_add_up_and_the_order_of_candidates_does_not_matter(loss):
    torch.manual_seed(0)
    scores, grades, lengths = torch.randn(11), torch.randint(0, 4, (11,)).float(), [1, 4, 6]
    offsets = torch.tensor([0, 1, 5, 11])
    parts = [LOSSES[loss](s, g, torch.tensor([0, len(s)]))
             for s, g in zip(scores.split(lengths), grades.split(lengths), strict=True)]
    whole = LOSSES[loss](scores, grades, offsets)
    assert whole.item() == pytest.approx(sum(parts).item(), abs=1e-5)
    turned = torch.cat([torch.arange(a, b).flip(0) for a, b in pairwise(offsets.tolist())])
    assert LOSSES[loss](scores[turned], grades[turned], offsets).item() == pytest.approx(whole.item(), abs=1e-5)


@every_loss
def test_nothing_to_learn_is_a_loss_without_gradient(loss):
    for grades, offsets in (([2.0], [0, 1]), ([0.0, 0.0, 0.0], [0, 3]), ([], [0])):
        scores = torch.zeros(len(grades), requires_grad=True)
        found = LOSSES[loss](scores, torch.tensor(grades), torch.tensor(offsets))
        found.backward()
        assert found.item() == 0 and (scores.grad is None or not scores.grad.any())


def test_members_share_a_batch_and_their_losses_are_averaged():
    grades, offsets = torch.tensor([1.0, 0.0, 2.0, 0.0, 1.0]), torch.tensor([0, 2, 5])
    nothing = torch.zeros(5, 0)
    batch = Batch(offsets, nothing, torch.zeros(2, 0), nothing, nothing, nothing, torch.zeros(5, 3).bool(), grades)
    torch.manual_seed(1)
    scores = torch.randn(5, 3)
    for loss in LOSSES:
        together = objective(Ranking(loss=loss, members=3))(scores, batch)
        apart = [LOSSES[loss](column, grades, offsets) for column in scores.T]
        assert together.item() == pytest.approx(sum(apart).item() / 3, abs=1e-6)

"""Good and bad answers without a counterpart: the value, its reference point, the classes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from methods.engine.batch import Tokens
from methods.preference.kto import class_weights, kto_loss, mismatched, reference_point

F64 = torch.float64


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=F64)


def sigma(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_the_loss_of_unequal_classes_worked_by_hand():
    """Three good answers and two bad ones, z_0 = 1, beta 1/2, weights 1 and 3/2."""
    ratio, good = tensor(3, 1, -1, 2, -2), torch.tensor([True, True, True, False, False])
    loss = kto_loss(ratio, good, tensor(1.0)[0], 0.5, (1.0, 1.5))
    wanted = [
        1 - sigma(1), 0.5, 1 - sigma(-1), 1.5 * (1 - sigma(-0.5)), 1.5 * (1 - sigma(1.5)),
    ]  # fmt: skip
    assert loss.tolist() == pytest.approx(wanted, rel=1e-14)


def test_the_reference_point_is_a_mean_not_below_zero_that_passes_no_gradient():
    ratios = tensor(3, -1, 4).requires_grad_()
    z0 = reference_point(ratios)
    assert z0.item() == 2.0 and not z0.requires_grad
    assert reference_point(tensor(-3, 1)).item() == 0.0
    assert reference_point(tensor()).item() == 0.0
    # Through the whole loss: only an answer's own log-ratio is pushed.
    own = tensor(0.3, -0.2).requires_grad_()
    loss = kto_loss(own, torch.tensor([True, False]), reference_point(ratios), 0.5, (1.0, 1.0))
    loss.sum().backward()
    assert ratios.grad is None
    assert own.grad[0] < 0 < own.grad[1]


def test_the_gradient_is_the_closed_form_of_a_value_that_saturates():
    draw = torch.Generator().manual_seed(10)
    ratio = (6 * torch.rand(7, generator=draw, dtype=F64) - 3).requires_grad_()
    good = torch.tensor([True, False, True, True, False, False, True])
    z0, beta, weights = tensor(0.7)[0], 0.4, (1.0, 1.3)
    kto_loss(ratio, good, z0, beta, weights).sum().backward()
    value = torch.sigmoid(beta * (ratio.detach() - z0))
    slope = beta * value * (1 - value)
    wanted = torch.where(good, -weights[0] * slope, weights[1] * slope)
    assert torch.allclose(ratio.grad, wanted, rtol=1e-12)
    assert torch.autograd.gradcheck(lambda r: kto_loss(r, good, z0, beta, weights), (ratio,))


@pytest.mark.parametrize("label", [True, False])
def test_a_batch_of_one_label_alone_and_of_odd_size_has_a_loss_and_a_gradient(label):
    ratio = tensor(0.5, -1, 2).requires_grad_()
    loss = kto_loss(ratio, torch.tensor([label] * 3), tensor(0.2)[0], 0.3, (1.0, 2.0))
    loss.sum().backward()
    assert loss.isfinite().all() and (ratio.grad * (-1 if label else 1) > 0).all()


def test_flipping_every_label_flips_the_gradient():
    ratio = tensor(0.5, -1, 2)
    good = torch.tensor([True, False, True])
    slopes = []
    for labels in (good, ~good):
        leaf = ratio.clone().requires_grad_()
        kto_loss(leaf, labels, tensor(0.2)[0], 0.3, (1.0, 1.0)).sum().backward()
        slopes.append(leaf.grad)
    assert torch.allclose(slopes[0], -slopes[1], rtol=1e-14)


def test_the_start_pays_half_of_each_weight():
    zero = torch.zeros(2, dtype=F64)
    loss = kto_loss(zero, torch.tensor([True, False]), zero[0], 0.1, (1.0, 1.5))
    assert loss.tolist() == [0.5, 0.75]


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_extreme_log_ratios_stay_finite_and_saturate(dtype):
    ratio = torch.tensor([1e5, -1e5, 1e5, -1e5], dtype=dtype, requires_grad=True)
    good = torch.tensor([True, True, False, False])
    loss = kto_loss(ratio, good, torch.zeros((), dtype=dtype), 0.5, (1.0, 1.0))
    loss.sum().backward()
    assert loss.tolist() == [0.0, 1.0, 1.0, 0.0]
    assert ratio.grad.abs().max() == 0.0


def test_classes_weigh_alike_and_the_larger_one_weighs_1():
    for counts in ((300, 100), (7, 35), (20, 20)):
        weights = class_weights(*counts, "rule", 1.0)
        assert weights[0] * counts[0] == pytest.approx(weights[1] * counts[1])
        assert min(weights) == 1.0
    assert class_weights(300, 100, "none", 1.5) == (1.0, 1.5)
    assert class_weights(300, 100, "rule", 1.5) == (1.0, 4.5)


@pytest.mark.parametrize("counts", [(5, 0), (0, 5)])
def test_a_lone_class_needs_no_balance(counts):
    assert class_weights(*counts, "rule", 1.0) == (1.0, 1.0)


def test_a_mismatched_answer_belongs_to_another_prompt_and_makes_no_row_longer():
    rows = [
        Tokens((1, 7, 7, 2), 1), Tokens((1, 8, 2), 1), Tokens((1, 1, 9, 9, 9, 2), 2),
        Tokens((1, 1, 6, 2), 2), Tokens((4, 4, 4, 5), 3),
    ]  # fmt: skip
    found = mismatched(rows)
    assert [r.prompt_length for r in found] == [r.prompt_length for r in rows]
    # Row 1's answer is to row 0's own prompt: row 2's is taken instead.
    assert [r.completion for r in found] == [
        (9, 9, 9, 2), (9, 9, 9, 2), (5,), (5,), (7, 7, 2),
    ]  # fmt: skip
    assert max(len(r.ids) for r in found) <= max(len(r.ids) for r in rows)


def test_where_every_answer_is_to_one_prompt_nothing_is_mismatched():
    assert mismatched([Tokens((1, 7, 2), 1), Tokens((1, 8, 2), 1)]) == []
    assert mismatched([Tokens((1, 7, 2), 1)]) == []

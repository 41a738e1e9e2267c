"""Label smoothing: DPO at 0, symmetric at 1/2, and a margin that is wanted finite."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from methods.preference.cdpo import cdpo_loss
from methods.preference.dpo import dpo_loss

F64 = torch.float64


@pytest.fixture
def logps() -> list[Tensor]:
    """Chosen, rejected, and the same under the reference: five pairs."""
    draw = torch.Generator().manual_seed(5)
    return [-20 * torch.rand(5, generator=draw, dtype=F64) for _ in range(4)]


def of_margin(margin: Tensor, beta: float, smoothing: float) -> Tensor:
    zero = torch.zeros_like(margin)
    return cdpo_loss(margin, zero, zero, zero, beta, smoothing)


def test_without_smoothing_it_is_dpo_value_and_gradient(logps):
    leaves = [p.clone().requires_grad_() for p in logps]
    others = [p.clone().requires_grad_() for p in logps]
    ours, theirs = cdpo_loss(*leaves, 0.3, 0.0), dpo_loss(*others, 0.3)
    assert torch.equal(ours, theirs)
    ours.sum().backward(), theirs.sum().backward()
    for a, b in zip(leaves, others, strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-14)


def test_the_loss_of_two_pairs_worked_by_hand():
    # Margins 2 and -1 times beta 1/2: 0.9 softplus(-1) + 0.1 softplus(1), then with 1/2 and -1/2.
    loss = of_margin(torch.tensor([2.0, -1.0], dtype=F64), 0.5, 0.1)
    wanted = [
        0.9 * math.log1p(math.exp(-1)) + 0.1 * math.log1p(math.exp(1)),
        0.9 * math.log1p(math.exp(0.5)) + 0.1 * math.log1p(math.exp(-0.5)),
    ]
    assert loss.tolist() == pytest.approx(wanted, rel=1e-15)
    assert loss.tolist() == pytest.approx([0.41326168751822286, 0.92407698418010669], rel=1e-14)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.4])
def test_a_policy_equal_to_its_reference_pays_ln_2_whatever_the_smoothing(smoothing):
    loss = of_margin(torch.zeros(3, dtype=F64), 0.3, smoothing)
    assert torch.allclose(loss, torch.full((3,), math.log(2), dtype=F64), rtol=1e-15)


def test_swapping_the_answers_is_swapping_the_chances(logps):
    chosen, rejected, ref_chosen, ref_rejected = logps
    forth = cdpo_loss(chosen, rejected, ref_chosen, ref_rejected, 0.3, 0.2)
    back = cdpo_loss(rejected, chosen, ref_rejected, ref_chosen, 0.3, 0.8)
    assert torch.allclose(forth, back, rtol=1e-14)
    margin = (chosen - ref_chosen) - (rejected - ref_rejected)
    swapped = cdpo_loss(rejected, chosen, ref_rejected, ref_chosen, 0.3, 0.2)
    assert torch.allclose(forth - swapped, -0.3 * (1 - 0.4) * margin, rtol=1e-12, atol=1e-13)


def test_the_loss_is_least_where_the_model_believes_as_much_as_the_labels_are_worth():
    smoothing, beta = 0.2, 0.3
    best = math.log((1 - smoothing) / smoothing) / beta
    margin = torch.tensor([best, best + 3, best - 3], dtype=F64, requires_grad=True)
    loss = of_margin(margin, beta, smoothing)
    loss.sum().backward()
    assert margin.grad[0].item() == pytest.approx(0, abs=1e-15)
    assert margin.grad[1] > 0 > margin.grad[2]  # beyond it a pair is pushed back
    entropy = -(0.2 * math.log(0.2) + 0.8 * math.log(0.8))
    assert loss[0].item() == pytest.approx(entropy, rel=1e-14)


def test_the_gradient_is_the_belief_less_what_the_label_is_worth(logps):
    beta, smoothing, leaves = 0.3, 0.1, [p.clone().requires_grad_() for p in logps]
    cdpo_loss(*leaves, beta, smoothing).sum().backward()
    chosen, rejected, ref_chosen, ref_rejected = logps
    belief = torch.sigmoid(beta * ((chosen - ref_chosen) - (rejected - ref_rejected)))
    slope = beta * (belief - (1 - smoothing))
    for leaf, sign in zip(leaves, (1, -1, -1, 1), strict=True):
        assert torch.allclose(leaf.grad, sign * slope, rtol=1e-12)
    small = [(p / 10).clone().requires_grad_() for p in logps]
    assert torch.autograd.gradcheck(lambda *args: cdpo_loss(*args, 0.7, 0.1), small)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_extreme_log_probs_stay_finite_with_the_right_slopes(dtype):
    margin = torch.tensor([1e5, -1e5], dtype=dtype, requires_grad=True)
    loss = of_margin(margin, 0.5, 0.125)
    loss.sum().backward()
    assert loss.tolist() == [0.125 * 5e4, 0.875 * 5e4]
    assert margin.grad.tolist() == [0.5 * 0.125, -0.5 * 0.875]

"""A margin with a target: nothing to gain beyond it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from methods.preference.ipo import answers, ipo_loss
from methods.preference.loop import Pairs

F64 = torch.float64


@pytest.fixture
def logps() -> list[Tensor]:
    """Chosen, rejected, and the same under the reference: five pairs."""
    draw = torch.Generator().manual_seed(6)
    return [-20 * torch.rand(5, generator=draw, dtype=F64) for _ in range(4)]


def of_margin(margin: Tensor, tau: float) -> Tensor:
    zero = torch.zeros_like(margin)
    return ipo_loss(margin, zero, zero, zero, tau)


def test_the_loss_of_three_pairs_worked_by_hand():
    # The target is 1 / (2 * 0.25) = 2.
    assert of_margin(torch.tensor([2.0, 0.5, -1.0], dtype=F64), 0.25).tolist() == [0.0, 2.25, 9.0]


@pytest.mark.parametrize("tau", [0.1, 0.5, 2.0])
def test_the_loss_is_least_at_a_margin_of_1_over_2_tau_and_nowhere_else(tau):
    target = 1 / (2 * tau)
    margin = torch.tensor([target, target + 1, target - 1], dtype=F64, requires_grad=True)
    loss = of_margin(margin, tau)
    loss.sum().backward()
    assert loss.tolist() == pytest.approx([0, 1, 1], abs=1e-14)
    assert margin.grad.tolist() == pytest.approx([0, 2, -2], abs=1e-13)


def test_a_policy_equal_to_its_reference_pays_the_square_of_the_target(logps):
    chosen, rejected, _, _ = logps
    loss = ipo_loss(chosen, rejected, chosen, rejected, 0.1)
    assert loss.tolist() == [25.0] * 5


def test_the_gradient_is_twice_the_distance_from_the_target(logps):
    leaves = [p.clone().requires_grad_() for p in logps]
    ipo_loss(*leaves, 0.1).sum().backward()
    chosen, rejected, ref_chosen, ref_rejected = logps
    slope = 2 * ((chosen - ref_chosen) - (rejected - ref_rejected) - 5)
    for leaf, sign in zip(leaves, (1, -1, -1, 1), strict=True):
        assert torch.allclose(leaf.grad, sign * slope, rtol=1e-13)
    assert torch.autograd.gradcheck(lambda *args: ipo_loss(*args, 0.1), leaves)


def test_a_pair_that_is_certain_is_not_pushed_for_ever():
    """DPO's slope keeps its sign at every margin; here it turns at the target."""
    margin = torch.linspace(-30, 30, 201, dtype=F64, requires_grad=True)
    of_margin(margin, 0.1).sum().backward()
    assert ((margin.grad > 0) == (margin.detach() > 5)).all()


def test_the_mean_over_tokens_divides_each_log_ratio_by_its_own_answer_s_length():
    logp = torch.tensor([[[-1, -2, -3], [-6, 0, 0]]], dtype=F64)
    ref = torch.tensor([[[-2, -2, -5], [-4, 0, 0]]], dtype=F64)
    mask = torch.tensor([[[True, True, True], [True, False, False]]])
    pairs = Pairs(logp, mask, ref, ref.sum(-1))
    assert [v.item() for v in answers(pairs, "sum")] == [-6, -6, -9, -4]
    assert [v.item() for v in answers(pairs, "mean")] == [-2, -6, -3, -4]
    # Margins 3 + 2 = 5 and 1 + 2 = 3 against a target of 5.
    assert ipo_loss(*answers(pairs, "sum"), 0.1).item() == 0
    assert ipo_loss(*answers(pairs, "mean"), 0.1).item() == 4


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_extreme_log_probs_stay_finite(dtype):
    margin = torch.tensor([1e5, -1e5], dtype=dtype, requires_grad=True)
    of_margin(margin, 0.1).sum().backward()
    assert margin.grad.tolist() == [2 * (1e5 - 5), 2 * (-1e5 - 5)]

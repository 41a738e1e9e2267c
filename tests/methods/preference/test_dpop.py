"""DPO that may not make the preferred answer less likely."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from methods.preference.dpo import dpo_loss
from methods.preference.dpop import dpop_loss

F64 = torch.float64


@pytest.fixture
def logps() -> list[Tensor]:
    """Chosen, rejected, and the same under the reference: pairs of both kinds."""
    draw = torch.Generator().manual_seed(7)
    found = [-4 * torch.rand(8, generator=draw, dtype=F64) for _ in range(4)]
    gained = found[0] > found[2]
    assert 0 < gained.sum() < 8
    return found


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=F64)


def test_the_loss_of_two_pairs_worked_by_hand():
    # Both margins are 2; the second pair's preferred answer has lost 1 nat, at 3 nats of margin.
    loss = dpop_loss(tensor(-9, -11), tensor(-11, -13), tensor(-10, -10), tensor(-10, -10), 0.5, 3)
    wanted = [math.log1p(math.exp(-1)), math.log1p(math.exp(0.5))]
    assert loss.tolist() == pytest.approx(wanted, rel=1e-15)
    assert loss.tolist() == pytest.approx([0.31326168751822286, 0.9740769841801067], rel=1e-14)


def test_where_no_preferred_answer_has_lost_it_is_dpo_value_and_gradient(logps):
    chosen, rejected, ref_chosen, ref_rejected = logps
    chosen = torch.maximum(chosen, ref_chosen)  # also exactly equal ones
    leaves = [p.clone().requires_grad_() for p in (chosen, rejected, ref_chosen, ref_rejected)]
    others = [p.detach().clone().requires_grad_() for p in leaves]
    ours, theirs = dpop_loss(*leaves, 0.3, 50.0), dpo_loss(*others, 0.3)
    ours.sum().backward(), theirs.sum().backward()
    assert torch.equal(ours, theirs)
    for a, b in zip(leaves, others, strict=True):
        assert torch.equal(a.grad, b.grad)


def test_without_a_penalty_it_is_dpo(logps):
    assert torch.allclose(dpop_loss(*logps, 0.3, 0.0), dpo_loss(*logps, 0.3), rtol=1e-14)


def test_the_gradient_is_the_closed_form_on_either_side_of_the_bend(logps):
    beta, penalty, leaves = 0.3, 5.0, [p.clone().requires_grad_() for p in logps]
    dpop_loss(*leaves, beta, penalty).sum().backward()
    chosen, rejected, ref_chosen, ref_rejected = logps
    lost = ref_chosen > chosen
    inner = (chosen - ref_chosen) - (rejected - ref_rejected)
    inner = inner - penalty * (ref_chosen - chosen) * lost
    wrong = beta * torch.sigmoid(-beta * inner)
    steep = 1 + penalty * lost  # what a lost preferred answer is pulled back with
    for leaf, slope in zip(leaves, (-steep, 1.0, steep, -1.0), strict=True):
        assert torch.allclose(leaf.grad, slope * wrong, rtol=1e-12)
    assert torch.autograd.gradcheck(lambda *args: dpop_loss(*args, beta, penalty), leaves)


def test_a_wider_margin_cannot_pay_for_a_loss_of_the_preferred_answer():
    """Both answers fall, the rejected one by twice as much: DPO's loss falls, this one rises."""
    fallen = torch.linspace(0, 5, 20, dtype=F64)
    zero = torch.zeros(20, dtype=F64)
    assert (dpo_loss(-fallen, -2 * fallen, zero, zero, 0.1).diff() < 0).all()
    assert (dpop_loss(-fallen, -2 * fallen, zero, zero, 0.1, 50.0).diff() > 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_extreme_log_probs_stay_finite_with_the_right_slopes(dtype):
    chosen = torch.tensor([1e4, -1e4], dtype=dtype, requires_grad=True)
    zero = torch.zeros(2, dtype=dtype)
    loss = dpop_loss(chosen, zero, zero, zero, 0.5, 3.0)
    loss.sum().backward()
    assert loss.tolist() == [0.0, 2e4]
    assert chosen.grad.tolist() == [0.0, -2.0]

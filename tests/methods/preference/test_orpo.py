"""Odds of the mean log-prob: finite at both ends, never of the sum, and with a slope."""

from __future__ import annotations

import math

import pytest
import torch

from methods.preference.loop import Pairs
from methods.preference.orpo import log_odds, orpo_loss

F64 = torch.float64


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=F64)


def test_the_log_odds_worked_by_hand():
    # P = 1/2: odds 1. P = 1/4: 1/3. P = 0.9: 9.
    found = log_odds(tensor(math.log(0.5), math.log(0.25), math.log(0.9)))
    assert found.tolist() == pytest.approx([0, -math.log(3), math.log(9)], rel=1e-14, abs=1e-15)


def test_the_loss_of_two_pairs_worked_by_hand():
    # P of 1/2 against 1/4, odds 1 against 1/3; then the other way round. lambda 1/10.
    half, quarter = math.log(0.5), math.log(0.25)
    loss = orpo_loss(tensor(half, quarter), tensor(quarter, half), 0.1)
    wanted = [math.log(2) + 0.1 * math.log(4 / 3), math.log(4) + 0.1 * math.log(4)]
    assert loss.tolist() == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_orpo_s_odds_are_finite_with_a_slope_at_both_ends(dtype):
    """Log-probs of -1e-6, -1 and -50, the ends where log(1 - P) overflows or loses its digits."""
    logp = torch.tensor([-1e-6, -1.0, -50.0], dtype=dtype, requires_grad=True)
    odds = log_odds(logp)
    exact = [
        -1e-6 - math.log(-math.expm1(-1e-6)), -1 - math.log1p(-math.exp(-1)), -50.0,
    ]  # fmt: skip
    assert odds.tolist() == pytest.approx(exact, rel=1e-6 if dtype == torch.float32 else 1e-13)
    odds.sum().backward()
    slopes = [1 / -math.expm1(x) for x in (-1e-6, -1, -50)]  # 1 / (1 - P)
    assert logp.grad.tolist() == pytest.approx(slopes, rel=1e-4 if dtype == torch.float32 else 1e-9)
    for other in (-1e-6, -1.0, -50.0):
        chosen = torch.tensor([-1e-6, -1.0, -50.0], dtype=dtype, requires_grad=True)
        loss = orpo_loss(chosen, torch.full_like(chosen, other), 0.1)
        loss.sum().backward()
        assert loss.isfinite().all() and chosen.grad.isfinite().all()
        assert (chosen.grad <= -1).all()  # the supervised term pulls at every end


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_a_certain_answer_has_finite_odds(dtype):
    chosen = torch.zeros(1, dtype=dtype, requires_grad=True)
    rejected = torch.full((1,), -1e5, dtype=dtype, requires_grad=True)
    for pair in ((chosen, rejected), (rejected, chosen)):
        loss = orpo_loss(*pair, 0.1)
        loss.sum().backward()
        assert loss.isfinite().all()
    assert chosen.grad.isfinite().all() and rejected.grad.isfinite().all()


def test_the_gradient_of_the_ratio_is_the_closed_form_of_the_paper():
    """delta times h: [1 + odds_w / odds_l]^-1 and the likelihoods' slopes over 1 - P."""
    draw = torch.Generator().manual_seed(9)
    chosen, rejected = (-2 * torch.rand(6, generator=draw, dtype=F64) - 0.01 for _ in range(2))
    leaves = [chosen.clone().requires_grad_(), rejected.clone().requires_grad_()]
    orpo_loss(*leaves, 1.0).sum().backward()
    odds = [p.exp() / (1 - p.exp()) for p in (chosen, rejected)]
    delta = 1 / (1 + odds[0] / odds[1])
    assert torch.allclose(leaves[0].grad, -1 - delta / (1 - chosen.exp()), rtol=1e-12)
    assert torch.allclose(leaves[1].grad, delta / (1 - rejected.exp()), rtol=1e-12)
    assert torch.autograd.gradcheck(lambda a, b: orpo_loss(a, b, 0.3), leaves)


def test_the_odds_are_of_the_mean_log_prob_whatever_the_length():
    """Twice the same tokens: the mean stays, the sum doubles, and with it the odds would."""
    short = torch.tensor([[[-0.2, -0.4], [-1.0, -1.4]]], dtype=F64)
    long = torch.cat([short, short], -1)
    losses = [orpo_loss(*Pairs(logp, logp < 0).averaged(), 0.1).item() for logp in (short, long)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-14)
    summed = orpo_loss(long[:, 0].sum(-1), long[:, 1].sum(-1), 0.1).item()
    assert abs(summed - losses[0]) > 0.1


def test_without_the_odds_it_is_supervised_training_on_the_preferred_answers():
    assert orpo_loss(tensor(-1, -2), tensor(-3, -0.1), 0.0).tolist() == [1.0, 2.0]

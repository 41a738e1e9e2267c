"""The preference loss against its closed form, its symmetries and its limits."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from methods.preference.dpo import dpo_loss, preferred_sft, unlikelihood
from methods.preference.loop import Pairs

F64 = torch.float64


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=F64)


@pytest.fixture
def logps() -> list[Tensor]:
    """Chosen, rejected, and the same under the reference: five pairs."""
    draw = torch.Generator().manual_seed(4)
    return [-40 * torch.rand(5, generator=draw, dtype=F64) for _ in range(4)]


@pytest.mark.parametrize("beta", [0.01, 0.1, 5.0])
def test_a_policy_equal_to_its_reference_pays_ln_2_for_every_pair(logps, beta):
    chosen, rejected, _, _ = logps
    loss = dpo_loss(chosen, rejected, chosen, rejected, beta)
    assert torch.equal(loss, torch.full((5,), math.log(2), dtype=F64))


def test_a_policy_equal_to_its_reference_is_pushed_by_half_of_beta(logps):
    chosen, rejected = (p.clone().requires_grad_() for p in logps[:2])
    dpo_loss(chosen, rejected, chosen.detach(), rejected.detach(), 0.1).sum().backward()
    assert torch.allclose(chosen.grad, tensor(*[-0.05] * 5), rtol=1e-15)
    assert torch.allclose(rejected.grad, tensor(*[0.05] * 5), rtol=1e-15)


def test_the_loss_of_two_pairs_worked_by_hand():
    # Margins (-10 + 11) - (-12 + 11) = 2 and (-4 + 3.5) - (-3 + 3.5) = -1, times beta = 1/2.
    loss = dpo_loss(tensor(-10, -4), tensor(-12, -3), tensor(-11, -3.5), tensor(-11, -3.5), 0.5)
    assert loss.tolist() == pytest.approx([0.31326168751822286, 0.9740769841801067], rel=1e-15)


def test_swapping_the_answers_changes_the_loss_by_beta_times_the_margin(logps):
    chosen, rejected, ref_chosen, ref_rejected = logps
    beta = 0.3
    forth = dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta)
    back = dpo_loss(rejected, chosen, ref_rejected, ref_chosen, beta)
    margin = (chosen - ref_chosen) - (rejected - ref_rejected)
    assert torch.allclose(forth - back, -beta * margin, rtol=1e-13, atol=1e-13)
    # The probabilities of the two preferences add up to one.
    assert torch.allclose((-forth).exp() + (-back).exp(), torch.ones(5, dtype=F64), rtol=1e-14)


def test_the_gradient_is_the_closed_form_of_section_4(logps):
    beta, leaves = 0.3, [p.clone().requires_grad_() for p in logps]
    dpo_loss(*leaves, beta).sum().backward()
    chosen, rejected, ref_chosen, ref_rejected = logps
    wrong = torch.sigmoid(-beta * ((chosen - ref_chosen) - (rejected - ref_rejected)))
    for leaf, sign in zip(leaves, (-1, 1, 1, -1), strict=True):
        assert torch.allclose(leaf.grad, sign * beta * wrong, rtol=1e-13)


def test_autograd_agrees_with_finite_differences(logps):
    leaves = [(p / 10).clone().requires_grad_() for p in logps]
    assert torch.autograd.gradcheck(lambda *args: dpo_loss(*args, 0.7), leaves)


def test_only_the_difference_of_the_two_log_ratios_matters(logps):
    chosen, rejected, ref_chosen, ref_rejected = logps
    plain = dpo_loss(*logps, 0.1)
    # A prompt's own likelihood, in both answers or in policy and reference, cancels.
    assert torch.allclose(
        dpo_loss(chosen + 3, rejected + 3, ref_chosen - 8, ref_rejected - 8, 0.1), plain, rtol=1e-13
    )
    assert torch.allclose(
        dpo_loss(chosen + 3, rejected, ref_chosen + 3, ref_rejected, 0.1), plain, rtol=1e-13
    )


def test_a_pair_depends_on_no_other_pair(logps):
    chosen = logps[0].clone().requires_grad_()
    jacobian = torch.autograd.functional.jacobian(lambda c: dpo_loss(c, *logps[1:], 0.1), chosen)
    assert torch.equal(jacobian, torch.diag(jacobian.diagonal()))
    assert (jacobian.diagonal() < 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize("size", [1e4, 1e6])
def test_extreme_log_probs_stay_finite_with_the_right_limits(dtype, size):
    zero = torch.zeros(2, dtype=dtype)
    chosen = torch.tensor([size, -size], dtype=dtype, requires_grad=True)
    loss = dpo_loss(chosen, -chosen.detach(), zero, zero, 0.5)
    loss.sum().backward()
    assert loss[0].item() == 0.0  # right beyond doubt: no loss, no push
    assert chosen.grad[0].item() == 0.0
    assert loss[1].item() == size  # wrong beyond doubt: beta times the margin, full push
    assert chosen.grad[1].item() == -0.5


def test_a_wider_margin_is_never_worse():
    margins = torch.linspace(-60, 60, 1001, dtype=F64)
    zero = torch.zeros(1001, dtype=F64)
    loss = dpo_loss(margins, zero, zero, zero, 0.5)
    assert (loss.diff() < 0).all()
    assert (loss > 0).all()


def two_pairs() -> Pairs:
    """Answers of two tokens and of one against answers of one and of three."""
    logp = tensor(-1, -2, 0, -9, 0, 0, -5, 0, 0, -0.25, -0.25, -0.5).view(2, 2, 3)
    return Pairs(logp.requires_grad_(), logp.detach() < 0)


def test_preferred_sft_is_the_mean_token_loss_of_the_preferred_answer_alone():
    pairs = two_pairs()
    loss = preferred_sft(pairs)
    loss.sum().backward()
    assert loss.tolist() == [1.5, 5.0]
    assert pairs.logp.grad[:, 1].abs().max() == 0
    assert pairs.logp.grad[0, 0].tolist() == [-0.5, -0.5, -0.5]


def test_unlikelihood_lowers_the_rejected_answer_s_mean_as_much():
    assert unlikelihood(two_pairs()).tolist() == pytest.approx([1.5 - 9, 5 - 1 / 3], rel=1e-15)

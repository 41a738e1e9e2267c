"""The preference loss against its closed form, its symmetries and its limits."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from methods.engine.batch import Tokens, pack
from methods.preference.dpo import Config, _controlled, _objective, dpo_loss, ranked_pairs

F64 = torch.float64
REWARDS = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.1, 0.3, 1.0]), min_size=2, max_size=8)


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


def test_answers_are_ranked_better_first_and_ties_dropped():
    assert ranked_pairs([0.1, 0.5, 0.5, -1.0]) == [(1, 0), (2, 0), (0, 3), (1, 3), (2, 3)]


def test_four_different_answers_make_the_six_pairs_of_the_paper():
    assert len(ranked_pairs([0.3, -0.2, 0.9, 0.0])) == 6


def test_equal_answers_make_no_pair():
    assert ranked_pairs([0.1, 0.1, 0.1]) == []
    assert ranked_pairs([]) == ranked_pairs([1.0]) == []


@given(REWARDS)
def test_every_two_answers_that_differ_make_one_pair(rewards):
    pairs = ranked_pairs(rewards)
    assert all(rewards[win] > rewards[lose] for win, lose in pairs)
    differing = [
        {i, j}
        for i, j in itertools.combinations(range(len(rewards)), 2)
        if rewards[i] != rewards[j]
    ]
    assert sorted(map(sorted, pairs)) == sorted(map(sorted, differing))


def a_pair(i: int) -> tuple[Tokens, Tokens]:
    return Tokens((1, 10 + i, 2), 1), Tokens((1, 50 + i, 60 + i, 2), 1)


def test_the_flipped_control_swaps_every_pair_and_the_random_one_some():
    pairs = [a_pair(i) for i in range(30)]
    coin = torch.Generator
    assert _controlled(pairs, "reward", coin().manual_seed(0)) == pairs
    assert _controlled(pairs, "flipped", coin().manual_seed(0)) == [(b, a) for a, b in pairs]
    mixed = _controlled(pairs, "random", coin().manual_seed(0))
    assert mixed == _controlled(pairs, "random", coin().manual_seed(0))
    kept = sum(a == b for a, b in zip(mixed, pairs, strict=True))
    assert 0 < kept < 30
    assert all(set(a) == set(b) for a, b in zip(mixed, pairs, strict=True))


def test_preferred_sft_is_the_mean_token_loss_of_the_preferred_answer_alone():
    rows = [row for i in range(2) for row in a_pair(i)]
    batch = pack(rows, range(4))
    logp = tensor(-3, -9, -5, -1).view(2, 2).requires_grad_()
    loss = _objective(Config(objective="preferred-sft"), logp, torch.zeros(2, 2), batch)
    loss.sum().backward()
    assert loss.tolist() == [1.5, 2.5]  # answers of two tokens each
    assert logp.grad.tolist() == [[-0.5, 0.0], [-0.5, 0.0]]


def test_the_objective_takes_the_preferred_answer_from_the_first_column(logps):
    chosen, rejected, ref_chosen, ref_rejected = logps
    logp, ref = torch.stack([chosen, rejected], 1), torch.stack([ref_chosen, ref_rejected], 1)
    batch = pack([row for i in range(5) for row in a_pair(i)], range(10))
    loss = _objective(Config(beta=0.3), logp, ref, batch)
    assert torch.equal(loss, dpo_loss(chosen, rejected, ref_chosen, ref_rejected, 0.3))

"""What an answer's reward is compared with: unbiased, bounded, and nothing where nothing differs."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from methods.rl.dr_grpo import centred_advantages
from methods.rl.remax import greedy_advantages
from methods.rl.rloo import leave_one_out

F64 = torch.float64
REWARDS = st.lists(
    st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=4), min_size=1, max_size=5
).map(lambda rows: torch.tensor(rows, dtype=F64))


def test_each_estimator_on_one_group_worked_by_hand():
    rewards = torch.tensor([[1.0, 0.0, 0.0, 3.0]], dtype=F64)
    # Mean 1; the others' means are 1, 4/3, 4/3 and 1/3.
    assert leave_one_out(rewards)[0].tolist() == pytest.approx([0, -4 / 3, -4 / 3, 8 / 3])
    assert centred_advantages(rewards)[0].tolist() == pytest.approx([0, -1, -1, 2])
    greedy = torch.tensor([1.0], dtype=F64)
    assert greedy_advantages(rewards, greedy)[0].tolist() == [0, -1, -1, 2]


def test_the_kl_comes_off_the_reward_before_the_baseline_is_taken():
    rewards = torch.tensor([[1.0, 0.0]], dtype=F64)
    kl = torch.tensor([[2.0, 6.0]], dtype=F64)
    # R is 0.8 and -0.6. After the baseline it would be 0.8 and -1.6.
    assert leave_one_out(rewards - 0.1 * kl)[0].tolist() == pytest.approx([1.4, -1.4])
    assert (leave_one_out(rewards) - 0.1 * kl)[0].tolist() == pytest.approx([0.8, -1.6])


@pytest.mark.parametrize("size", [2, 3, 7, 64])
@pytest.mark.parametrize("gap", [1e-15, 1e-6, 1.0])
def test_one_answer_apart_from_equal_others_has_an_advantage_no_larger_than_the_gap(size, gap):
    rewards = torch.ones(1, size, dtype=F64)
    rewards[0, 1] += gap
    found = leave_one_out(rewards)
    assert found.abs().max() <= gap * (1 + 1e-9) + 1e-15
    assert found[0, 1] > 0


@pytest.mark.parametrize("estimator", [leave_one_out, centred_advantages])
@pytest.mark.parametrize("size", [2, 3, 7, 64])
def test_equal_rewards_have_advantage_exactly_zero(estimator, size):
    values = torch.tensor([0.1, 1 / 3, -0.7, 1e-8, 12345.678, -1e8], dtype=F64)
    assert (estimator(values[:, None].repeat(1, size)) == 0).all()


@given(REWARDS)
def test_a_baseline_of_others_is_the_group_s_mean_scaled_and_sums_to_nothing(rewards):
    found = leave_one_out(rewards)
    scaled = centred_advantages(rewards) * 4 / 3
    assert torch.allclose(found, scaled, rtol=1e-9, atol=1e-9)
    assert (found.sum(-1).abs() <= 1e-9 * (1 + rewards.abs().amax(-1))).all()


def test_a_reward_alone_has_no_others():
    with pytest.raises(ValueError, match="no others"):
        leave_one_out(torch.ones(3, 1))


# --- unbiasedness: every group of answers that could have been drawn --------------------------

LOGITS = torch.tensor([0.3, -0.2, 0.9], dtype=F64)
REWARD = torch.tensor([1.0, 0.0, -2.0], dtype=F64)


def true_gradient() -> torch.Tensor:
    leaf = LOGITS.clone().requires_grad_()
    (torch.softmax(leaf, -1) * REWARD).sum().backward()
    return leaf.grad


def expected_gradient(advantages, k: int) -> torch.Tensor:
    """E over all groups of k answers of 1/k sum_i A_i grad log pi(y_i)."""
    probs = torch.softmax(LOGITS, -1)
    total = torch.zeros(3, dtype=F64)
    for group in itertools.product(range(3), repeat=k):
        chance = math.prod(probs[i].item() for i in group)
        for i, advantage in zip(group, advantages(REWARD[list(group)][None])[0], strict=True):
            slope = torch.nn.functional.one_hot(torch.tensor(i), 3) - probs
            total += chance * advantage * slope / k
    return total


@pytest.mark.parametrize("k", [2, 3])
def test_leave_one_out_is_unbiased_over_all_groups_that_could_be_drawn(k):
    assert torch.allclose(expected_gradient(leave_one_out, k), true_gradient(), atol=1e-12)


@pytest.mark.parametrize("k", [2, 3])
def test_the_group_s_mean_shrinks_the_gradient_by_the_answer_s_own_share(k):
    found = expected_gradient(centred_advantages, k)
    assert torch.allclose(found, true_gradient() * (k - 1) / k, atol=1e-12)


def test_the_greedy_answer_s_reward_leaves_the_gradient_unbiased():
    def remax(rewards):
        return greedy_advantages(rewards, REWARD[LOGITS.argmax()][None])

    assert torch.allclose(expected_gradient(remax, 1), true_gradient(), atol=1e-12)

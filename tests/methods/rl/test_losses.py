"""How each method weighs the same ragged batch, and what must hold of all of their losses."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from methods.rl.cispo import cispo_loss
from methods.rl.dapo import dapo_loss, overlong_penalty
from methods.rl.dr_grpo import dr_grpo_loss
from methods.rl.grpo import grpo_loss
from methods.rl.gspo import gspo_loss, sequence_ratio
from methods.rl.ppo import policy_loss
from methods.rl.reinforce import reinforce_loss
from methods.rl.remax import remax_loss
from methods.rl.rloo import rloo_loss

F64 = torch.float64
LENGTHS = (1, 4, 2, 6, 3, 1)
TOKENS = sum(LENGTHS)
LONGEST = 8
Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def mask_of(*lengths: int) -> Tensor:
    return torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]


MASK = mask_of(*LENGTHS)

# Each with the totals of the whole update, so that any rows of it may be handed in.
LOSSES: dict[str, Loss] = {
    "grpo": lambda lp, old, m, a: grpo_loss(lp, old, m, a, 6, 0.2),
    "dr-grpo": lambda lp, old, m, a: dr_grpo_loss(lp, old, m, a, 6, LONGEST, 0.2),
    "dapo": lambda lp, old, m, a: dapo_loss(lp, old, m, a, TOKENS, 0.2, 0.28),
    "gspo": lambda lp, old, m, a: gspo_loss(lp, old, m, a, 6, 0.02, 0.03),
    "cispo": lambda lp, old, m, a: cispo_loss(lp, old, m, a, TOKENS, 0.2),
    "ppo": lambda lp, old, m, a: policy_loss(lp, old, m, a, TOKENS, 0.2),
    "reinforce": lambda lp, old, m, a: reinforce_loss(lp, m, a, 6),
    "rloo": lambda lp, old, m, a: rloo_loss(lp, m, a, 6),
    "remax": lambda lp, old, m, a: remax_loss(lp, m, a, 6),
}
# What an answer's summed log-prob is divided by in the gradient on policy.
DIVISOR: dict[str, Callable[[Tensor], Tensor]] = {
    "grpo": lambda lengths: 6 * lengths,
    "dr-grpo": lambda lengths: torch.full_like(lengths, 6 * LONGEST),
    "dapo": lambda lengths: torch.full_like(lengths, TOKENS),
    "gspo": lambda lengths: 6 * lengths,
    "cispo": lambda lengths: torch.full_like(lengths, TOKENS),
    "ppo": lambda lengths: torch.full_like(lengths, TOKENS),
    "reinforce": lambda lengths: torch.full_like(lengths, 6),
    "rloo": lambda lengths: torch.full_like(lengths, 6),
    "remax": lambda lengths: torch.full_like(lengths, 6),
}
each_loss = pytest.mark.parametrize("name", LOSSES)


@pytest.fixture
def step() -> dict[str, Tensor]:
    """Six answers, off policy by up to 30 %, some tokens outside a clip range of 0.2."""
    draw = torch.Generator().manual_seed(5)

    def noise(scale: float) -> Tensor:
        return scale * (2 * torch.rand(6, 6, generator=draw, dtype=F64) - 1)

    logp = -3 + noise(2)
    return {
        "logp": logp,
        "old": logp + noise(0.3),
        "advantages": torch.tensor([1.2, -0.7, 0.0, 0.4, -1.5, 0.6], dtype=F64),
    }


def graded(name: str, step: dict[str, Tensor], **changed: Tensor) -> tuple[float, Tensor]:
    s = {**step, **changed}
    leaf = s["logp"].clone().requires_grad_()
    loss = LOSSES[name](leaf, s["old"], MASK, s["advantages"])
    loss.backward()
    return loss.item(), leaf.grad


# --- one batch, worked by hand ----------------------------------------------------------------

# Answers of 1, 2 and 3 tokens, advantages 2, -1 and 0.5.
HAND_RATIOS = ((1.1, 1.0, 1.0), (0.5, 1.0, 1.0), (1.5, 1.0, 0.9))
# What each token gains, negated, where the ratio is held within 0.8 and 1.2.
CLIPPED = ((-2.2,), (0.8, 1.0), (-0.6, -0.5, -0.45))
HAND = {
    "grpo": (-2.2 + 1.8 / 2 - 1.55 / 3) / 3,
    "dr-grpo": (-2.2 + 1.8 - 1.55) / (3 * 8),
    "dapo": (-2.2 + 1.8 - (0.5 * 1.28 + 0.5 + 0.45)) / 6,
    "gspo": (-1.03 * 2 + 0.98 - 0.5 * 1.03) / 3,
    "cispo": -(
        2 * 1.1 * math.log(1.1) - 0.5 * math.log(0.5) + 0.5 * (1.2 * math.log(1.5)
        + 0.9 * math.log(0.9))
    ) / 6,
    "ppo": (-2.2 + 1.8 - 1.55) / 6,
    "reinforce": -(2 * math.log(1.1) - math.log(0.5) + 0.5 * math.log(1.35)) / 3,
}  # fmt: skip


@pytest.mark.parametrize("name", HAND)
def test_each_aggregation_of_one_ragged_off_policy_batch_worked_by_hand(name):
    logp = torch.tensor(HAND_RATIOS, dtype=F64).log()
    old, mask = torch.zeros_like(logp), mask_of(1, 2, 3)
    advantages = torch.tensor([2.0, -1.0, 0.5], dtype=F64)
    found = {
        "grpo": lambda: grpo_loss(logp, old, mask, advantages, 3, 0.2),
        "dr-grpo": lambda: dr_grpo_loss(logp, old, mask, advantages, 3, 8, 0.2),
        "dapo": lambda: dapo_loss(logp, old, mask, advantages, 6, 0.2, 0.28),
        "gspo": lambda: gspo_loss(logp, old, mask, advantages, 3, 0.02, 0.03),
        "cispo": lambda: cispo_loss(logp, old, mask, advantages, 6, 0.2),
        "ppo": lambda: policy_loss(logp, old, mask, advantages, 6, 0.2),
        "reinforce": lambda: reinforce_loss(logp, mask, advantages, 3),
    }[name]()
    assert found.item() == pytest.approx(HAND[name], rel=1e-13)


def test_the_four_aggregations_of_one_batch_are_four_numbers():
    assert len({round(HAND[n], 6) for n in ("grpo", "dr-grpo", "dapo", "gspo")}) == 4


# --- what holds for all of them ---------------------------------------------------------------


@each_loss
def test_on_policy_the_gradient_is_reinforce_s_but_for_the_weight_of_an_answer(name, step):
    _, found = graded(name, step, old=step["logp"])
    lengths = MASK.sum(-1).double()
    expected = -(step["advantages"] / DIVISOR[name](lengths))[:, None] * MASK
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-15)


@each_loss
@pytest.mark.parametrize("parts", [[[i] for i in range(6)], [[3, 1], [0, 5], [4, 2]]])
def test_micro_batches_of_any_loss_add_up_to_the_whole(name, step, parts):
    whole, slope = graded(name, step)
    leaf, value = step["logp"].clone().requires_grad_(), 0.0
    for rows in parts:
        width = max(LENGTHS[i] for i in rows)
        part = LOSSES[name](
            leaf[rows, :width], step["old"][rows, :width], MASK[rows, :width],
            step["advantages"][rows],
        )  # fmt: skip
        part.backward()
        value += part.item()
    assert value == pytest.approx(whole, rel=1e-12)
    assert torch.allclose(leaf.grad, slope, rtol=1e-12, atol=1e-16)


@each_loss
def test_equal_rewards_move_nothing(name, step):
    _, slope = graded(name, step, advantages=torch.zeros(6, dtype=F64))
    assert (slope == 0).all()


@each_loss
def test_what_stands_beside_the_mask_changes_nothing(name, step):
    value, slope = graded(name, step)
    for content in (-300.0, 300.0):
        other = step["logp"].masked_fill(~MASK, content)
        found, moved = graded(name, step, logp=other)
        assert found == value
        assert (moved[~MASK] == 0).all()
        assert torch.equal(moved[MASK], slope[MASK])


@each_loss
@pytest.mark.parametrize("apart", [-800.0, -50.0, 50.0, 800.0])
def test_extreme_log_probs_stay_finite_in_value_and_gradient(name, step, apart):
    logp = torch.full((6, 6), -1e-6 if apart > 0 else -800.0, dtype=F64)
    value, slope = graded(name, step, logp=logp, old=logp - apart)
    assert math.isfinite(value)
    assert torch.isfinite(slope).all()


# CISPO's weight stops the gradient: it is held to its closed form below.
@pytest.mark.parametrize("name", sorted(LOSSES.keys() - {"cispo"}))
def test_autograd_of_any_loss_agrees_with_finite_differences(name, step):
    leaf = step["logp"].clone().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: LOSSES[name](x, step["old"], MASK, step["advantages"]), leaf
    )


@each_loss
def test_answers_of_one_token_weigh_alike(name):
    logp = torch.tensor([[-0.1], [-2.0], [-3.0]], dtype=F64).requires_grad_()
    mask, advantages = mask_of(1, 1, 1), torch.tensor([1.0, -0.5, -0.5], dtype=F64)
    LOSSES[name](logp, logp.detach(), mask, advantages).backward()
    pushed = -logp.grad[:, 0] / advantages
    assert torch.allclose(pushed, pushed[:1].expand(3), rtol=1e-14)


# GRPO's mean over an answer's own tokens has no value there; no such row can be drawn.
@pytest.mark.parametrize("name", sorted(LOSSES.keys() - {"grpo"}))
def test_a_row_without_a_token_moves_nothing_else(name, step):
    value, slope = graded(name, step)
    mask = torch.cat([MASK, torch.zeros(1, 6, dtype=torch.bool)])
    leaf = torch.cat([step["logp"], -torch.ones(1, 6, dtype=F64)]).requires_grad_()
    old = torch.cat([step["old"], -torch.ones(1, 6, dtype=F64)])
    advantages = torch.cat([step["advantages"], torch.zeros(1, dtype=F64)])
    loss = LOSSES[name](leaf, old, mask, advantages)
    loss.backward()
    assert loss.item() == pytest.approx(value, rel=1e-14)
    assert torch.allclose(leaf.grad[:6], slope, rtol=1e-14)
    assert (leaf.grad[6] == 0).all()


# --- what is each one's own -------------------------------------------------------------------


def test_clip_higher_lets_a_good_token_grow_further_and_a_bad_one_shrink_no_further():
    logp = torch.tensor([[1.25], [0.79]], dtype=F64).log().requires_grad_()
    old, mask = torch.zeros(2, 1, dtype=F64), mask_of(1, 1)
    for high, good in ((0.28, True), (0.2, False)):
        logp.grad = None
        advantages = torch.tensor([1.0, -1.0], dtype=F64)
        dapo_loss(logp, old, mask, advantages, 2, 0.2, high).backward()
        assert (logp.grad[0].item() != 0) is good
        assert logp.grad[1].item() == 0


def test_a_sequence_is_clipped_as_one_and_its_tokens_share_the_fate():
    mask = mask_of(2, 2)
    # Token ratios 2 and 1/2: far outside for each token, exactly 1 for the answer.
    logp = torch.tensor([[2.0, 0.5], [1.1, 1.1]], dtype=F64).log().requires_grad_()
    old = torch.zeros(2, 2, dtype=F64)
    assert sequence_ratio(logp, old, mask).tolist() == pytest.approx([1.0, 1.1], rel=1e-14)
    gspo_loss(logp, old, mask, torch.ones(2, dtype=F64), 2, 0.02, 0.03).backward()
    assert torch.allclose(logp.grad[0], torch.full((2,), -0.25, dtype=F64))
    assert (logp.grad[1] == 0).all()


def test_the_sequence_ratio_is_the_geometric_mean_of_its_tokens_ratios(step):
    found = sequence_ratio(step["logp"], step["old"], MASK)
    for i, n in enumerate(LENGTHS):
        ratios = (step["logp"] - step["old"])[i, :n].exp()
        assert found[i].item() == pytest.approx(ratios.prod().item() ** (1 / n), rel=1e-12)


def test_a_token_beyond_the_bound_keeps_its_gradient_under_cispo_and_loses_it_under_dapo():
    mask, old = mask_of(3), torch.zeros(1, 3, dtype=F64)
    ones = torch.ones(1, dtype=F64)
    logp = torch.tensor([[1.0, 1.5, 5.0]], dtype=F64).log().requires_grad_()
    cispo_loss(logp, old, mask, ones, 3, 0.2).backward()
    # The closed form: -sg(min(rho, 1.2)) A / tokens.
    assert torch.allclose(logp.grad[0], torch.tensor([-1.0, -1.2, -1.2], dtype=F64) / 3)
    logp.grad = None
    dapo_loss(logp, old, mask, ones, 3, 0.2, 0.2).backward()
    assert logp.grad[0].tolist() == pytest.approx([-1 / 3, 0.0, 0.0])


def test_cispo_has_no_lower_bound_on_the_weight():
    logp = torch.tensor([[1e-3]], dtype=F64).log().requires_grad_()
    cispo_loss(logp, torch.zeros(1, 1, dtype=F64), mask_of(1), -torch.ones(1, dtype=F64), 1, 0.2
               ).backward()  # fmt: skip
    assert logp.grad.item() == pytest.approx(1e-3, rel=1e-12)


def test_a_long_wrong_answer_is_punished_less_a_token_by_grpo_and_as_much_by_dr_grpo():
    """The length bias of Dr. GRPO's Section 3: two wrong answers, of one token and of six."""
    mask = mask_of(1, 6)
    logp = torch.zeros(2, 6, dtype=F64)
    advantages = -torch.ones(2, dtype=F64)
    slopes = {}
    for name, loss in (
        ("grpo", lambda lp: grpo_loss(lp, logp, mask, advantages, 2, 0.2)),
        ("dr-grpo", lambda lp: dr_grpo_loss(lp, logp, mask, advantages, 2, 8, 0.2)),
    ):
        leaf = logp.clone().requires_grad_()
        loss(leaf).backward()
        slopes[name] = (leaf.grad[0, 0] / leaf.grad[1, 0]).item()
    assert slopes == pytest.approx({"grpo": 6.0, "dr-grpo": 1.0})


def test_the_penalty_on_length_worked_by_hand():
    lengths = torch.tensor([[1.0, 6.0, 7.0, 8.0, 9.0, 10.0]], dtype=F64)
    found = overlong_penalty(lengths, 10, 0.4)
    assert found.tolist() == [[0.0, 0.0, -0.25, -0.5, -0.75, -1.0]]
    assert (overlong_penalty(lengths, 10, 0.0) == 0).all()
    # At least one token, and the longest is always at -1.
    assert overlong_penalty(lengths, 10, 0.01)[0].tolist() == [0.0] * 5 + [-1.0]

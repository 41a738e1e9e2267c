"""The Bradley-Terry loss against its closed form, its symmetries, and the weight of each pair."""

from __future__ import annotations

import doctest
import math

import pytest
import torch
from torch import Tensor

from methods.engine.batch import Tokens, own_batches
from methods.engine.scalar import add_scalar_head, pack_whole, row_scores, scalar_weight
from methods.reward import bt_rm
from methods.reward.bt_rm import (
    Comparison,
    Config,
    compared,
    controlled,
    held_out_measures,
    part_of,
    preference_loss,
)
from tests.engine.conftest import gradients, relative
from tests.engine.steps import policy64

F64 = torch.float64


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=F64)


@pytest.fixture
def rewards() -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(3)
    found = 4 * torch.rand(2, 6, generator=draw, dtype=F64) - 2
    return found[0], found[1]


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(bt_rm).failed == 0


def test_equal_rewards_cost_ln_2_and_push_by_one_half() -> None:
    better, worse = (tensor(0.7, -3.0).requires_grad_() for _ in range(2))
    loss = preference_loss(better, worse)
    loss.sum().backward()
    assert loss.tolist() == pytest.approx([math.log(2)] * 2, rel=1e-15)
    assert better.grad.tolist() == pytest.approx([-0.5, -0.5])
    assert worse.grad.tolist() == pytest.approx([0.5, 0.5])


def test_three_pairs_worked_by_hand() -> None:
    # Differences 2, -1 and 0.5; margin 0.5 makes them 1.5, -1.5 and 0; centering 0.01.
    loss = preference_loss(tensor(1.5, 0.0, 1.0), tensor(-0.5, 1.0, 0.5), 0.5, 0.01)
    plain = [math.log1p(math.exp(-d)) for d in (1.5, -1.5, 0.0)]
    level = [0.01 * 1.0, 0.01 * 1.0, 0.01 * 2.25]
    assert loss.tolist() == pytest.approx([a + b for a, b in zip(plain, level, strict=True)])


def test_a_preference_and_its_reverse_have_probabilities_that_add_up_to_one(rewards) -> None:
    forth, back = preference_loss(*rewards), preference_loss(*rewards[::-1])
    assert torch.allclose((-forth).exp() + (-back).exp(), torch.ones(6, dtype=F64), rtol=1e-14)
    assert torch.allclose(forth - back, rewards[1] - rewards[0], rtol=1e-12)


def test_only_the_difference_counts_until_centering_fixes_the_level(rewards) -> None:
    better, worse = rewards
    assert torch.allclose(preference_loss(better + 5, worse + 5), preference_loss(better, worse))
    level = torch.linspace(-3, 3, 61, dtype=F64)
    held = torch.stack([preference_loss(better + c, worse + c, centering=0.1).sum() for c in level])
    best = float(level[held.argmin()])
    assert best == pytest.approx(-float((better + worse).mean()) / 2, abs=0.06)


def test_the_gradient_is_the_closed_form(rewards) -> None:
    better, worse = (r.clone().requires_grad_() for r in rewards)
    preference_loss(better, worse, 0.3, 0.05).sum().backward()
    wrong = torch.sigmoid(-(rewards[0] - rewards[1] - 0.3))
    level = 2 * 0.05 * (rewards[0] + rewards[1])
    assert torch.allclose(better.grad, level - wrong, rtol=1e-13)
    assert torch.allclose(worse.grad, level + wrong, rtol=1e-13)
    leaves = [r.clone().requires_grad_() for r in rewards]
    assert torch.autograd.gradcheck(lambda a, b: preference_loss(a, b, 0.3, 0.05), leaves)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_extreme_rewards_stay_finite_with_the_right_limits(dtype: torch.dtype) -> None:
    better = torch.tensor([1e6, -1e6], dtype=dtype, requires_grad=True)
    loss = preference_loss(better, torch.zeros(2, dtype=dtype))
    loss.sum().backward()
    assert loss.tolist() == [0.0, 1e6]
    assert better.grad.tolist() == [0.0, -1.0]


def test_a_margin_costs_what_a_smaller_difference_does(rewards) -> None:
    better, worse = rewards
    moved = preference_loss(better - 0.8, worse)
    assert torch.allclose(preference_loss(better, worse, 0.8), moved, rtol=1e-14)
    assert (preference_loss(better, worse, 0.8) > preference_loss(better, worse)).all()


def test_answers_make_a_pair_wherever_their_scores_differ() -> None:
    assert compared([0.1, 0.5, 0.5, -1.0]) == [
        (1, 0, 0.4), (2, 0, 0.4), (0, 3, 1.1), (1, 3, 1.5), (2, 3, 1.5),
    ]  # fmt: skip
    assert compared([0.3, 0.3]) == compared([1.0]) == []


# --- a step -----------------------------------------------------------------------------------

ROWS = [Tokens((5, 6, 7, *range(8, 8 + i), 2), 3) for i in range(9)]
KNOWN = [
    Comparison(tuple(ROWS[:3]), ((0, 1, 0.5), (2, 1, 1.0), (2, 0, 0.5))),
    Comparison(tuple(ROWS[3:6]), ((1, 0, 2.0),)),
    Comparison(tuple(ROWS[6:]), ((0, 2, 1.0), (1, 2, 1.0))),
]


def step(config: Config, budget: int) -> tuple[Tensor, dict[str, float]]:
    policy = policy64()
    add_scalar_head(policy, seed=1)
    rows, logged = [r for c in KNOWN for r in c.rows], {"loss": 0.0, "accuracy": 0.0, "margin": 0.0}

    def run() -> None:
        part = part_of(policy, config, KNOWN, 3)
        for group in own_batches(rows, budget, together=3):
            loss, found = part(pack_whole(rows, group))
            loss.backward()
            for name, value in {"loss": loss.item(), **found}.items():
                logged[name] += value

    return gradients(policy, run), logged


def test_a_step_is_the_mean_over_prompts_of_the_mean_over_their_pairs() -> None:
    config = Config(margin=0.3, centering=0.02)
    flat, logged = step(config, 10**6)
    policy = policy64()
    add_scalar_head(policy, seed=1)
    scores = torch.tensor(row_scores(policy, ROWS), dtype=F64)

    def cost(win: int, lose: int, gap: float) -> float:
        r = float(scores[win] - scores[lose])
        level = float(scores[win] + scores[lose])
        return math.log1p(math.exp(-(r - 0.3 * gap))) + 0.02 * level**2

    expected = (
        (cost(0, 1, 0.5) + cost(2, 1, 1.0) + cost(2, 0, 0.5)) / 3
        + cost(4, 3, 2.0)
        + (cost(6, 8, 1.0) + cost(7, 8, 1.0)) / 2
    ) / 3
    assert logged["loss"] == pytest.approx(expected, rel=1e-9)
    assert flat.norm() > 1e-3
    assert 0 <= logged["accuracy"] <= 1


def test_the_gradient_is_the_same_however_the_step_is_cut() -> None:
    config = Config(margin=0.3, centering=0.02)
    whole, said = step(config, 10**6)
    for budget in (1, 25):
        cut, found = step(config, budget)
        assert relative(cut, whole) < 1e-10
        assert found == pytest.approx(said)


def test_at_the_start_the_head_alone_moves_and_towards_the_preferred_state() -> None:
    policy = policy64()
    add_scalar_head(policy)
    rows = list(KNOWN[1].rows)
    loss, found = part_of(policy, Config(), KNOWN[1:2], 3)(pack_whole(rows, range(3)))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert found["accuracy"] == 0.5
    assert scalar_weight(policy).grad.norm() > 0
    others = [p for n, p in policy.module.named_parameters() if n != "score.weight"]
    assert all(p.grad is None or not p.grad.any() for p in others)


def test_the_controls_swap_every_preference_or_some_and_no_answer() -> None:
    coin = torch.Generator
    assert controlled(KNOWN, "reward", coin().manual_seed(0)) == KNOWN
    flipped = controlled(KNOWN, "flipped", coin().manual_seed(0))
    assert [c.pairs for c in flipped] == [
        tuple((j, i, gap) for i, j, gap in c.pairs) for c in KNOWN
    ]
    mixed = controlled(KNOWN * 10, "random", coin().manual_seed(0))
    assert mixed == controlled(KNOWN * 10, "random", coin().manual_seed(0))
    kept = sum(a == b for c, d in zip(mixed, KNOWN * 10, strict=True)
               for a, b in zip(c.pairs, d.pairs, strict=True))  # fmt: skip
    assert 15 < kept < 45  # of 60
    assert all(c.rows == d.rows for c, d in zip(mixed, KNOWN * 10, strict=True))


def test_more_answers_to_the_same_prompts_are_no_more_independent_ones() -> None:
    """Every answer and every pair twice: no interval gets narrower."""
    policy = policy64()
    add_scalar_head(policy, seed=1)

    def found(times: int) -> dict[str, dict[str, object]]:
        tested = [
            (str(i), Comparison(c.rows * times, c.pairs * times)) for i, c in enumerate(KNOWN)
        ]
        return held_out_measures(policy, tested, [])

    once, twice = found(1), found(2)
    assert once.keys() == twice.keys() == {"pair_accuracy", "pair_loss", "reward_level"}
    for name, told in once.items():
        assert told["n"] == twice[name]["n"] == 3
        assert twice[name]["interval"] == pytest.approx(told["interval"], rel=1e-6)

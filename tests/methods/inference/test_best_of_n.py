"""Best-of-n's curves against brute force over every subset, in exact fractions."""

from __future__ import annotations

import itertools
import json
import math
from fractions import Fraction
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.engine.batch import Tokens
from methods.engine.run import Run
from methods.engine.sample import Sample, sample
from methods.engine.scalar import add_scalar_head, as_reward_model, text_rewards
from methods.inference.best_of_n import (
    Config,
    best_of,
    expected_best_of,
    kl_bound,
    pass_at_k,
)
from methods.inference.loop import scored
from tests.engine.conftest import small_model
from tests.guards.small import play, small_task

# Scores with ties; gains that have nothing to do with the scores.
SCORES_AND_GAINS = st.lists(
    st.tuples(st.sampled_from([0, 1, 2, 3]), st.integers(-5, 5)), min_size=1, max_size=7
)


def brute_force(scores: list[int], gains: list[int], k: int) -> Fraction:
    """Mean gain of the best of every k-subset; equal best ones are each kept as often."""
    total, count = Fraction(0), 0
    for subset in itertools.combinations(range(len(scores)), k):
        top = max(scores[i] for i in subset)
        best = [gains[i] for i in subset if scores[i] == top]
        total, count = total + Fraction(sum(best), len(best)), count + 1
    return total / count


# --- pass@k -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", range(1, 9))
def test_pass_at_k_is_the_share_of_subsets_with_a_right_sample(n):
    for c, k in itertools.product(range(n + 1), range(1, n + 1)):
        right = [i < c for i in range(n)]
        subsets = list(itertools.combinations(right, k))
        exact = Fraction(sum(any(s) for s in subsets), len(subsets))
        assert pass_at_k(n, c, k) == pytest.approx(float(exact), rel=1e-14, abs=1e-15)


def test_pass_at_k_is_exactly_nothing_or_all_at_the_ends():
    assert all(pass_at_k(16, 0, k) == 0.0 for k in range(1, 17))
    assert all(pass_at_k(16, 16, k) == 1.0 for k in range(1, 17))
    assert pass_at_k(16, 3, 14) == 1.0  # 13 wrong ones cannot fill 14 places


def test_pass_at_1_is_the_share_of_right_samples():
    assert pass_at_k(8, 3, 1) == pytest.approx(3 / 8, rel=1e-15)


def test_pass_at_k_is_not_the_biased_plug_in():
    assert pass_at_k(4, 2, 2) == pytest.approx(5 / 6, rel=1e-14)
    assert pass_at_k(4, 2, 2) > 1 - (1 - 2 / 4) ** 2


@pytest.mark.parametrize("c", [0, 1, 7, 500, 999, 1000])
@pytest.mark.parametrize("k", [1, 2, 100, 999, 1000])
def test_a_thousand_samples_neither_overflow_nor_lose_digits(c, k):
    exact = 1 - Fraction(math.comb(1000 - c, k), math.comb(1000, k))
    assert pass_at_k(1000, c, k) == pytest.approx(float(exact), rel=1e-12, abs=1e-12)
    scores = [float(i < c) for i in range(1000)]
    assert expected_best_of(scores, scores, k) == pytest.approx(float(exact), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("n", "c", "k"), [(4, 5, 1), (4, -1, 1), (4, 2, 0), (4, 2, 5), (0, 0, 1)])
def test_impossible_counts_are_refused(n, c, k):
    with pytest.raises(ValueError, match="needs 0 <= c <= n and 1 <= k <= n"):
        pass_at_k(n, c, k)


# --- the expected curve -----------------------------------------------------------------------


@given(SCORES_AND_GAINS)
def test_the_expected_gain_is_the_mean_over_all_subsets(rows):
    scores, gains = [s for s, _ in rows], [g for _, g in rows]
    for k in range(1, len(rows) + 1):
        exact = float(brute_force(scores, gains, k))
        assert expected_best_of(scores, gains, k) == pytest.approx(exact, rel=1e-12, abs=1e-12)


@settings(max_examples=10)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.integers(-5, 5)), min_size=1, max_size=6))
def test_it_is_what_keeping_the_first_best_gives_over_all_orders_of_sampling(rows):
    for k in range(1, len(rows) + 1):
        kept = []
        for order in itertools.permutations(rows):
            kept.append(order[best_of([score for score, _ in order[:k]])][1])
        exact = Fraction(sum(kept), len(kept))
        found = expected_best_of([s for s, _ in rows], [g for _, g in rows], k)
        assert found == pytest.approx(float(exact), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("n", range(1, 9))
def test_with_an_exact_verifier_best_of_k_is_pass_at_k(n):
    for c, k in itertools.product(range(n + 1), range(1, n + 1)):
        right = [float((7 * i) % n < c) for i in range(n)]
        found = expected_best_of(right, right, k)
        assert found == pytest.approx(pass_at_k(n, int(sum(right)), k), rel=1e-13, abs=1e-14)


def test_a_scorer_that_prefers_wrong_answers_loses_with_every_sample_more():
    gains = [1.0, 1.0, 1.0, 0.0]
    curve = [expected_best_of([-g for g in gains], gains, k) for k in (1, 2, 3, 4)]
    assert curve == pytest.approx([3 / 4, 1 / 2, 1 / 4, 0], rel=1e-14, abs=1e-15)


def test_the_best_of_k_uniform_scores_is_k_over_k_plus_one():
    # The order statistics of 1..N: E max of k is k (N + 1) / (k + 1), exactly.
    uniform = [i / 1001 for i in range(1, 1001)]
    for k in (1, 2, 3, 10, 100, 1000):
        assert expected_best_of(uniform, uniform, k) == pytest.approx(k / (k + 1), rel=1e-13)


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=12))
def test_more_samples_never_hurt_who_is_ranked_by_what_is_gained(scores):
    curve = [expected_best_of(scores, scores, k) for k in range(1, len(scores) + 1)]
    assert curve[0] == pytest.approx(math.fsum(scores) / len(scores), abs=1e-9)
    assert all(a <= b + 1e-9 for a, b in itertools.pairwise(curve))
    assert curve[-1] == pytest.approx(max(scores), abs=1e-9)


def test_a_scorer_that_says_the_same_of_all_gains_nothing():
    gains = [1.0, 0.0, 0.0, 5.0]
    for k in (1, 2, 3, 4):
        assert expected_best_of([0.5] * 4, gains, k) == pytest.approx(1.5, rel=1e-14)


def test_the_order_of_the_samples_does_not_matter_to_the_expectation():
    scores, gains = [3.0, 1.0, 1.0, 2.0], [0.0, 4.0, 6.0, 1.0]
    expected = expected_best_of(scores, gains, 2)
    for order in itertools.permutations(range(4)):
        found = expected_best_of([scores[i] for i in order], [gains[i] for i in order], 2)
        assert found == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("scores", "gains", "k"), [([1, 2], [1, 2], 0), ([1, 2], [1, 2], 3), ([1, 2], [1], 1), ([], [], 1)])  # fmt: skip
def test_subsets_that_do_not_exist_are_refused(scores, gains, k):
    with pytest.raises(ValueError, match="best of"):
        expected_best_of(scores, gains, k)


# --- choosing, and the price ------------------------------------------------------------------


def test_the_highest_score_wins_and_of_equal_ones_the_first_sampled():
    assert best_of([0.1, 0.7, 0.3]) == 1
    assert best_of([0.0, 1.0, 1.0, 1.0]) == 1
    assert best_of([0.5, 0.5]) == best_of([-3.0]) == 0
    assert best_of([-2.0, -1.0, -1.0]) == 1


def test_there_is_no_best_of_nothing():
    with pytest.raises(ValueError):
        best_of([])


def test_the_kl_bound_worked_by_hand():
    assert kl_bound(1) == 0.0
    assert kl_bound(2) == pytest.approx(math.log(2) - 1 / 2, rel=1e-15)
    assert kl_bound(4) == pytest.approx(0.6362943611198906, rel=1e-14)
    assert kl_bound(1000) == pytest.approx(math.log(1000) - 0.999, rel=1e-14)


def true_kl(probabilities: list[float], n: int) -> float:
    """KL(best-of-n || policy) over answers listed from worst to best, no ties."""
    below = list(itertools.accumulate(probabilities, initial=0.0))
    picked = [b**n - a**n for a, b in itertools.pairwise(below)]
    return math.fsum(q * math.log(q / p) for q, p in zip(picked, probabilities, strict=True) if q)


@pytest.mark.parametrize("n", [2, 4, 16])
def test_the_kl_bound_holds_and_is_reached_by_many_unlikely_answers(n):
    coarse = [true_kl(p, n) for p in ([0.5, 0.5], [0.9, 0.1], [0.2, 0.3, 0.5])]
    assert all(value < 0.95 * kl_bound(n) for value in coarse)
    fine = true_kl([1 / 4096] * 4096, n)
    assert fine <= kl_bound(n)
    assert fine == pytest.approx(kl_bound(n), rel=1e-2)


# --- who ranks --------------------------------------------------------------------------------


def drawn(logprobs: list[tuple[float, ...]]) -> list[Sample]:
    return [
        Sample(0, Tokens((1, *range(5, 5 + len(values))), 1), values, True, "x")
        for values in logprobs
    ]


def ranked(scorer: str, gains: torch.Tensor, samples: list[Sample]) -> torch.Tensor:
    run = SimpleNamespace(generator=lambda *purpose: torch.Generator().manual_seed(len(purpose)))
    return scored(Config(scorer=scorer), run, gains, samples).values


def test_the_likelihood_scorer_ranks_by_the_mean_and_not_by_the_sum():
    gains = torch.zeros(1, 2, dtype=torch.float64)
    scores = ranked("likelihood", gains, drawn([(-1.0,), (-0.6, -0.6, -0.6)]))
    assert scores.tolist() == [[-1.0, pytest.approx(-0.6)]]


def test_the_coin_ranks_without_looking_at_the_answers():
    samples = drawn([(-1.0,)] * 6)
    zeros, ones = torch.zeros(2, 3, dtype=torch.float64), torch.ones(2, 3, dtype=torch.float64)
    coins = ranked("random", zeros, samples)
    assert torch.equal(coins, ranked("random", ones, samples))
    assert len(set(coins.flatten().tolist())) == 6


def test_the_task_scorer_ranks_by_the_gain_itself():
    gains = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    assert torch.equal(ranked("task", gains, drawn([(-1.0,)] * 2)), gains)


def test_a_coin_and_a_reward_model_cannot_both_rank():
    with pytest.raises(ValueError, match="cannot both rank"):
        Config(scorer="random", reward_model="folder")


def test_a_reward_model_ranks_and_the_task_still_says_what_the_choice_is_worth(
    tmp_path, monkeypatch
):
    model = small_model(seed=2)
    add_scalar_head(model, seed=2)
    as_reward_model(model).save(tmp_path / "judge" / "model")
    played = play(
        "best-of-n", tmp_path / "run", monkeypatch, reward_model=str(tmp_path / "judge"), n=3,
        repeats=1, prompts=2,
    )  # fmt: skip
    found = json.loads((played.folder / "results.json").read_text())
    measures = {m["name"]: m for m in found["measures"]}
    task = small_task("small-a")
    drawn = sample(
        small_model(), [p.prompt for p in task.held_out[:2]], per_prompt=6, max_new_tokens=6,
        generator=Run(played.folder, json.loads((played.folder / "spec.json").read_text()))
        .generator("samples"),
    )  # fmt: skip
    rewards = text_rewards(model, [(task.held_out[s.prompt_index].prompt, s.text) for s in drawn])
    gold = [task.score(task.held_out[s.prompt_index], s.text) for s in drawn]
    chosen = [3 + best_of(rewards[3:6]), 9 + best_of(rewards[9:12])]
    assert measures["score_at_n"]["after"] == pytest.approx(sum(gold[i] for i in chosen) / 2)
    ranked = [max(rewards[0:3]), max(rewards[6:9])]
    assert measures["ranked_at_n"]["after"] == pytest.approx(sum(ranked) / 2, rel=1e-4)

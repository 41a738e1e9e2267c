"""The weighted vote against brute force over every subset, and against its two ends."""

from __future__ import annotations

import itertools
import json
import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.inference.best_of_n import expected_best_of, pass_at_k
from methods.inference.self_consistency import majority_at_k
from methods.inference.weighted_best_of_n import (
    Config,
    as_weights,
    exchanged,
    subsets,
    weighted_at_k,
    weighted_vote,
)
from tests.guards.small import play

ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(-5, 5), st.integers(0, 3)),
    min_size=1, max_size=7,
)  # fmt: skip  # answers, gains, weights


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def expected(results: str, gains: list[float], weights: list[float], k: int) -> float:
    chosen = subsets(len(results), k, generator())
    return weighted_at_k(list(results), gains, weights, chosen)


def brute_force(rows: list[tuple[str, int, int]], k: int) -> Fraction:
    """Mean gain over every k-subset, in exact fractions; ties are shared by samples."""
    total, groups = Fraction(0), list(itertools.combinations(rows, k))
    for group in groups:
        sums = {a: sum(w for r, _, w in group if r == a) for a, _, _ in group}
        tied = [a for a in sums if sums[a] == max(sums.values())]
        gains = [g for r, g, _ in group if r in tied]
        total += Fraction(sum(gains), len(gains))
    return total / len(groups)


# --- the vote ---------------------------------------------------------------------------------


def test_the_heaviest_result_wins_though_it_is_rarer() -> None:
    assert weighted_vote(["4", "5", "5"], [0.9, 0.3, 0.4]) == 0
    assert weighted_vote(["4", "5", "5"], [0.6, 0.3, 0.4]) == 1


def test_of_equal_sums_and_of_no_weight_at_all_the_first_sampled_wins() -> None:
    assert weighted_vote(["4", "5"], [0.5, 0.5]) == 0
    assert weighted_vote(["7", "4", "5"], [0.0, 0.0, 0.0]) == 0


def test_of_the_winning_result_the_first_sample_is_kept() -> None:
    assert weighted_vote(["4", "5", "5"], [0.1, 0.2, 0.9]) == 1


# --- its expectation --------------------------------------------------------------------------


@settings(max_examples=40)
@given(ROWS)
def test_the_expected_gain_is_the_mean_over_all_subsets(rows: list[tuple[str, int, int]]) -> None:
    results, gains, weights = ([row[i] for row in rows] for i in range(3))
    for k in range(1, len(rows) + 1):
        found = weighted_at_k(results, gains, weights, subsets(len(rows), k, generator()))
        assert found == pytest.approx(float(brute_force(rows, k)), rel=1e-12, abs=1e-12)


@settings(max_examples=10)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2)), min_size=1, max_size=5))
def test_it_is_what_the_vote_of_the_first_k_gives_over_all_orders_of_sampling(
    rows: list[tuple[str, int]],
) -> None:
    gains = {i: float(3 * i % 5) for i in range(len(rows))}  # gains apart from the answers
    for k in range(1, len(rows) + 1):
        kept = []
        for order in itertools.permutations(range(len(rows))):
            first = [rows[i] for i in order[:k]]
            kept.append(gains[order[weighted_vote([r for r, _ in first], [w for _, w in first])]])
        found = weighted_at_k(
            [r for r, _ in rows], list(gains.values()), [w for _, w in rows],
            subsets(len(rows), k, generator()),
        )  # fmt: skip
        assert found == pytest.approx(math.fsum(kept) / len(kept), rel=1e-12, abs=1e-12)


@settings(max_examples=25)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=7), st.sampled_from([0.1, 1.0, 7.0]))
def test_equal_weights_are_self_consistency_whatever_they_are(
    results: list[str], weight: float
) -> None:
    gains = [float(r == "a") for r in results]
    for k in range(1, len(results) + 1):
        chosen = subsets(len(results), k, generator())
        found = weighted_at_k(results, gains, [weight] * len(results), chosen)
        assert found == pytest.approx(majority_at_k(results, gains, k), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("right", range(7))
def test_with_an_exact_verifier_the_vote_is_pass_at_k(right: int) -> None:
    results = "r" * right + "uvuvuv"[right:]
    gains = [float(r == "r") for r in results]
    for k in range(1, 7):
        found = expected(results, gains, gains, k)
        assert found == pytest.approx(pass_at_k(6, right, k), rel=1e-13, abs=1e-14)


def test_weights_that_each_outweigh_all_lower_ones_are_best_of_n() -> None:
    results, gains = "abacbac", [1.0, 0.0, 0.25, 0.5, 0.75, 0.1, 0.9]
    ranks = [3, 0, 6, 1, 5, 2, 4]
    by_answer = {a: [g for r, g in zip(results, gains, strict=True) if r == a] for a in "abc"}
    shared = [math.fsum(by_answer[r]) / len(by_answer[r]) for r in results]
    weights = [float(4**rank) for rank in ranks]
    for k in range(1, 8):
        best = expected_best_of(ranks, shared, k)
        assert expected(results, shared, weights, k) == pytest.approx(best, rel=1e-12)


def test_the_vote_of_one_is_one_sample_whoever_weighs() -> None:
    gains = [0.3, 1.0, 0.0, 0.2]
    assert expected("aabc", gains, [5.0, 0.0, 1.0, 2.0], 1) == pytest.approx(1.5 / 4, rel=1e-14)


def test_without_any_weight_one_sample_is_kept() -> None:
    assert expected("aab", [1.0, 1.0, 0.0], [0.0] * 3, 3) == pytest.approx(2 / 3)


def test_sums_that_differ_by_rounding_alone_are_a_tie() -> None:
    assert 0.1 + 0.2 != 0.3
    assert expected("aab", [1.0, 1.0, 0.0], [0.1, 0.2, 0.3], 3) == pytest.approx(2 / 3)


def test_tiny_weights_are_weights() -> None:
    """Probabilities of long answers: no threshold of absolute size may call them a tie."""
    assert expected("ab", [1.0, 0.0], [2e-200, 1e-200], 2) == 1.0


def test_the_scale_of_the_weights_does_not_matter() -> None:
    gains, weights = [1.0, 0.0, 0.5, 0.0], [0.2, 0.3, 0.15, 0.1]
    one = expected("abab", gains, weights, 3)
    assert expected("abab", gains, [1e6 * w for w in weights], 3) == pytest.approx(one, rel=1e-14)


def test_negative_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="weights"):
        expected("ab", [1.0, 0.0], [0.5, -0.1], 2)


# --- subsets ----------------------------------------------------------------------------------


def test_all_subsets_of_sixteen_are_there_once() -> None:
    chosen = subsets(16, 8, generator())
    assert len(chosen) == math.comb(16, 8) == len({tuple(row) for row in chosen.tolist()})
    assert set(chosen.sum(-1).tolist()) == {8.0}


def test_of_many_samples_the_subsets_are_drawn_and_the_estimate_is_unbiased() -> None:
    chosen = subsets(40, 20, generator())
    assert chosen.shape == (2000, 40) and set(chosen.sum(-1).tolist()) == {20.0}
    assert chosen.mean(0).sub(0.5).abs().max() < 0.06  # five standard errors: each as often
    results = [["a", "b", "c"][i % 3 if i < 30 else 1] for i in range(40)]
    gains = [float(r == "a") for r in results]
    found = weighted_at_k(results, gains, [1.0] * 40, chosen)
    assert found == pytest.approx(majority_at_k(results, gains, 20), abs=0.02)


@pytest.mark.parametrize("k", [0, 5])
def test_subsets_that_do_not_exist_are_refused(k: int) -> None:
    with pytest.raises(ValueError, match="subsets of"):
        subsets(4, k, generator())


# --- weights and noise ------------------------------------------------------------------------


def test_scores_become_weights_that_are_never_negative() -> None:
    scores = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64)
    assert as_weights(scores, "score").tolist() == [0.0, 0.0, 3.0]
    sigmoid = [1 / (1 + math.exp(-s)) for s in scores.tolist()]
    assert as_weights(scores, "sigmoid").tolist() == pytest.approx(sigmoid, rel=1e-14)
    assert as_weights(scores, "exp").tolist() == pytest.approx([math.exp(s) for s in scores])


def test_exchanged_scores_stay_with_their_prompt() -> None:
    scores = torch.arange(60, dtype=torch.float64).view(3, 20)
    mixed = exchanged(scores, 1.0, generator())
    assert torch.equal(mixed.sort(-1).values, scores)
    assert (mixed != scores).double().mean() > 0.8
    assert torch.equal(exchanged(scores, 0.0, generator()), scores)
    half = (exchanged(scores, 0.5, generator()) != scores).double().mean()
    assert 0.25 < half < 0.65


def test_noise_of_another_scorer_is_refused() -> None:
    for scorer in ({"scorer": "likelihood"}, {"reward_model": "folder"}):
        with pytest.raises(ValueError, match="score_noise is of the task's verdicts"):
            Config(score_noise=0.1, **scorer)


# --- whole runs -------------------------------------------------------------------------------


def test_equal_weights_give_the_plain_vote_of_the_same_samples(tmp_path, monkeypatch) -> None:
    run = play("weighted-best-of-n", tmp_path / "run", monkeypatch, control="equal")
    found = json.loads((run.folder / "results.json").read_text())
    measures = {m["name"]: m for m in found["measures"]}
    plain = measures["majority_at_n"]
    assert measures["expected_score_at_n"]["after"] == pytest.approx(plain["after"], rel=1e-12)
    assert measures["over_majority"]["after"] == pytest.approx(0, abs=1e-12)


def test_its_plain_vote_is_what_self_consistency_reports_with_the_same_seed(
    tmp_path, monkeypatch
) -> None:
    values = []
    for method, name in (
        ("weighted-best-of-n", "majority_at_n"), ("self-consistency", "expected_score_at_n"),
    ):  # fmt: skip
        folder = play(method, tmp_path / method, monkeypatch).folder
        found = json.loads((folder / "results.json").read_text())["measures"]
        values.append(next(m["after"] for m in found if m["name"] == name))
    assert values[0] == pytest.approx(values[1], rel=1e-12)

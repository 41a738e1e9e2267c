"""The vote and its expectation against brute force over every subset, in exact fractions."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.inference.best_of_n import pass_at_k
from methods.inference.self_consistency import Config, majority_at_k, vote, vote_share
from tests.guards.small import play

ANSWERS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(-5, 5)), min_size=1, max_size=8
)  # answers with gains that differ even where the answers are equal


def brute_force(results: list[str], gains: list[int], k: int) -> Fraction:
    """Mean gain of the vote of every k-subset; answers that tie share it evenly."""
    worth = {
        a: Fraction(sum(g for r, g in zip(results, gains, strict=True) if r == a), results.count(a))
        for a in set(results)
    }
    total, subsets = Fraction(0), list(itertools.combinations(results, k))
    for subset in subsets:
        counts = Counter(subset)
        tied = [a for a in counts if counts[a] == max(counts.values())]
        total += sum((worth[a] for a in tied), Fraction(0)) / len(tied)
    return total / len(subsets)


# --- the vote ---------------------------------------------------------------------------------


def test_the_commonest_result_wins_and_of_equally_common_ones_the_first_sampled() -> None:
    assert vote(["4", "5", "5"]) == 1
    assert vote(["4", "5", "5", "4"]) == 0
    assert vote(["7", "4", "5", "5", "4"]) == 1
    assert vote(["x"]) == 0


def test_there_is_no_vote_of_nobody() -> None:
    with pytest.raises(ValueError):
        vote([])


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=9))
def test_the_winner_stands_there_as_often_as_any(results: list[str]) -> None:
    counts = Counter(results)
    won = vote(results)
    assert counts[results[won]] == max(counts.values())
    assert results[won] not in results[:won]


# --- its expectation --------------------------------------------------------------------------


@settings(max_examples=60)
@given(ANSWERS)
def test_the_expected_gain_is_the_mean_over_all_subsets(rows: list[tuple[str, int]]) -> None:
    results, gains = [r for r, _ in rows], [g for _, g in rows]
    for k in range(1, len(rows) + 1):
        exact = float(brute_force(results, gains, k))
        assert majority_at_k(results, gains, k) == pytest.approx(exact, rel=1e-12, abs=1e-12)


@settings(max_examples=15)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=6))
def test_it_is_what_the_vote_of_the_first_k_gives_over_all_orders_of_sampling(
    results: list[str],
) -> None:
    gains = [1.0 if r == "a" else 0.25 if r == "b" else 0.0 for r in results]
    worth = dict(zip(results, gains, strict=True))
    for k in range(1, len(results) + 1):
        orders = list(itertools.permutations(results))
        kept = math.fsum(worth[order[vote(order[:k])]] for order in orders) / len(orders)
        assert majority_at_k(results, gains, k) == pytest.approx(kept, rel=1e-12, abs=1e-12)


def test_worked_by_hand() -> None:
    # Two of three are right. Of the three pairs one is both right, two are ties.
    assert majority_at_k(["a", "a", "b"], [1, 1, 0], 2) == pytest.approx(1 / 3 + 2 / 3 / 2)
    # Of three, the vote is certain.
    assert majority_at_k(["a", "a", "b"], [1, 1, 0], 3) == 1.0
    # Three answers once each: the vote is a coin of three sides.
    assert majority_at_k(["a", "b", "c"], [1, 0, 0], 3) == pytest.approx(1 / 3)


def test_the_vote_of_one_is_one_sample() -> None:
    gains = [0.3, 1.0, 0.0, 0.2, 0.9]
    assert majority_at_k(list("aabcb"), gains, 1) == pytest.approx(math.fsum(gains) / 5, rel=1e-15)


def test_the_vote_of_all_is_the_vote() -> None:
    assert majority_at_k(list("abbca"), [0, 1, 1, 0, 0], 5) == pytest.approx(0.5)
    assert majority_at_k(list("abbcb"), [0, 1, 1, 0, 1], 5) == 1.0


@pytest.mark.parametrize(("right", "wrong", "k"), [(5, 3, 3), (4, 4, 5), (2, 6, 7), (20, 12, 9)])
def test_of_two_answers_the_vote_of_an_odd_number_is_a_hypergeometric_tail(
    right: int, wrong: int, k: int
) -> None:
    ways = sum(
        math.comb(right, j) * math.comb(wrong, k - j)
        for j in range(k // 2 + 1, min(right, k) + 1)
        if k - j <= wrong
    )
    exact = ways / math.comb(right + wrong, k)
    assert vote_share(right, (wrong,), k) == pytest.approx(exact, rel=1e-13)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_the_answers_share_every_vote_among_them(counts: list[int]) -> None:
    for k in range(1, sum(counts) + 1):
        shares = [
            vote_share(c, tuple(sorted(counts[:i] + counts[i + 1 :])), k)
            for i, c in enumerate(counts)
        ]
        assert math.fsum(shares) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("c", range(9))
def test_no_vote_exceeds_pass_at_k(c: int) -> None:
    results = ["right"] * c + list("uvwxyzuv")[: 8 - c]
    gains = [float(r == "right") for r in results]
    for k in range(1, 9):
        assert majority_at_k(results, gains, k) <= pass_at_k(8, c, k) + 1e-12


def test_a_right_answer_that_is_not_the_commonest_loses_with_every_odd_sample_more() -> None:
    results = ["wrong"] * 6 + ["right"] * 4
    gains = [float(r == "right") for r in results]
    curve = [majority_at_k(results, gains, k) for k in (1, 3, 5, 7, 9)]
    assert all(a > b for a, b in itertools.pairwise(curve))
    assert majority_at_k(results, gains, 10) == 0.0


def test_sixty_four_samples_of_many_answers_lose_no_digit() -> None:
    counts = [16, 10, 8, 6, 4, *[1] * 20]
    shares = [
        vote_share(c, tuple(sorted(counts[:i] + counts[i + 1 :])), 32) for i, c in enumerate(counts)
    ]
    assert math.fsum(shares) == pytest.approx(1, rel=1e-12)
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize(("results", "gains", "k"), [("ab", [1, 2], 0), ("ab", [1, 2], 3), ("ab", [1], 1), ("", [], 1)])  # fmt: skip
def test_subsets_that_do_not_exist_are_refused(results: str, gains: list[int], k: int) -> None:
    with pytest.raises(ValueError, match="majority of"):
        majority_at_k(list(results), gains, k)


# --- whole runs -------------------------------------------------------------------------------


def measures(folder) -> dict[str, dict]:
    found = json.loads((folder / "results.json").read_text())
    return {m["name"]: m for m in found["measures"]} | {"curves": found["curves"]}


def test_a_coin_counts_nothing_and_expects_one_sample_whatever_it_is_given(
    tmp_path, monkeypatch
) -> None:
    run = play("self-consistency", tmp_path / "run", monkeypatch, control="random", prompts=4)
    found = measures(run.folder)["expected_score_at_n"]
    assert found["after"] == pytest.approx(found["before"], rel=1e-12)
    honest = measures(play("self-consistency", tmp_path / "b", monkeypatch, prompts=4).folder)
    assert honest["expected_score_at_n"]["before"] == pytest.approx(found["before"], rel=1e-12)


def test_tokens_are_what_all_samples_of_a_problem_take_and_nobody_reads_them(
    tmp_path, monkeypatch
) -> None:
    found = measures(play("self-consistency", tmp_path / "run", monkeypatch, n=4).folder)
    written = found["tokens_written"]["after"]
    assert 4 <= written <= 4 * 6  # between one token and the longest answer each
    assert found["tokens_scored"]["after"] == 0
    (line,) = found["curves"][-1]["series"]
    assert line["x"] == pytest.approx([written / 4, written / 2, written])
    assert line["y"][-1] == found["expected_score_at_n"]["after"]


def test_more_votes_than_can_be_counted_exactly_are_refused() -> None:
    with pytest.raises(ValueError, match="less than or equal to 64"):
        Config(n=65)

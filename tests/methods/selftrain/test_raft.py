"""Which answers RAFT imitates: the best one of each prompt."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from methods.selftrain.raft import best_of_each
from tests.guards.small import play

F64 = torch.float64
ANY = -1e9
tables = st.integers(1, 5).flatmap(
    lambda k: st.lists(st.lists(st.floats(-3, 3), min_size=k, max_size=k), min_size=1, max_size=6)
)


def test_of_every_prompt_the_best_answer_is_kept():
    rewards = torch.tensor([[0.1, 0.7, 0.3], [-1.0, -3.0, -2.0]], dtype=F64)
    assert best_of_each(rewards, ANY) == [(0, 1), (1, 0)]


def test_of_equally_good_answers_the_first_written_is_kept():
    assert best_of_each(torch.tensor([[0.0, 1.0, 1.0], [2.0, 2.0, 2.0]]), ANY) == [(0, 1), (1, 0)]


def test_a_prompt_whose_best_answer_is_below_the_threshold_keeps_none():
    rewards = torch.tensor([[0.2, 0.4], [0.5, 0.1], [0.6, 0.9]], dtype=F64)
    assert best_of_each(rewards, 0.5) == [(1, 0), (2, 1)]
    assert best_of_each(rewards, 1.0) == []


def test_one_answer_a_prompt_is_always_the_best():
    assert best_of_each(torch.tensor([[-5.0], [3.0]]), ANY) == [(0, 0), (1, 0)]


@given(tables)
def test_what_is_kept_is_nowhere_below_what_is_not(rows: list[list[float]]) -> None:
    for prompt, best in best_of_each(torch.tensor(rows, dtype=F64), ANY):
        assert all(rows[prompt][best] >= other for other in rows[prompt])


@given(tables, st.floats(0.1, 9), st.floats(-5, 5))
def test_only_the_order_of_rewards_matters(rows, scale, shift):
    """Claim c3 of the paper: a shift or a change of scale leaves what is kept as it is."""
    rewards = torch.tensor(rows, dtype=F64).round(decimals=3)
    assert best_of_each(rewards, ANY) == best_of_each((rewards * scale + shift), ANY)


def test_the_best_of_k_that_a_coin_finds_is_in_the_mean_no_better_than_any():
    draw = torch.Generator().manual_seed(0)
    scores = torch.rand(4000, 8, generator=draw, dtype=F64)
    coins = torch.randint(2, (4000, 8), generator=draw)
    by_coin = torch.stack([scores[p, k] for p, k in best_of_each(coins, ANY)])
    by_score = torch.stack([scores[p, k] for p, k in best_of_each(scores, ANY)])
    error = math.sqrt(1 / 12 / 4000)
    assert abs(by_coin.mean() - 0.5) < 4 * error
    # The largest of 8 uniform numbers is 8/9 in the mean.
    assert abs(by_score.mean() - 8 / 9) < 4 * error


def test_a_run_imitates_the_best_and_says_how_good_it_was(tmp_path, monkeypatch):
    found = play("raft", tmp_path / "run", monkeypatch)
    assert all(s["kept_score"] > s["written_score"] for s in found.steps)
    assert all(s["kept"] == 6 for s in found.steps)  # one a prompt
    told = play("raft", tmp_path / "coin", monkeypatch, reward="random")
    assert told.steps[0]["written_score"] == found.steps[0]["written_score"]
    assert told.steps[0]["kept_score"] < found.steps[0]["kept_score"]


def test_a_threshold_that_nothing_reaches_is_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(Exception, match=r"round 1: none of the answers.*lower threshold"):
        play("raft", tmp_path / "run", monkeypatch, threshold=9.0)

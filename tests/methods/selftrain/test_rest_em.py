"""Which answers ReST-EM keeps: right ones, each once, not too many of one problem."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from methods.engine.batch import Tokens
from methods.engine.errors import MethodError
from methods.selftrain.rest_em import right_answers
from tests.guards.small import play, small_task


def answers(*texts: str) -> list[Tokens]:
    """Answers to a prompt of two tokens, one token a letter."""
    return [Tokens((1, 2, *map(ord, text)), 2) for text in texts]


def test_right_answers_are_kept_and_wrong_ones_are_not():
    rewards = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    assert right_answers(answers(*"abcdef"), rewards, 1.0, 10) == [0, 5]


def test_equal_answers_to_a_problem_are_kept_once_and_to_two_problems_twice():
    rewards = torch.ones(2, 3)
    assert right_answers(answers("a", "a", "b", "a", "b", "b"), rewards, 1.0, 10) == [0, 2, 3, 4]


def test_no_more_than_the_cap_of_a_problem_is_kept_the_first_written():
    rewards = torch.tensor([[0.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]])
    kept = right_answers(answers(*"abcd", *"wxyz"), rewards, 1.0, 2)
    assert kept == [1, 2, 4, 5]


def test_copies_take_no_place_under_the_cap():
    assert right_answers(answers("a", "a", "b", "c"), torch.ones(1, 4), 1.0, 2) == [0, 2]


def test_answers_that_begin_alike_are_different_answers():
    assert right_answers(answers("a", "ab", "abc"), torch.ones(1, 3), 1.0, 10) == [0, 1, 2]


def test_a_score_at_the_threshold_is_right_and_one_below_is_not():
    rewards = torch.tensor([[0.5, 0.4999]], dtype=torch.float64)
    assert right_answers(answers("a", "b"), rewards, 0.5, 10) == [0]


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 1)), min_size=6, max_size=6),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 4),
)
def test_what_is_kept_is_right_different_and_within_the_cap(table, most):
    rows = answers(*(text for problem in table for text, _ in problem))
    rewards = torch.tensor([[float(good) for _, good in problem] for problem in table])
    kept = right_answers(rows, rewards, 1.0, most)
    assert kept == sorted(set(kept))
    for number, problem in enumerate(table):
        texts = [problem[i % 6][0] for i in kept if i // 6 == number]
        right = {text for text, good in problem if good}
        assert len(texts) == len(set(texts)) == min(most, len(right)) and set(texts) <= right


@pytest.mark.parametrize("method", ["rest-em", "escaping-collapse"])
def test_answers_that_differ_in_what_ended_them_alone_are_one_answer(method, tmp_path, monkeypatch):
    stopping = replace(small_task("small-a"), stop="b", scorer=lambda problem, text: 1.0)
    monkeypatch.setattr("tests.guards.small.small_task", lambda name: stopping)
    options = {"most_per_prompt": 256} if method == "rest-em" else {"arm": "filter-only"}
    idle = {} if method == "rest-em" else {"beta": 0.25, "label_budget": None}
    found = play(method, tmp_path / "run", monkeypatch, samples_per_prompt=200, max_new_tokens=2,
                 **options, **idle)  # fmt: skip
    kept = json.loads((tmp_path / "run" / "round-1.json").read_text())["value"]["found"]
    stops = found.policy.stop_ids("b")
    said = [
        (tuple(ids[:-1]), True) if ids[-1] in stops else (tuple(ids), False)
        for ids, _ in kept["rows"]
    ]
    assert len(said) > 50 and len(said) == len(set(said))


def test_a_round_that_lets_nothing_through_is_an_error_that_says_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(MethodError, match=r"round 1: none.*samples_per_prompt.*better model"):
        play("rest-em", tmp_path / "run", monkeypatch, threshold=2.0)


def test_a_coin_keeps_another_selection_of_the_same_answers(tmp_path, monkeypatch):
    options = {"most_per_prompt": 3, "samples_per_prompt": 8, "threshold": 0.5}
    told = play("rest-em", tmp_path / "told", monkeypatch, **options)
    coin = play("rest-em", tmp_path / "coin", monkeypatch, reward="random", **options)
    assert told.steps[0]["written_score"] == coin.steps[0]["written_score"]
    assert told.steps[0]["loss"] != coin.steps[0]["loss"]

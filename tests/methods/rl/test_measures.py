"""Lengths by outcome: before and after are of the same problems."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from methods.engine.batch import Tokens
from methods.engine.sample import Sample
from methods.rl.measures import _written, results

VERIFIED = SimpleNamespace(kind="verifiable")
BY_OUTCOME = ("right_answer_tokens", "wrong_answer_tokens")


def written(lengths: list[list[int]], scores: list[list[float]]) -> dict[str, Any]:
    """What is kept of (P, K) answers of these lengths, as a resumed run reads it back."""
    drawn = [
        Sample(p, Tokens((0,) * (1 + n), 1), (-1.0,) * n, True, "")
        for p, row in enumerate(lengths)
        for n in row
    ]
    return json.loads(json.dumps(_written(drawn, torch.tensor(scores), VERIFIED)))


def measures(before: dict[str, Any], after: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = json.loads(json.dumps(results(before, after, 2).to_json(1.0), allow_nan=False))
    return {m["name"]: m for m in found["measures"]}


def test_solving_the_short_problems_makes_no_wrong_answer_longer() -> None:
    lengths = [[6, 6], [12, 12]]
    found = measures(
        written(lengths, [[0.0, 0.0], [0.0, 0.0]]), written(lengths, [[1.0, 1.0], [0.0, 0.0]])
    )
    told = found["wrong_answer_tokens"]
    assert (told["before"], told["after"], told["n"]) == (12.0, 12.0, 1)
    assert "right_answer_tokens" not in found  # nothing was right before


def test_each_problem_counts_by_the_mean_of_its_answers_with_that_outcome() -> None:
    before = written([[2, 4], [6, 10], [8, 8]], [[0.0, 1.0], [0.0, 0.0], [0.0, 1.0]])
    after = written([[3, 9], [8, 30], [1, 1]], [[0.0, 1.0], [0.0, 1.0], [1.0, 1.0]])
    found = measures(before, after)
    wrong, right = found["wrong_answer_tokens"], found["right_answer_tokens"]
    assert (wrong["before"], wrong["after"], wrong["n"]) == (5.0, 5.5, 2)  # 2 -> 3 and 8 -> 8
    assert (right["before"], right["after"], right["n"]) == (6.0, 5.0, 2)  # 4 -> 9 and 8 -> 1
    assert found["answer_tokens"]["n"] == 3


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_where_no_problem_is_left_the_measure_is_and_the_results_are_well_formed(
    outcome: float,
) -> None:
    lengths = [[3, 3], [5, 5]]
    found = measures(
        written(lengths, [[outcome, outcome]] * 2),
        written(lengths, [[1 - outcome, 1 - outcome]] * 2),
    )
    assert not set(BY_OUTCOME) & set(found) and "entropy" in found


def test_of_a_scored_task_no_answer_is_right_or_wrong() -> None:
    scored = SimpleNamespace(kind="scored")
    drawn = [Sample(0, Tokens((0, 1), 1), (-1.0,), True, "")]
    assert not set(BY_OUTCOME) & set(_written(drawn, torch.ones(1, 1), scored))

"""Intervals by resampling problems, and what is said of their difficulty."""

from __future__ import annotations

import math

import pytest
import torch

from methods.engine.results import Estimate
from methods.inference.measures import bootstrap, difficulty, over_tokens


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_of_many_problems_the_bootstrap_is_the_normal_interval() -> None:
    values = torch.rand(400, generator=generator(1), dtype=torch.float64).tolist()
    found, plain = bootstrap(values, generator()), Estimate.of_values(values)
    assert found.mean == plain.mean and found.n == 400
    assert found.interval == pytest.approx(plain.interval, abs=0.004)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rolls, covered = generator(2), 0
    for _ in range(200):
        values = (torch.rand(60, generator=rolls) < 0.4).double().tolist()
        low, high = bootstrap(values, rolls, shares=True).interval
        covered += low <= 0.4 <= high
    assert 180 <= covered <= 199  # 190 expected; four standard errors below


def test_where_all_are_right_or_all_wrong_the_interval_has_a_width_all_the_same() -> None:
    for end in (0.0, 1.0):
        found = bootstrap([end] * 30, generator(), shares=True)
        assert found.interval[1] - found.interval[0] > 0.1
        assert 0 <= found.interval[0] <= end <= found.interval[1] <= 1


def test_equal_differences_have_no_spread_to_draw_from() -> None:
    assert bootstrap([0.0] * 5, generator()).interval == (0.0, 0.0)


def test_the_same_generator_gives_the_same_interval() -> None:
    values = [0.0, 1.0, 1.0, 0.5]
    assert bootstrap(values, generator(3)) == bootstrap(values, generator(3))


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([0.1, 0.0, 0.2], "too hard"), ([0.9, 1.0, 1.0], "too easy"), ([0.5, 0.0, 1.0], "0.33"),
    ],
)  # fmt: skip
def test_hopeless_and_solved_problems_are_named_as_such(shares: list[float], said: str) -> None:
    assert said in difficulty(shares)
    assert ("too" in difficulty(shares)) == ("too" in said)


def test_a_line_over_tokens_has_its_interval() -> None:
    values = [Estimate(0.2, (0.1, 0.3), 5), Estimate(0.4, (0.3, 0.5), 5)]
    (line,) = over_tokens("vote", "accuracy", [10.0, 20.0], values)["series"]
    assert (line["x"], line["y"]) == ([10.0, 20.0], [0.2, 0.4])
    assert (line["low"], line["high"]) == ([0.1, 0.3], [0.3, 0.5])
    assert all(math.isfinite(v) for v in line["x"])

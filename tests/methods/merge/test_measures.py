"""Means over tasks with their intervals, and which measures a merge leaves."""

from __future__ import annotations

import random
import statistics
from typing import Any

import pytest

from methods.engine.results import Estimate
from methods.merge.measures import mean_over_tasks, of_experts, of_merge


def part(loss: float, accuracy: float | None = None) -> dict[str, Any]:
    found = {"loss": Estimate(loss, (loss - 0.1, loss + 0.1), 50).to_json()}
    if accuracy is not None:
        found["accuracy"] = Estimate.of_fraction(round(accuracy * 50), 50).to_json()
    return found


def test_the_mean_of_two_tasks_weighs_them_alike_whatever_their_size():
    found = mean_over_tasks(
        [Estimate(0.2, (0.1, 0.4), 10).to_json(), Estimate(0.6, (0.6, 0.6), 1000).to_json()]
    )
    assert found.mean == pytest.approx(0.4)
    assert found.interval == pytest.approx((0.35, 0.5))  # half of 0.1 below, half of 0.2 above
    assert found.n == 1010


def test_its_interval_holds_the_truth_as_often_as_it_says():
    draw, truth, held = random.Random(3), (0.3, 0.8), 0
    for _ in range(1000):
        parts = [
            Estimate.of_fraction(sum(draw.random() < p for _ in range(60)), 60).to_json()
            for p in truth
        ]
        low, high = mean_over_tasks(parts).interval
        held += low <= statistics.mean(truth) <= high
    assert 925 <= held <= 975  # 950 wanted; its own spread is about 7


def test_a_merge_is_measured_on_both_tasks_on_each_and_beside_each_model():
    before, after = [part(2.0, 0.2), part(1.0, 0.4)], [part(1.0, 0.6), part(0.5, 0.8)]
    found = {m.name: m for m in of_merge(before, {"a": after, "b": before}, after)}
    assert next(iter(found)) == "accuracy"  # the key measure is the first
    assert found["accuracy"].before.mean == pytest.approx(0.3)
    assert found["accuracy"].after.mean == pytest.approx(0.7)
    assert (found["loss_1"].before.mean, found["loss_1"].after.mean) == (2.0, 1.0)
    assert found["model_1_loss"].after.mean == pytest.approx(0.75)
    assert found["model_2_loss"].after.mean == pytest.approx(1.5)


def test_without_checked_answers_on_both_tasks_there_is_the_loss_alone():
    before = [part(2.0, 0.2), part(1.0)]
    assert [m.name for m in of_merge(before, {}, before)] == ["loss", "loss_1", "loss_2"]
    assert [m.name for m in of_experts(before, before, "own", "Own")] == ["own_loss"]

"""What merging two experts must gain, and what shuffled task vectors must not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.methods.effects.conftest import Run

pytestmark = pytest.mark.effect


def gain(measure: dict[str, Any]) -> float:
    """By how much a loss fell, in nats per token; the held-out rows are the same before and after."""
    return float(measure["before"] - measure["after"])


def test_two_task_vectors_added_whole_are_better_at_both_tasks_than_the_start(run: Run) -> None:
    loss = run("task-arithmetic", scale=1.0)["loss"]
    assert loss["after_interval"][1] < loss["before_interval"][0]


@pytest.mark.parametrize("method", ["task-arithmetic", "ties", "dare", "slerp"])
def test_a_merge_of_two_experts_gains_and_one_of_shuffled_vectors_does_not(
    run: Run, method: str
) -> None:
    found = run(method)
    assert gain(found["own_loss"]) > 0.3  # the experts learned something to be merged
    assert gain(found["loss"]) > 0.1
    assert gain(run(method, control="shuffled")["loss"]) < 0.05

"""What reinforcement learning must move, and a coin as reward must not."""

from __future__ import annotations

import pytest

from tests.methods.effects.conftest import Run, rises

pytestmark = pytest.mark.effect
SHORT = {"steps": 25, "warmup_steps": 5, "learning_rate": 5e-4}


def test_grpo_raises_accuracy_with_a_verifier_and_not_with_a_coin(run: Run) -> None:
    trained = run("grpo", **SHORT)
    assert rises(trained["pass_at_1"])
    control = run("grpo", reward="random", **SHORT)
    assert not rises(control["pass_at_1"])
    assert control["pass_at_1"]["after_interval"][1] < trained["pass_at_1"]["after_interval"][0]

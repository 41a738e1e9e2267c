"""What reinforcement learning must move, and a coin as reward must not."""

from __future__ import annotations

import pytest

from tests.methods.effects.conftest import Run, rises

pytestmark = pytest.mark.effect
# A reward between every two answers: it moves within seconds, where a verifier needs minutes.
SENTIMENT = {
    "task": "movie-reviews", "max_new_tokens": 24, "steps": 10, "warmup_steps": 2,
    "learning_rate": 6e-4, "prompts_per_step": 32, "group_size": 4, "pass_k": 2,
}  # fmt: skip


@pytest.mark.parametrize("method", ["grpo"])
def test_reward_rises_and_with_a_coin_for_a_reward_it_does_not(method: str, run: Run) -> None:
    trained = run(method, **SENTIMENT)
    assert rises(trained["sampled_score"])
    control = run(method, reward="random", **SENTIMENT)
    assert not rises(control["sampled_score"])
    after, beside = trained["sampled_score"], control["sampled_score"]
    assert beside["after_interval"][1] < after["after_interval"][0]

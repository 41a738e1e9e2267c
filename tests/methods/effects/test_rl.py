"""What reinforcement learning must move, and a coin as reward must not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.methods.effects.conftest import Run, rises

pytestmark = pytest.mark.effect
# A reward between every two answers: it moves within seconds, where a verifier needs minutes.
SENTIMENT = {
    "task": "movie-reviews", "max_new_tokens": 24, "steps": 10, "warmup_steps": 2,
    "learning_rate": 6e-4, "prompts_per_step": 32, "group_size": 4, "pass_k": 2,
}  # fmt: skip
# As many answers a step and as many updates for all of them.
ONE_ANSWER = {"prompts_per_step": 128, "group_size": 1}
OPTIONS: dict[str, dict[str, Any]] = {
    "cispo": {"minibatches": 1},
    "dapo": {"minibatches": 1, "sampling_tries": 1, "overlong_buffer": 0.0},
    "dr-grpo": {},
    "grpo": {},
    "gspo": {"minibatches": 1},
    "ppo": {**ONE_ANSWER, "minibatches": 4, "steps": 15},
    "reinforce": {**ONE_ANSWER, "steps": 15},
    "remax": ONE_ANSWER,
    "rloo": {},
}


@pytest.mark.parametrize("method", OPTIONS)
def test_reward_rises_and_with_a_coin_for_a_reward_it_does_not(method: str, run: Run) -> None:
    options = {**SENTIMENT, **OPTIONS[method]}
    trained = run(method, **options)
    assert rises(trained["reward"])
    control = run(method, reward="random", **options)
    assert not rises(control["reward"])
    after, beside = trained["reward"], control["reward"]
    assert beside["after_interval"][1] < after["after_interval"][0]

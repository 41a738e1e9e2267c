"""What learning from one's own answers must move, and a coin in place of the filter must not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.methods.effects.conftest import Run, rises

pytestmark = pytest.mark.effect
# A reward between every two answers: it moves within seconds, where a verifier needs minutes.
SENTIMENT: dict[str, Any] = {
    "task": "movie-reviews", "max_new_tokens": 24, "learning_rate": 6e-4, "pass_k": 2,
}  # fmt: skip
ROUNDS: dict[str, Any] = {
    "rounds": 2, "steps": 16, "batch_size": 32, "prompts_per_round": 100, "samples_per_prompt": 6,
}  # fmt: skip
# Rounds that begin with the start: one of them. What is right is here what pleases the lexicon.
ONE_ROUND = {**ROUNDS, "rounds": 1, "steps": 24, "prompts_per_round": 400, "threshold": 0.65}
OPTIONS: dict[str, dict[str, Any]] = {
    "online-dpo": {"prompts_per_step": 32, "group_size": 4, "steps": 10, "warmup_steps": 2},
    "raft": ROUNDS,
    "rest-em": ONE_ROUND,
    "star": {**ONE_ROUND, "rationalise": False},
}  # fmt: skip


@pytest.mark.parametrize("method", OPTIONS)
def test_reward_rises_and_where_a_coin_chooses_it_does_not(method: str, run: Run) -> None:
    options = {**SENTIMENT, **OPTIONS[method]}
    trained = run(method, **options)
    assert rises(trained["reward"])
    control = run(method, reward="random", **options)
    assert not rises(control["reward"])
    after, beside = trained["reward"], control["reward"]
    assert beside["after_interval"][1] < after["after_interval"][0]


# Of sums the start never got right; K = 1, so that much is asked of the labeller.
LABELLED: dict[str, Any] = {
    "task": "chain-sum:digits=2,held_out=1000", "rounds": 1, "steps": 80, "temperature": 0.5,
    "prompts_per_round": 2000, "samples_per_prompt": 1, "pass_k": 2, "learning_rate": 1e-3,
}  # fmt: skip


def test_labels_solve_what_the_start_never_solved_and_labels_that_are_never_right_do_not(
    run: Run,
) -> None:
    told = run("escaping-collapse", beta=0.9, **LABELLED)["hard_accuracy"]
    never = run("escaping-collapse", beta=0.0, **LABELLED)["hard_accuracy"]
    assert rises(told) and not rises(never)
    assert never["after_interval"][1] < told["after_interval"][0]

"""What learning from preferences must move, and flipped preferences must not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.methods.effects.conftest import Run, rises

pytestmark = pytest.mark.effect
# Short continuations of few prompts, at twice the preset's rate: seconds where a preset takes half
# a minute.
SHORT: dict[str, Any] = {
    "steps": 40, "warmup_steps": 5, "learning_rate": 2e-4, "prompts": 120, "max_new_tokens": 40,
    "held_out_prompts": 150,
}  # fmt: skip


def test_dpo_raises_the_gold_reward_at_a_finite_kl_and_flipped_pairs_lower_it(run: Run) -> None:
    trained = run("dpo", steps=50)
    assert rises(trained["reward"])
    assert trained["kl"]["before"] == 0.0 < trained["kl"]["after"] < 200.0
    flipped = run("dpo", steps=50, preference="flipped")
    assert flipped["reward"]["after_interval"][1] < trained["reward"]["after_interval"][0]
    assert flipped["reward"]["after"] < flipped["reward"]["before"]


@pytest.mark.parametrize("slug", ["cdpo", "kto", "orpo", "simpo", "tdpo"])
def test_the_gold_reward_rises_and_flipped_preferences_do_not_raise_it(run: Run, slug: str) -> None:
    trained = run(slug, **SHORT)
    assert trained["reward"]["after"] > trained["reward"]["before"]
    assert trained["kl"]["before"] == 0.0 < trained["kl"]["after"]
    flipped = run(slug, preference="flipped", **SHORT)
    assert flipped["reward"]["after_interval"][1] < trained["reward"]["after_interval"][0]
    assert not rises(flipped["reward"])


def test_step_dpo_answers_more_right_than_on_flipped_steps(run: Run) -> None:
    short = {"steps": 60, "prompts": 600}
    trained, flipped = run("step-dpo", **short), run("step-dpo", preference="flipped", **short)
    assert flipped["reward"]["after_interval"][1] < trained["reward"]["after_interval"][0]
    assert not rises(flipped["reward"])
    assert not rises(flipped["held_out_accuracy"])

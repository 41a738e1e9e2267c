"""What learning from preferences must move, and flipped preferences must not."""

from __future__ import annotations

import pytest

from tests.methods.effects.conftest import Run, rises

pytestmark = pytest.mark.effect


def test_dpo_raises_the_gold_reward_at_a_finite_kl_and_flipped_pairs_lower_it(run: Run) -> None:
    trained = run("dpo", steps=50)
    assert rises(trained["reward"])
    assert trained["kl"]["before"] == 0.0 < trained["kl"]["after"] < 200.0
    flipped = run("dpo", steps=50, preference="flipped")
    assert flipped["reward"]["after_interval"][1] < trained["reward"]["after_interval"][0]
    assert flipped["reward"]["after"] < flipped["reward"]["before"]

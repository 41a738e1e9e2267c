"""What learning to judge must move, and flipped or shuffled judgements must not."""

from __future__ import annotations

import pytest

from tests.methods.effects.conftest import Run

pytestmark = pytest.mark.effect
SMALL = {"prompts": 500, "steps": 100, "held_out_prompts": 100, "held_out_samples": 8}


def test_a_reward_model_ranks_new_pairs_right_and_one_of_flipped_pairs_ranks_them_wrong(
    run: Run,
) -> None:
    trained = run("bt-rm", **SMALL)
    assert trained["pair_accuracy"]["before"] == 0.5  # a head of zeros says nothing
    assert trained["pair_accuracy"]["after_interval"][0] > 0.5
    flipped = run("bt-rm", preference="flipped", **SMALL)
    # Coins are left to the evidence: what they teach is no reward, yet one seed's may lean to one.
    assert flipped["pair_accuracy"]["after_interval"][1] < 0.5


def test_a_process_reward_model_tells_right_steps_from_wrong_ones_and_shuffled_labels_do_not(
    run: Run,
) -> None:
    trained = run("prm")
    assert trained["step_auc"]["before"] == 0.5
    assert trained["step_auc"]["after_interval"][0] > 0.5
    assert run("prm", labels="shuffled")["step_auc"]["after_interval"][0] <= 0.5

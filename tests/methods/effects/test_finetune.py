"""What supervised training must move, and shuffled labels must not."""

from __future__ import annotations

import pytest

from tests.methods.effects.conftest import Run, rises

pytestmark = pytest.mark.effect


def test_sft_lowers_held_out_loss_and_answers_more_questions_right(run: Run) -> None:
    trained = run("sft", steps=100)
    loss = trained["held_out_loss"]
    assert loss["after_interval"][1] < loss["before_interval"][0]
    assert rises(trained["held_out_accuracy"])


def test_sft_on_shuffled_answers_does_neither(run: Run) -> None:
    control = run("sft", steps=100, labels="shuffled")
    assert control["held_out_accuracy"]["after"] < control["held_out_accuracy"]["before"]
    # Blurring overconfident answers may lower the loss, but not to where the right ones lead.
    assert control["held_out_loss"]["after"] > run("sft", steps=100)["held_out_loss"]["after"]

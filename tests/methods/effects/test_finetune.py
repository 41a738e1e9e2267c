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


@pytest.mark.parametrize(("method", "steps"), [("dft", 250), ("neftune", 100)])
def test_its_variants_answer_more_questions_right_and_not_on_shuffled_answers(
    run: Run, method: str, steps: int
) -> None:
    trained = run(method, steps=steps)
    assert rises(trained["held_out_accuracy"])
    control = run(method, steps=100, labels="shuffled")
    assert not rises(control["held_out_accuracy"])
    assert control["held_out_loss"]["after"] > trained["held_out_loss"]["after_interval"][1]


def test_dft_sharpens_also_where_nothing_can_be_known_and_sft_hedges(run: Run) -> None:
    """A token's own probability as its weight rewards certainty: of shuffled answers, any one's."""
    dft, sft = (run(m, steps=60, labels="shuffled")["trained_loss"] for m in ("dft", "sft"))
    assert dft["after_interval"][0] > sft["after_interval"][1]


def test_noise_keeps_the_loss_on_what_was_trained_on_higher_and_is_gone_when_measured(
    run: Run,
) -> None:
    few = {"steps": 100, "demonstrations": 400}
    noisy, plain = run("neftune", **few), run("sft", **few)
    assert noisy["trained_loss"]["before"] == plain["trained_loss"]["before"]
    assert noisy["trained_loss"]["after"] > plain["trained_loss"]["after"]


def test_a_new_task_costs_the_old_one_and_replayed_rows_keep_it(run: Run) -> None:
    tasks = {
        "steps": 60, "old_task": "chain-sum:digits=2",
        "task": "chain-sum:digits=2,terms=3",
    }  # fmt: skip
    plain, replayed = run("sft", **tasks), run("sft", **tasks, replay=0.25)
    old = plain["old_task_loss"]
    assert old["after_interval"][0] > old["before_interval"][1]
    assert replayed["old_task_loss"]["after_interval"][1] < old["after_interval"][0]
    new = replayed["held_out_loss"]
    assert new["after_interval"][1] < new["before_interval"][0]

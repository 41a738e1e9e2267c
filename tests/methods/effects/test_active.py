"""What labels teach a small classifier, and what labels of other texts must not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.methods.effects.conftest import Run, rises

pytestmark = pytest.mark.effect

SHORT = {"rounds": 5}  # 220 labels


def fell(measure: dict[str, Any]) -> float:
    """By how much a loss fell, in nats per text."""
    return float(measure["before"] - measure["after"])


@pytest.mark.parametrize("method", ["least-confidence", "margin", "entropy", "coreset", "badge"])
def test_chosen_labels_lower_the_loss_and_labels_of_other_texts_do_not(
    run: Run, method: str
) -> None:
    found = run(method, **SHORT)
    assert fell(found["loss"]) > 0.05
    assert found["oracle_labels"]["after"] == 220
    assert fell(run(method, control="shuffled", **SHORT)["loss"]) < 0.02


def test_two_classes_leave_the_three_rules_of_uncertainty_one(run: Run) -> None:
    areas = {run(m, **SHORT)["aulc"]["after"] for m in ("least-confidence", "margin", "entropy")}
    assert len(areas) == 1


@pytest.mark.parametrize("method", ["llm-annotator", "hybrid-routing"])
def test_a_language_model_that_can_add_teaches_sums_and_its_labels_of_other_sums_do_not(
    run: Run, method: str
) -> None:
    found, dealt = run(method), run(method, control="shuffled")
    assert found["accuracy"]["after_interval"][0] > dealt["accuracy"]["after_interval"][1]
    assert not rises(dealt["accuracy"])
    assert found["tokens_read"]["after"] > 0 == found["tokens_written"]["after"]


def test_sums_that_a_language_model_wrote_teach_sums_and_dealt_out_anew_they_do_not(
    run: Run,
) -> None:
    alone = {"initial": 0, "batch": 0, **SHORT}
    found = run("llm-generation", **alone)
    dealt = run("llm-generation", control="shuffled", **alone)
    assert found["accuracy"]["after_interval"][0] > dealt["accuracy"]["after_interval"][1]
    assert found["written_agree"]["after"] > 3 * dealt["written_agree"]["after"]
    assert found["oracle_labels"]["after"] == 0 < found["tokens_written"]["after"]


def test_the_oracle_is_asked_little_and_no_more_labels_are_wrong_than_the_model_s(run: Run) -> None:
    hybrid, alone = run("hybrid-routing"), run("llm-annotator")
    assert 0 == alone["oracle_labels"]["after"] < hybrid["oracle_labels"]["after"] < 0.2 * 420
    assert hybrid["label_accuracy"]["after"] >= alone["label_accuracy"]["after"]

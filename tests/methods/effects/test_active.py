"""What labels teach a small classifier, and what labels of other texts must not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.methods.effects.conftest import Run

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


def test_a_language_model_that_can_add_teaches_sums_and_no_oracle_is_asked(run: Run) -> None:
    found = run("llm-annotator")
    accuracy = found["accuracy"]
    assert accuracy["after_interval"][0] > accuracy["before_interval"][1]
    assert found["oracle_labels"]["after"] == 0 < found["tokens_read"]["after"]
    dealt = run("llm-annotator", control="shuffled")["accuracy"]
    assert dealt["after_interval"][0] < dealt["before_interval"][1]


def test_the_oracle_s_labels_are_better_spent_where_the_model_is_unsure(run: Run) -> None:
    hybrid, chance = (
        run("hybrid-routing", routing=how)["label_accuracy"] for how in ("confidence", "random")
    )
    assert hybrid["after_interval"][0] > chance["after_interval"][1]

"""What a teacher must move in its student, and a teacher that knows nothing must not.

The first of them in a fresh cache also trains the teacher, which takes half a minute.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.methods.effects.conftest import Run

pytestmark = pytest.mark.effect
SHORT: dict[str, Any] = {"steps": 40, "warmup_steps": 4}
# Without labels: all that the student learns it has from the teacher.
UNLABELLED: dict[str, dict[str, Any]] = {
    "kd": {"hard_weight": 0.0, "demonstrations": 4000},
    "gkd": {},
}


def falls(measure: dict[str, Any]) -> bool:
    """The two 95 % intervals do not touch."""
    return bool(measure["after_interval"][1] < measure["before_interval"][0])


@pytest.mark.parametrize("method", UNLABELLED)
def test_a_student_comes_closer_to_its_teacher_and_to_answers_it_never_saw(
    run: Run, method: str
) -> None:
    taught = run(method, **SHORT, **UNLABELLED[method])
    assert taught["teacher_held_out_accuracy"]["after"] > 0.95
    assert taught["forward_kl"]["after"] < taught["forward_kl"]["before"]
    assert falls(taught["held_out_loss"])


@pytest.mark.parametrize("method", UNLABELLED)
def test_a_teacher_that_knows_nothing_teaches_nothing(run: Run, method: str) -> None:
    control = run(method, teacher="shuffled", **SHORT, **UNLABELLED[method])
    assert not falls(control["held_out_loss"])
    assert control["held_out_accuracy"]["after"] < control["held_out_accuracy"]["before"]

"""What a small trained change beside frozen weights must move, and shuffled labels must not."""

from __future__ import annotations

import pytest

from tests.methods.effects.conftest import Run, rises

pytestmark = pytest.mark.effect
STEPS = 100


@pytest.mark.parametrize("method", ["lora", "dora", "pissa"])
def test_an_adapter_lowers_held_out_loss_and_on_shuffled_answers_it_answers_none_the_better(
    run: Run, method: str
) -> None:
    trained = run(method, steps=STEPS)
    loss = trained["held_out_loss"]
    assert loss["after_interval"][1] < loss["before_interval"][0]
    control = run(method, steps=STEPS, labels="shuffled")
    assert not rises(control["held_out_accuracy"])
    assert control["held_out_loss"]["after_interval"][0] > loss["after_interval"][1]

"""Options of distillation that another one leaves without effect, or with less of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from methods.distill import gkd, kd, minillm
from tests.guards.small import play

SFT, LIKELIHOOD = {"objective": "sft"}, {"objective": "likelihood"}


@pytest.mark.parametrize(
    ("module", "options", "said"),
    [
        (kd, {**SFT, "hard_weight": 3}, "hard_weight=3 has no effect with objective=sft"),
        (gkd, {"beta": 0.1, "divergence": "forward-kl"},
         "beta=0.1 has no effect with divergence=forward-kl"),
        (minillm, {"lm_weight": 0, "lm_demonstrations": 9},
         "lm_demonstrations=9 has no effect with lm_weight=0"),
    ],
)  # fmt: skip
def test_an_option_that_nothing_reads_is_refused(
    module: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        module.Config(model="tiny", **options)


def test_demonstrations_of_the_preset_may_stand_without_their_loss() -> None:
    given = {**minillm.PRESETS["tiny"], "model": "tiny", "lm_weight": 0.0}
    assert minillm.Config(**given).lm_demonstrations == 400


@pytest.mark.parametrize(
    ("method", "options", "other"),
    [
        ("kd", SFT, {"temperature": 5.0}),
        ("gkd", LIKELIHOOD, {"beta": 0.9}),
        ("gkd", LIKELIHOOD, {"divergence": "reverse-kl"}),
    ],
)
def test_a_control_logs_the_divergence_that_is_asked_for_and_learns_the_same(
    method: str,
    options: dict[str, Any],
    other: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = play(method, tmp_path / "one", monkeypatch, **options)
    two = play(method, tmp_path / "two", monkeypatch, **options, **other)
    assert one.moved().equal(two.moved())
    assert one.steps[0]["divergence"] != two.steps[0]["divergence"]

"""Options of preference learning that another one leaves without effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from methods.preference import step_dpo, tdpo
from registry.core.errors import UsageError
from registry.runs.plan import Request, make_plan


@pytest.mark.parametrize(
    ("module", "options", "said"),
    [
        (tdpo, {"version": "tdpo1", "alpha": 2}, "alpha=2 has no effect with version=tdpo1"),
        (step_dpo, {"unit": "answer", "step_samples": 9},
         "step_samples=9 has no effect with unit=answer"),
    ],
)  # fmt: skip
def test_an_option_that_nothing_reads_is_refused(
    module: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        module.Config(**options)


@pytest.mark.parametrize("options", [{"unit": "answer"}, {"step_samples": 9}])
def test_steps_that_a_user_brings_are_not_sampled(options: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"prompt": "1+1=", "chosen": "2", "rejected": "3"}\n')
    given = {"model": "smollm2-135m", "data": str(path)}
    assert make_plan(Request("step-dpo", given, device="cpu")).config["data"] == str(path)
    with pytest.raises(UsageError, match="only means something with a task"):
        make_plan(Request("step-dpo", {**given, **options}, device="cpu"))

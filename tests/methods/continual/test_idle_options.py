"""Options of continual learning that a control leaves without effect, or with less of it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.guards.small import play

# What each method does against forgetting, which neither control does.
OWN: dict[str, dict[str, Any]] = {
    "replay": {"share": 0.5, "memory": 7},
    "ewc": {"strength": 7.0, "fisher": "true", "fisher_rows": 7},
    "lwf": {"weight": 7.0, "temperature": 7.0},
    "a_gem": {"memory": 7, "reference_rows": 7},
    "o_lora": {"strength": 7.0, "penalty": "squared"},
}
STILL_READ = {"o_lora": {"rank": 3, "alpha": 3.0}, "progressive_prompts": {"prompt_length": 3}}


def config(method: str, **options: Any) -> Any:
    return importlib.import_module(f"methods.continual.{method}").Config(**options)


@pytest.mark.parametrize("control", ["sequential", "joint"])
@pytest.mark.parametrize(("method", "name"), [(m, name) for m, own in OWN.items() for name in own])
def test_an_option_that_the_control_does_not_read_is_refused(
    method: str, name: str, control: str
) -> None:
    given = {name: OWN[method][name]}
    with pytest.raises(ValidationError, match=rf"{name}=\w.* no effect with control={control}"):
        config(method, control=control, **given)
    assert getattr(config(method, **given), name) == given[name]


@pytest.mark.parametrize("method", STILL_READ)
def test_an_option_that_the_control_reads_is_taken(method: str) -> None:
    assert config(method, control="sequential", **STILL_READ[method]).control == "sequential"


def test_without_a_penalty_its_kind_is_that_of_the_logged_overlap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = (
        play("o-lora", tmp_path / kind, monkeypatch, steps=4, strength=0.0, penalty=kind)
        for kind in ("absolute", "squared")
    )
    assert one.moved().equal(two.moved())
    assert one.steps[-1]["overlap"] != two.steps[-1]["overlap"]

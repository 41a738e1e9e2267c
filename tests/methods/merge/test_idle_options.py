"""Options of merging that a control, or models that are given, leave without effect."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.guards.small import play

RULES: dict[str, dict[str, Any]] = {
    "task_arithmetic": {"scale": 0.25},
    "ties": {"density": 0.25, "scale": 0.25, "trim": "tensor"},
    "dare": {"scale": 0.25},
    "slerp": {"weight": 0.25, "curve": "chord"},
}
EXPERTS: dict[str, Any] = {
    "demonstrations": 7, "expert_steps": 7, "expert_batch_size": 7, "expert_learning_rate": 0.07,
}  # fmt: skip


def module(method: str) -> Any:
    return importlib.import_module(f"methods.merge.{method}")


@pytest.mark.parametrize(
    ("method", "name"), [(m, name) for m, own in RULES.items() for name in own]
)
def test_an_option_of_a_rule_that_merges_nothing_is_refused(method: str, name: str) -> None:
    given = {name: RULES[method][name]}
    with pytest.raises(ValidationError, match=rf"{name}=\w.* no effect with control=joint"):
        module(method).Config(control="joint", **given)
    assert module(method).Config(control="shuffled", **given).control == "shuffled"


@pytest.mark.parametrize("name", EXPERTS)
@pytest.mark.parametrize("method", RULES)
def test_training_of_experts_is_refused_where_models_are_given(method: str, name: str) -> None:
    config, given = module(method).Config, {name: EXPERTS[name]}
    with pytest.raises(ValidationError, match=rf"{name}=.* no effect with models=a,b; .* models"):
        config(models="a,b", **given)
    assert config(models="a,b", control="joint", **given).models  # one model is trained after all
    assert config(**given).models is None


@pytest.mark.parametrize("method", RULES)
def test_experts_of_the_preset_may_stand_beside_models(method: str) -> None:
    given = {**module(method).PRESETS["smollm2-135m"], "model": "smollm2-135m", "models": "a,b"}
    assert module(method).Config(**given).expert_steps == 20


@pytest.mark.parametrize("given", [{"drop_rate": 0.5}, {"rescale": False}])
def test_what_is_dropped_under_joint_training_is_of_the_experts_alone(
    given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = play("dare", tmp_path / "one", monkeypatch, control="joint")
    two = play("dare", tmp_path / "two", monkeypatch, control="joint", **given)
    left, right = (
        {
            m["name"]: m["after"]
            for m in json.loads((p.folder / "results.json").read_text())["measures"]
        }
        for p in (one, two)
    )
    changed = {name for name in left if left[name] != right[name]}
    assert changed and all("thinned" in name for name in changed)
    (name,) = given
    with pytest.raises(ValidationError, match=f"{name}=.* no effect with control=joint and models"):
        module("dare").Config(control="joint", models="a,b", **given)

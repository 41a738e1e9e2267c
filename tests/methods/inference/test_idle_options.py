"""Options of inference that a control leaves without effect, or with less of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from methods.inference.weighted_best_of_n import Config
from tests.guards.small import play


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"control": "equal", "weight": "exp"}, "weight=exp has no effect with control=equal"),
        ({"control": "shuffled", "score_noise": 0.2},
         "score_noise=0.2 has no effect with control=shuffled"),
    ],
)  # fmt: skip
def test_an_option_that_the_control_does_not_read_is_refused(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=f"{said}; leave it at none, or take control=none"):
        Config(**options)


@pytest.mark.parametrize(
    ("method", "options", "other", "moved"),
    [
        ("weighted-best-of-n", {"control": "equal"}, {"score_noise": 0.0},
         {"best_of_n", "over_best"}),
        ("budget-forcing", {"control": "fresh", "final": "="}, {"wait": "1+"},
         {"tokens_written", "scaling", "scaling_waits"}),
    ],
)  # fmt: skip
def test_an_option_that_a_control_reads_in_part_moves_that_part(
    method: str,
    options: dict[str, Any],
    other: dict[str, Any],
    moved: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = play(method, tmp_path / "one", monkeypatch, **options)
    two = play(method, tmp_path / "two", monkeypatch, **options, **other)
    left, right = (
        {
            m["name"]: m["after"]
            for m in json.loads((p.folder / "results.json").read_text())["measures"]
        }
        for p in (one, two)
    )
    assert {name for name in left if left[name] != right[name]} == moved

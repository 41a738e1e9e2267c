"""What the methods of inference share: how a result is read, and what an interval is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from methods.engine.results import Estimate
from methods.inference import loop
from methods.inference.loop import result_of
from tests.guards.small import play, small_task


@pytest.mark.parametrize(
    ("stop", "step_end", "text", "result"),
    [
        ("", "", " 46 ", "46"),
        ("\n", "", "46\n1 + 2 = 3", "46"),
        ("", ";", "1+2=3;3+4=7; 7", "7"),
        ("\n", ";", "3; 7\n9; 12", "7"),
        ("", ";", "12", "12"),  # no step: the whole
        ("", ";", "3;", ""),  # nothing behind the last step says nothing
        ("", "", "", ""),
    ],
)
def test_an_answer_comes_to_what_stands_behind_its_last_step(
    stop: str, step_end: str, text: str, result: str
) -> None:
    task = replace(small_task("small-a"), stop=stop, step_end=step_end)
    assert result_of(task, text) == result


@pytest.mark.parametrize("method", ["best-of-n", "self-consistency", "weighted-best-of-n"])
def test_the_intervals_of_what_is_measured_and_expected_are_bootstraps_over_problems(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Estimate] = []
    plain = loop.bootstrap

    def noted(*args: Any, **named: Any) -> Estimate:
        drawn.append(plain(*args, **named))
        return drawn[-1]

    monkeypatch.setattr(loop, "bootstrap", noted)
    folder = play(method, tmp_path / "run", monkeypatch).folder
    found = json.loads((folder / "results.json").read_text())["measures"]
    shown = [m["after_interval"] for m in found if m["name"].endswith("score_at_n")]
    assert len(shown) >= 2
    intervals = [pytest.approx(e.interval, abs=1e-9) for e in drawn]
    assert all(one in intervals for one in shown)

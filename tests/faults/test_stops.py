"""A stop that was asked for at a bad moment: nothing half-done stays, and the run can go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from methods.engine import checkpoint
from tests.faults import moments, workers

OPTIONS = {"steps": 6, "checkpoint_every": 2, "save_model": False}


@pytest.mark.parametrize("number", [6, 13, 19])
def test_a_stop_asked_for_during_a_checkpoint_waits_until_it_is_whole(
    start: Path, tmp_path: Path, unbroken, number: int
) -> None:
    folder = workers.make_run(tmp_path / "run", start, "sft", **OPTIONS)
    assert workers.finish(folder, moments.stop_at, "checkpoints", number) == 130
    said = workers.manifest(folder)
    assert said["status"] == "interrupted" and said["error"] is None
    newest = checkpoint.latest(folder / "checkpoints")
    assert newest is not None and newest.step == said["last_step"] < 6
    assert not any(folder.glob("checkpoints/.step-*"))
    assert workers.finish(folder) == 0
    assert workers.logs(folder) == unbroken("sft", **OPTIONS)


@pytest.mark.parametrize("number", [6, 13, 19])
def test_a_second_stop_during_a_checkpoint_leaves_at_once_and_the_run_can_still_go_on(
    start: Path, tmp_path: Path, unbroken, number: int
) -> None:
    folder = workers.make_run(tmp_path / "run", start, "sft", **OPTIONS)
    assert workers.finish(folder, moments.stop_at, "checkpoints", number, 2) == 130
    assert workers.manifest(folder)["status"] == "interrupted"
    assert workers.finish(folder) == 0
    assert workers.logs(folder) == unbroken("sft", **OPTIONS)


@pytest.mark.parametrize(("method", "number"), [("sft", 1), ("grpo", 2), ("grpo", 6)])
def test_a_stop_while_the_start_is_measured_keeps_nothing_of_it_and_the_run_can_go_on(
    start: Path, tmp_path: Path, unbroken, method: str, number: int
) -> None:
    folder = workers.make_run(tmp_path / "run", start, method, **OPTIONS)
    assert workers.finish(folder, moments.stop_at_check, number) == 130
    said = workers.manifest(folder)
    assert said["status"] == "interrupted" and said["last_step"] == 0
    assert not (folder / "before.json").exists() and not (folder / "checkpoints").exists()
    assert workers.finish(folder) == 0
    assert workers.logs(folder) == unbroken(method, **OPTIONS)

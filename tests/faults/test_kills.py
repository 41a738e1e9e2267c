"""Whatever is killed, and whenever: the run that goes on ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from methods.engine import checkpoint
from tests.faults import moments, workers
from tests.faults.kills import Kill, Moment, kill_repeatedly
from tests.faults.saves import save_over

RESULTS = Path(__file__).with_name("results") / "kills.json"
ROUND: tuple[Moment, ...] = ("checkpoint", "step", "start", "checkpoint")
KILLS = 20  # of each method, in the long test
EVERY = 2  # steps between checkpoints: many of them, to be killed in


@pytest.mark.parametrize(
    ("method", "lora"), [*((method, None) for method in workers.METHODS), ("dpo", "r=4")]
)
def test_a_run_killed_at_random_moments_ends_as_the_unbroken_one(
    method: str, lora: str | None, start: Path, tmp_path: Path, unbroken
) -> None:
    options = {"steps": 40, "checkpoint_every": EVERY, "lora": lora}
    expected = unbroken(method, **options)
    folder = workers.make_run(tmp_path / method, start, method, **options)
    kills = kill_repeatedly(folder, ROUND, seed=len(method), start_up=0.2)
    assert workers.manifest(folder)["status"] == "running"  # nobody was left to say otherwise
    assert any(k.while_writing for k in kills) and any(k.after_step for k in kills)
    assert workers.finish(folder) == 0
    assert workers.logs(folder) == expected


def test_a_kill_at_any_operation_of_a_save_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    """Step 2 is saved over step 1: made, written, renamed, then the older one is dropped."""
    found = set()
    for number in range(1, 300):
        folder = tmp_path / str(number)
        folder.mkdir()
        code, _ = save_over(folder, moments.die_at, "checkpoints", number)
        if code == 0:
            break
        assert code == -9
        left = checkpoint.latest(folder / "checkpoints")
        assert left is not None and left.state == {"step": left.step}
        found.add((left.step, any(folder.glob("checkpoints/.step-*"))))
    else:
        pytest.fail("no save was left to end by itself")
    # Before anything, while it is written, renamed.
    assert found == {(1, False), (1, True), (2, False)}


@pytest.mark.parametrize("number", [14, 20, 27, 34, 41, 48])
def test_a_run_killed_at_an_operation_on_its_checkpoints_ends_as_the_unbroken_one(
    start: Path, tmp_path: Path, unbroken, number: int
) -> None:
    options = {"steps": 4, "checkpoint_every": 1, "keep": 1, "save_model": False}
    expected = unbroken("sft", **options)
    folder = workers.make_run(tmp_path / "run", start, "sft", **options)
    assert workers.finish(folder, moments.die_at, "checkpoints", number) == -9
    assert workers.finish(folder) == 0
    assert workers.logs(folder) == expected
    # Nothing half-written; an older one only where no later checkpoint came to drop it.
    left = {p.name for p in (folder / "checkpoints").iterdir()}
    assert {"step-000004"} <= left <= {"step-000003", "step-000004"}


def test_a_kill_while_the_start_is_measured_costs_that_measurement_alone(
    start: Path, tmp_path: Path, unbroken
) -> None:
    options = {"steps": 4, "checkpoint_every": EVERY}
    expected = unbroken("grpo", **options)
    for number in (1, 3, 6):
        folder = workers.make_run(tmp_path / str(number), start, "grpo", **options)
        code = workers.finish(folder, moments.stop_at_check, number, 9)
        assert code == -9 and not (folder / "before.json").exists()
        assert workers.finish(folder) == 0
        assert workers.logs(folder) == expected


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_twenty_kills_of_every_method_s_worker_change_no_byte(start: Path, tmp_path: Path) -> None:
    """From the command line, as a person starts it; what came out is kept in ``results``."""
    options = {"steps": 120, "checkpoint_every": EVERY}
    found: dict[str, object] = {}
    versions: dict[str, str] = {}
    for method in workers.METHODS:
        whole = workers.make_run(tmp_path / f"{method}-whole", start, method, **options)
        began = time.monotonic()
        assert _command(whole) == 0
        versions = workers.manifest(whole)["versions"]
        start_up = min(20.0, time.monotonic() - began) / 2
        folder = workers.make_run(tmp_path / method, start, method, **options)
        kills = kill_repeatedly(
            folder, ROUND * (KILLS // len(ROUND)), KILLS, start_up, ahead=20, command=True
        )
        assert len(kills) == KILLS and sum(k.while_writing for k in kills) >= 5
        assert _command(folder) == 0
        assert workers.logs(folder) == workers.logs(whole)
        found[method] = _record(kills, workers.logs(folder))
    text = {
        "schema": 1,
        "date": datetime.now(UTC).date().isoformat(),
        "versions": versions,
        "steps": options["steps"],
        "checkpoint_every": EVERY,
        "methods": found,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(text, indent=1) + "\n")


def _command(folder: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "methods.engine.worker", str(folder)],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
        check=False,
    )
    return done.returncode


def _record(kills: list[Kill], logs: dict[str, bytes]) -> dict[str, object]:
    return {"kills": [asdict(k) for k in kills], "equal": True, "compared": sorted(logs)}

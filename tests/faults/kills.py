"""kill -9 again and again, at moments drawn from a seed, until a run has had its share of them."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal

from methods.engine import checkpoint
from tests.faults.workers import begin

Moment = Literal["start", "step", "checkpoint"]
_OLD = "left-by-a-kill"  # marks what was half-written, for the next worker to clear
_PATIENCE = 240.0  # seconds without anything to kill at


@dataclass(frozen=True)
class Kill:
    """Where one kill fell."""

    aimed_at: Moment
    after_step: int  # steps in metrics.jsonl
    checkpoint: int | None  # the newest whole one
    while_writing: bool  # a checkpoint was being written
    half_written: tuple[str, ...]  # what there was of its files


def kill_repeatedly(
    folder: Path,
    moments: Sequence[Moment],
    seed: int,
    start_up: float,
    *,
    ahead: int = 6,
    command: bool = False,
) -> list[Kill]:
    """Start the worker of ``folder`` once for each of ``moments`` and kill it then.

    ``start_up``: seconds within which a kill aimed at the start falls; one between steps waits for
    1 to ``ahead`` new steps. ``command`` starts the worker from the command line. Fails where the
    run ends before a kill: it is too short.
    """
    draw = random.Random(seed)
    return [_one(folder, moment, draw, start_up, ahead, command) for moment in moments]


def _one(
    folder: Path, moment: Moment, draw: random.Random, start_up: float, ahead: int, command: bool
) -> Kill:
    before = _changed(folder)
    worker = _command_line(folder) if command else begin(folder)
    if moment == "start":
        time.sleep(draw.random() * start_up)
    elif moment == "step":
        wanted = _newest(folder) + draw.randint(1, ahead)
        for _ in _until_dead(worker):
            # A resumed run first cuts its log; until then the lines are of the run before.
            if _changed(folder) != before and _steps(folder) >= wanted:
                break
        time.sleep(draw.random() * 0.02)
    else:
        passed, seen = draw.randint(0, 1), set()
        for _ in _until_dead(worker):
            seen |= {p.name for p in _half_written(folder)}
            if len(seen) > passed:
                break
        # At its very beginning, or somewhere in it.
        time.sleep(draw.choice((0.0, draw.random() * 0.01)))
    assert _running(worker), f"the run ended before its kill at a {moment}"
    worker.kill()
    worker.wait() if isinstance(worker, subprocess.Popen) else worker.join()
    left = _half_written(folder)
    files = sorted(file.name for part in left for file in part.iterdir())
    for part in left:
        (part / _OLD).touch()
    return Kill(moment, _steps(folder), _newest(folder) or None, bool(left), tuple(files))


def _half_written(folder: Path) -> list[Path]:
    """Checkpoints that a worker is writing, without what an earlier kill left of one."""
    found = folder.glob("checkpoints/.step-*.partial")
    return [part for part in found if not (part / _OLD).exists()]


def _command_line(folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "stderr.txt").open("ab") as talk:
        return subprocess.Popen(
            [sys.executable, "-m", "methods.engine.worker", str(folder)],
            stderr=talk,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )


def _running(worker: BaseProcess | subprocess.Popen[bytes]) -> bool:
    return worker.poll() is None if isinstance(worker, subprocess.Popen) else worker.is_alive()


def _until_dead(worker: BaseProcess | subprocess.Popen[bytes]) -> Iterator[None]:
    """A look every tenth of a millisecond, as long as there is somebody to look at."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and _running(worker):
        yield
        time.sleep(0.0001)


def _changed(folder: Path) -> int:
    try:
        return (folder / "metrics.jsonl").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _steps(folder: Path) -> int:
    try:
        return (folder / "metrics.jsonl").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def _newest(folder: Path) -> int:
    found = checkpoint.latest(folder / "checkpoints")
    return found.step if found else 0

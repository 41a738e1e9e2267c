"""A queue on this machine: so many runs at a time, each a process tree of its own.

Ctrl-C reaches only us. The first is passed on once to every run, which finishes its step, keeps a
checkpoint and ends; a second reaches all of their processes, a third kills them. Where we are
killed ourselves the runs under way go on to their end, and whoever resumes the sweep waits for
them, because each holds its folder's lock.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import registry
from registry.core.plural import plural
from registry.runs import launch, lock
from registry.runs.device import cuda_device_count
from registry.runs.executors.job import Ended, Job, Report, Say, as_it_stands, prepare

_POLL = 0.05  # seconds between looks at the runs; a run takes seconds at least


def visible_gpus() -> list[str]:
    """The CUDA devices of this process, by the names that CUDA_VISIBLE_DEVICES takes."""
    count = cuda_device_count()
    named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")]
    return named[:count] if any(named) else [str(number) for number in range(count)]


class LocalQueue:
    """Runs jobs here, ``workers`` at a time; on CUDA each sees one GPU, in turn.

    ``workers`` None is one on a CPU and one for each visible GPU on CUDA. What a run writes to
    stderr goes to ``<logs>/<run id>.log``. ``threads`` are a run's on a CPU; by default the cores
    are divided among the runs.
    """

    def __init__(
        self, logs: Path, device: str, workers: int | None = None, threads: int | None = None
    ) -> None:
        self._logs, self._threads = logs, threads
        self._gpus = visible_gpus() if device == "cuda" else []
        self._most = workers or len(self._gpus) or 1
        self.workers: int | None = self._most

    def busy(self, jobs: Sequence[Job]) -> frozenset[str]:
        """Nothing: a run that goes on here is waited for, in ``run``."""
        return frozenset()

    def preview(self, jobs: Sequence[Job]) -> list[str]:
        """Nothing is written but the run folders."""
        return []

    def run(self, jobs: Sequence[Job], report: Report, say: Say) -> None:
        """Every job in order; returns early, with the running ones stopped, on a signal."""
        say(f"{plural(self._most, 'run')} at a time; what they say is in {self._logs}")
        waiting, running = deque(jobs), list[_Running]()
        with _counting_signals() as stop:
            while running or (waiting and not stop.asked):
                while waiting and len(running) < self._most and not stop.asked:
                    if started := self._start(waiting.popleft(), running, report, say):
                        running.append(started)
                for one in list(running):
                    if ended := one.look(stop.asked > 0):
                        running.remove(one)
                        report(ended)
                    elif one.lost and not stop.asked:  # another's run stopped: it is ours now
                        running.remove(one)
                        waiting.appendleft(one.job)
                if stop.asked and running:
                    running = _stop(running, stop.asked, say)
                time.sleep(_POLL if running else 0)

    def _start(
        self, job: Job, running: Sequence[_Running], report: Report, say: Say
    ) -> _Running | None:
        if lock.is_held(job.folder):
            say(f"{job.name} runs already, started elsewhere; waiting for it")
            return _Running(job, None, slot=_free(running))
        if done := prepare(job):
            report(done)
            return None
        slot = _free(running)
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{job.run_id}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "registry.runs.executors.child", str(job.folder),
                 *launch.WORKER],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env=self._environment(slot),
            )  # fmt: skip
        return _Running(job, process, slot)

    def _environment(self, slot: int) -> dict[str, str]:
        env = dict(os.environ)
        root = str(Path(registry.__file__).parent.parent)
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [root, env.get("PYTHONPATH")]))
        if self._gpus:
            env["CUDA_VISIBLE_DEVICES"] = self._gpus[slot % len(self._gpus)]
        if self._threads:
            env["OMP_NUM_THREADS"] = str(self._threads)
        elif self._most > 1 and not self._gpus:
            # Each would take every core, and they would stand in each other's way.
            env.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // self._most)))
        return env


@dataclass
class _Running:
    """A run under way; ``process`` is None where another queue started it."""

    job: Job
    process: subprocess.Popen[bytes] | None
    slot: int
    told: int = 0
    lost: bool = False

    def look(self, stopping: bool) -> Ended | None:
        """How it ended, None while it has not; ``lost`` is set where someone else's run stopped."""
        if self.process is None:
            if not lock.is_held(self.job.folder):
                ended = as_it_stands(self.job, "")
                self.lost = ended.status != "finished"
                return None if self.lost else ended
            return None
        if self.process.poll() is None:
            return None
        said, _ = self.process.communicate()
        code = self.process.returncode
        if code and lock.is_held(self.job.folder):
            # The launcher is gone and the worker goes on, or another queue was there first.
            self.process = None
            return None
        try:
            outcome = json.loads(said)
            ended = Ended(self.job, outcome["status"], outcome["problem"])
        except (ValueError, KeyError):
            return self._unsaid(code, stopping)
        stands = as_it_stands(self.job, "")
        return stands if stands.status == "finished" else ended  # another queue may have done it

    def _unsaid(self, code: int, stopping: bool) -> Ended:
        ended = as_it_stands(self.job, f"the process around its worker ended with code {code}")
        if stopping and ended.status == "failed":  # stopped before its worker had begun
            return Ended(self.job, "interrupted")
        return ended


def _free(running: Sequence[_Running]) -> int:
    taken = {one.slot for one in running}
    return next(slot for slot in range(len(taken) + 1) if slot not in taken)


def _stop(running: list[_Running], asked: int, say: Say) -> list[_Running]:
    """Pass the signals on that were not yet; gives the runs that are ours to wait for."""
    ours = [one for one in running if one.process is not None]
    first = asked == 1 and any(one.told == 0 for one in ours)
    for one in ours:
        while one.told < asked and one.process is not None:
            one.told += 1
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.process.pid, signal.SIGINT)
            time.sleep(0.01)  # two signals at once would count as one
    if first:  # last, because a terminal that closed takes no more words
        say(
            f"stopping {plural(len(ours), 'run')} after this step, each with a checkpoint; "
            "again to stop at once"
        )
    return ours


@dataclass
class _Stop:
    """How often we were asked to stop."""

    asked: int = 0

    def take(self, number: int, frame: FrameType | None) -> None:
        self.asked += 1


@contextlib.contextmanager
def _counting_signals() -> Iterator[_Stop]:
    stop = _Stop()
    with launch.handling_stops(stop.take):
        yield stop

"""Slurm, through submitit: the runs of a sweep are the tasks of one job array.

Each task calls ``launch.start`` on its run folder, as this machine would, so the runs folder must
be on a filesystem that the nodes share. Where Slurm's time runs out, or takes the node back, the
worker keeps a checkpoint, the task is queued again and goes on from it. ``jobs.json`` beside
submitit's own files says which task has which run, and that is all that is kept: how a run stands,
its folder says.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import registry
from registry.core.atomic import write_atomic
from registry.core.errors import Interrupted, RunError
from registry.runs import launch, lock
from registry.runs.executors.job import Ended, Job, Report, Say, as_it_stands, prepare

Cluster = Literal["slurm", "local"]

DEFAULT_MINUTES = 240
_REQUEUES = 100  # times that a run may be queued again because its time ran out
_POLL = {"slurm": 5.0, "local": 0.1}  # seconds between looks for results
_ASK = {"slurm": 30.0, "local": 0.0}  # seconds between questions to the scheduler
_CHECKPOINT = 80  # seconds a worker may take to keep a checkpoint; Slurm gives 90, then it kills


@dataclass(frozen=True)
class BringToEnd:
    """What a node does with a job. submitit pickles it, with the worker's command line."""

    worker: tuple[str, ...]

    def __call__(self, job: Job) -> Ended:
        """How the run of ``job`` ended; a failed one is a result like any other."""
        if done := prepare(job):
            return done
        # Slurm signals every process of a task. Its SIGTERM (scancel) reaches the worker by that
        # way, and must not do so by ours too: two of them mean "at once, without a checkpoint".
        # Its SIGUSR2 (the time is up) is for us alone; see `checkpoint`.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        deaf = ("sh", "-c", 'trap "" USR2; exec "$@"', "sh")
        outcome = launch.start(job.folder, _log, (*deaf, *self.worker))
        return Ended(job, outcome.status, outcome.problem)

    def checkpoint(self, job: Job) -> Any:
        """Called by submitit when the time is up: the worker stops, another task goes on."""
        from submitit.helpers import DelayedSubmission

        signal.raise_signal(signal.SIGINT)  # ``launch.start`` passes it on to the worker
        end = time.monotonic() + _CHECKPOINT
        while lock.is_held(job.folder) and time.monotonic() < end:
            time.sleep(0.05)
        return DelayedSubmission(self, job)


class SlurmArray:
    """Hands jobs to Slurm; with ``wait`` it stays until they have ended.

    ``folder`` takes submitit's files and the tasks' output. ``parallel`` is the most tasks at a
    time, ``minutes`` what each may take, ``memory`` GB of it a node. ``cluster`` is submitit's name
    for where: ``local`` runs the same tasks on this machine.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cluster: Cluster = "slurm",
        partition: str | None = None,
        minutes: int = DEFAULT_MINUTES,
        gpus: int = 0,
        memory: float | None = None,
        parallel: int | None = None,
        wait: bool = False,
    ) -> None:
        self._folder, self._cluster, self._wait = folder, cluster, wait
        self.workers = parallel
        self._fresh: dict[str, Any] = {}  # task id -> submitit's job, of what we handed over
        self._asked = {
            "name": "registry",
            "timeout_min": minutes,
            "gpus_per_node": gpus or None,
            "mem_gb": memory,
            "slurm_partition": partition,
            "slurm_array_parallelism": parallel,
        }

    def busy(self, jobs: Sequence[Job]) -> frozenset[str]:
        """Runs whose task waits or works, as Slurm says, or whose folder is held.

        Raises RunError where Slurm does not answer.
        """
        handed = self._handed()
        ours = {job.run_id for job in jobs} & handed.keys()
        queued = self._queued() if ours else frozenset()
        held = {job.run_id for job in jobs if lock.is_held(job.folder)}
        return frozenset(held | {run_id for run_id in ours if handed[run_id] in queued})

    def preview(self, jobs: Sequence[Job]) -> list[str]:
        """The parameters of the job array."""
        said = [f"{name.removeprefix('slurm_')}={v}" for name, v in self._asked.items() if v]
        return [f"one job array of {len(jobs)} on {self._cluster}: {', '.join(said)}"]

    def run(self, jobs: Sequence[Job], report: Report, say: Say) -> None:
        """Submit what is not there yet, as one array; wait for all of it where asked to.

        Raises RunError where submitit is missing or Slurm takes nothing, Interrupted where the
        wait is stopped; the tasks then go on.
        """
        there = self.busy(jobs)
        fresh = [job for job in jobs if job.run_id not in there]
        if fresh:
            self._submit(fresh)
        handed = self._handed()
        if not self._wait:
            for job in jobs:
                task = f"{self._cluster} task {handed.get(job.run_id, 'of another')}"
                again = "has it already" if job.run_id in there else "has it"
                report(Ended(job, "handed over", f"{task} {again}"))
            return
        say(f"waiting for {len(jobs)} tasks on {self._cluster}; Ctrl-C leaves them running")
        try:
            self._watch(jobs, handed, report)
        except KeyboardInterrupt:
            arrays = sorted({handed[j.run_id].split("_")[0] for j in jobs if j.run_id in handed})
            raise Interrupted(
                f"no longer waiting; the tasks go on. To stop them: scancel {' '.join(arrays)}"
            ) from None

    def _submit(self, jobs: Sequence[Job]) -> None:
        submitit = _submitit()
        # A node starts Python with this environment: it must find the same code.
        paths = [str(Path(registry.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(
            dict.fromkeys(part for path in paths for part in path.split(os.pathsep) if part)
        )
        try:
            executor = submitit.AutoExecutor(
                self._folder / "%j",
                cluster=self._cluster,
                **{f"{self._cluster}_max_num_timeout": _REQUEUES},
            )
            executor.update_parameters(**self._asked)
            tasks = executor.map_array(BringToEnd(launch.WORKER), jobs)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            said = [line.strip(" '\"") for line in str(error).strip().splitlines()]
            why = said[0] if said else repr(error)
            raise RunError(f"{self._cluster} took nothing: {why}") from None
        fresh = {job.run_id: task.job_id for job, task in zip(jobs, tasks, strict=True)}
        write_atomic(
            self._folder / "jobs.json", json.dumps(self._handed() | fresh, indent=1) + "\n"
        )
        self._fresh |= {task.job_id: task for task in tasks}

    def _watch(self, jobs: Sequence[Job], handed: Mapping[str, str], report: Report) -> None:
        left, queued, asked = list(jobs), self._queued(), time.monotonic()
        while left:
            if time.monotonic() - asked >= _ASK[self._cluster]:
                # A wait of days outlives a scheduler that is silent for a while.
                with contextlib.suppress(RunError):
                    queued = self._queued()
                asked = time.monotonic()
            for job in list(left):
                task = handed.get(job.run_id, "")
                if lock.is_held(job.folder) or (task in queued and not self._result(task).exists()):
                    continue
                left.remove(job)
                report(self._ended(job, task))
            time.sleep(_POLL[self._cluster] if left else 0)

    def _queued(self) -> frozenset[str]:
        """Tasks of ours that wait or work; squeue knows also where Slurm keeps no accounts."""
        if self._cluster == "local":
            return frozenset(t for t, task in self._fresh.items() if task.state == "RUNNING")
        try:
            done = subprocess.run(
                ["squeue", "--me", "--noheader", "--array", "--format=%i"],
                capture_output=True, text=True, check=True, timeout=120,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or error
            raise RunError(f"Slurm does not answer: squeue: {str(said).strip()}") from None
        return frozenset(done.stdout.split())

    def _ended(self, job: Job, task: str) -> Ended:
        path = self._result(task)
        end = time.monotonic() + (10 if task and self._cluster == "slurm" else 0)
        while not path.exists() and time.monotonic() < end:
            time.sleep(0.5)  # a shared filesystem may show the file a moment later
        if path.exists():
            job_class = _submitit().SlurmJob if self._cluster == "slurm" else _submitit().LocalJob
            try:
                found = job_class(folder=self._folder / "%j", job_id=task).result()
            except RuntimeError as error:  # what the task raised, with its traceback
                return as_it_stands(job, str(error).strip().splitlines()[-1])
            if isinstance(found, Ended):
                return Ended(job, found.status, found.note)
        return as_it_stands(job, f"its task ended without a word; see {self._folder / task}")

    def _result(self, task: str) -> Path:
        """The file that submitit writes when a task has ended."""
        return self._folder / task / f"{task}_0_result.pkl"

    def _handed(self) -> dict[str, str]:
        """Run id -> the last task that has it."""
        try:
            handed: dict[str, str] = json.loads((self._folder / "jobs.json").read_bytes())
        except FileNotFoundError:
            return {}
        return handed


def _log(text: str) -> None:
    sys.stderr.write(text + "\n")  # submitit keeps it beside the result


def _submitit() -> Any:
    try:
        import submitit
    except ModuleNotFoundError:
        raise RunError(
            "the executor slurm needs submitit, not installed here. "
            "Install: pip install 'posttrain-registry[slurm]'"
        ) from None
    return submitit

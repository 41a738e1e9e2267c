"""Runs that somebody needs, and those that stand for them already.

A run with the same method, resolved configuration, seed, device and code gives the same numbers, so
it is made once: for all arms and experiments of ``registry verify`` and for ``registry compare``.
They are kept in ``<runs folder>/measured``, apart from the runs that a person asked for.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from registry.core.errors import Interrupted, RunError
from registry.core.plural import plural
from registry.core.settings import Settings
from registry.runs import launch
from registry.runs.code import run_sha256
from registry.runs.executors.job import Ended, Job
from registry.runs.executors.local import LocalQueue
from registry.runs.plan import Plan, find_method
from registry.runs.records import MEASURED, RunRecord, list_runs, read_run

State = Literal["to run", "to resume", "finished"]
Say = Callable[[str], None]
_ATTEMPTS = 20
_ENDS = ("finished", "failed", "interrupted", "handed over")


@dataclass(frozen=True)
class Need:
    """A run that is needed; ``name`` is what a person calls it: ``dpo, seed 2``."""

    name: str
    plan: Plan


@dataclass
class Made:
    """How many runs were needed, and how many of them were there already."""

    needed: int = 0
    reused: int = 0

    def sentence(self) -> str:
        """``12 runs needed: 4 made now, 8 reused``."""
        made = self.needed - self.reused
        return f"{plural(self.needed, 'run')} needed: {made} made now, {self.reused} reused"


class Shelf:
    """The runs there are, to be found by what they are, and brought to their end where missing."""

    def __init__(self, settings: Settings, jobs: int = 1) -> None:
        self._settings, self._jobs = settings, jobs
        self.folder = settings.runs_dir / MEASURED
        self._records = [*list_runs(self.folder), *list_runs(settings.runs_dir)]
        self.made = Made()

    def find(self, plan: Plan) -> tuple[State, RunRecord | None]:
        """Where a run of ``plan`` stands, and its record unless it is to be begun."""
        same = [record for record in self._records if stands_for(record, plan)]
        for record in same:
            if record.state == "finished":
                return "finished", record
        for record in same:
            if record.can_resume and record.state != "failed":
                return "to resume", record
        return "to run", None

    def bring(self, needs: Sequence[Need], say: Say, again: str) -> list[RunRecord]:
        """The finished run of each of ``needs``, made where it is not there.

        ``say`` takes a sentence for each; ``again`` is the command that goes on. Raises RunError
        where a run fails, Interrupted where one is stopped; whatever finished is kept.
        """
        self.made.needed += len(needs)
        missing: list[Need] = []
        for number, need in enumerate(needs, start=1):
            state, record = self.find(need.plan)
            count = f"({number} of {len(needs)})"
            if record is not None and state == "finished":
                self.made.reused += 1
                say(f"{need.name} {count}: reused, {record.run_id} is the same run")
            elif twin := next((m for m in missing if _same(m.plan, need.plan)), None):
                self.made.reused += 1
                say(f"{need.name} {count}: the same run as {twin.name}")
            else:
                say(f"{need.name} {count}: {state}")
                missing.append(need)
                if self._jobs == 1:
                    self._one(need, say, again)
        if self._jobs > 1 and missing:
            self._several(missing, say, again)
        found = [self.find(need.plan)[1] for need in needs]
        return [record for record in found if record is not None]

    def _folder(self, need: Need) -> Path:
        state, record = self.find(need.plan)
        if state == "to resume" and record is not None:
            return launch.prepare_resume(str(record.folder), need.plan.method, self._settings)
        # An id ends in four random digits: among hundreds made in one second two may be the same.
        for _ in range(_ATTEMPTS):
            try:
                return launch.create_run(need.plan, self._settings, within=self.folder)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
        raise RunError(f"no free run id in {self.folder} after {_ATTEMPTS} attempts")

    def _one(self, need: Need, say: Say, again: str) -> None:
        folder = self._folder(need)
        outcome = launch.start(folder, say)
        self._ended(need, folder, outcome.status, outcome.problem, again)

    def _several(self, missing: Sequence[Need], say: Say, again: str) -> None:
        device = missing[0].plan.device
        # One thread each: more would stand in each other's way, and another number of them would
        # round otherwise.
        queue = LocalQueue(self.folder / "logs", device, self._jobs, threads=1)
        needs = {self._folder(need): need for need in missing}
        jobs = [Job(folder, need.plan.method, need.name) for folder, need in needs.items()]
        ends: list[Ended] = []

        def report(ended: Ended) -> None:
            ends.append(ended)
            note = f": {ended.note}" if ended.note else ""
            say(f"[{len(ends)} of {len(jobs)}] {ended.job.name}: {ended.status}{note}")

        queue.run(jobs, report, say)
        # Those that finished first: a failure is raised, and what stands must be known by then.
        for ended in sorted(ends, key=lambda e: _ENDS.index(e.status)):
            self._ended(needs[ended.job.folder], ended.job.folder, ended.status, ended.note, again)
        if len(ends) < len(jobs):
            raise Interrupted(f"stopped with {len(ends)} of {len(jobs)} runs done; go on: {again}")

    def _ended(
        self, need: Need, folder: Path, status: str, problem: str | None, again: str
    ) -> None:
        record = read_run(folder)
        self._records = [record, *(r for r in self._records if r.folder != folder)]
        if status == "interrupted":
            raise Interrupted(f"stopped in {need.name}; go on: {again}")
        if status != "finished":
            raise RunError(
                f"{need.name} failed: {problem}. See {folder}; when it is mended, go on: {again}",
                folder,
            )
        # A finished run goes on with nothing, and checkpoints are most of its bytes.
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def stands_for(record: RunRecord, plan: Plan) -> bool:
    """Whether the run of ``record`` is the one that ``plan`` would make."""
    spec = record.spec
    return (
        spec is not None
        and (spec.method, spec.seed, spec.device) == (plan.method, plan.seed, plan.device)
        and _gives(spec.config, plan.config)
        and spec.code_sha256 == run_sha256(find_method(plan.source or plan.method))
    )


def _gives(config: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    # A model that was kept and is not asked for is no difference.
    spare = config.get("save_model") is True and wanted.get("save_model") is False
    return {**config, "save_model": False} == dict(wanted) if spare else config == dict(wanted)


def _same(one: Plan, other: Plan) -> bool:
    return (one.method, one.source, one.seed, one.device, one.config) == (
        other.method, other.source, other.seed, other.device, other.config,
    )  # fmt: skip

"""What a sweep hands to an executor, and what it hears back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from registry.core.errors import RegistryError
from registry.core.settings import Settings
from registry.runs import launch
from registry.runs.records import read_run

Status = Literal["finished", "interrupted", "failed", "handed over"]
"""``handed over``: another system has the run now; its folder will say how it ends."""


@dataclass(frozen=True)
class Job:
    """One run to bring to its end: its folder, and what a person calls it in this sweep."""

    folder: Path
    method: str
    name: str

    @property
    def run_id(self) -> str:
        """The run's id, which is the name of its folder."""
        return self.folder.name


@dataclass(frozen=True)
class Ended:
    """How a job left its executor; ``note`` says why it failed, or where it went."""

    job: Job
    status: Status
    note: str | None = None


Report = Callable[[Ended], None]
Say = Callable[[str], None]


class Executor(Protocol):
    """A place where runs are brought to their end; ``workers`` at a time, None where unknown."""

    workers: int | None

    def busy(self, jobs: Sequence[Job]) -> frozenset[str]:
        """Ids of those ``jobs`` that were handed over and have not ended there."""

    def run(self, jobs: Sequence[Job], report: Report, say: Say) -> None:
        """Take every job and report each once, unless it is told to stop before.

        A run that fails stops no other. Raises RegistryError where the place cannot be used at all.
        """

    def preview(self, jobs: Sequence[Job]) -> list[str]:
        """What would be written or started for ``jobs``, as texts to print; does nothing."""


def prepare(job: Job) -> Ended | None:
    """Make ``job``'s folder ready for a worker; what is to be reported where none is needed."""
    record = read_run(job.folder)
    if record.state == "finished":
        return Ended(job, "finished")
    if not record.can_resume and record.state != "running":
        return Ended(job, "failed", f"its folder is damaged: {record.problem}")
    if record.state not in ("waiting", "running"):
        try:
            launch.prepare_resume(str(job.folder), job.method, Settings.load())
        except RegistryError as error:
            return Ended(job, "failed", str(error))
    return None


def as_it_stands(job: Job, problem: str) -> Ended:
    """How ``job`` ended as its folder tells; ``problem`` where the folder has no word on it."""
    record = read_run(job.folder)
    if record.state == "finished":
        return Ended(job, "finished")
    if record.state == "interrupted":
        return Ended(job, "interrupted")
    return Ended(job, "failed", record.problem or problem)

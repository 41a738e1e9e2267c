"""A sweep: every combination of some options, over seeds, each an ordinary run.

The sweep is a folder, ``<runs folder>/sweeps/<sweep id>``, whose ``sweep.json`` says what was asked
and which run has which values. It is written once, before the first run starts, and never again:
how far the sweep has come is read from the run folders.
"""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from registry.core.atomic import write_atomic
from registry.core.clock import now
from registry.core.errors import Interrupted, RunError, UnknownNameError, UsageError
from registry.core.plural import plural
from registry.core.settings import Settings
from registry.runs import launch
from registry.runs.code import code_sha256
from registry.runs.executors.choice import Place, build
from registry.runs.executors.job import Ended, Job
from registry.runs.plan import Plan
from registry.runs.records import SWEEPS, RunRecord, read_run
from registry.runs.sentences import duration, measure_line
from registry.runs.store_index import index_run
from registry.runs.sweep_plan import SweepPlan, run_name

LATEST = "latest"
_ATTEMPTS = 20


class SweepRun(BaseModel):
    """One run of a sweep: the values it has of the varied options, as they were typed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run_id: str
    values: dict[str, str]
    seed: int

    @property
    def name(self) -> str:
        """``beta=0.1, seed 2``."""
        return run_name(self.values, self.seed)


class Sweep(BaseModel):
    """``sweep.json``: what was asked. ``fixed`` are the options that all runs share."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sweep_id: str
    method: str
    grid: dict[str, tuple[str, ...]]
    fixed: dict[str, str]
    seeds: tuple[int, ...]
    device: str
    place: Place
    created: AwareDatetime
    code_sha256: str = ""
    runs: tuple[SweepRun, ...]


@dataclass
class Tally:
    """How the runs of a sweep left the executor."""

    total: int
    ended: list[Ended] = field(default_factory=list)

    def of(self, *states: str) -> list[Ended]:
        """Those that ended in one of ``states``."""
        return [one for one in self.ended if one.status in states]


def create_sweep(plan: SweepPlan, settings: Settings) -> Sweep:
    """A new sweep: its run folders, waiting, and then ``sweep.json``, which makes it one.

    Raises RunError where torch is missing, OSError where the disk is full; no folder is left then.
    """
    made: list[Path] = []
    try:
        for run in plan.runs:
            made.append(_create_run(run.plan, settings))
        sweep = Sweep(
            sweep_id=f"sweep-{plan.method}-{now():%Y%m%d-%H%M%S}-{token_hex(2)}",
            method=plan.method,
            grid=plan.grid,
            fixed=dict(plan.fixed),
            seeds=plan.seeds,
            device=plan.device,
            # Whether to wait, and to launch, is asked of a command, not of a sweep.
            place=plan.place.model_copy(update={"wait": False, "launch": False}),
            created=now(),
            code_sha256=code_sha256(),
            runs=tuple(
                SweepRun(run_id=folder.name, values=dict(run.values), seed=run.seed)
                for run, folder in zip(plan.runs, made, strict=True)
            ),
        )
        path = sweep_folder(sweep, settings) / "sweep.json"
        write_atomic(path, sweep.model_dump_json(indent=1) + "\n")
    except BaseException:
        for folder in made:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return sweep


def sweep_folder(sweep: Sweep, settings: Settings) -> Path:
    """Where ``sweep`` lies."""
    return settings.runs_dir / SWEEPS / sweep.sweep_id


def list_sweeps(settings: Settings) -> list[Sweep]:
    """Every sweep that can be read, the newest first."""
    folder = settings.runs_dir / SWEEPS
    paths = sorted(folder.glob("*/sweep.json")) if folder.is_dir() else []
    return sorted(_read_all(paths), key=lambda s: (s.created, s.sweep_id), reverse=True)


def find_sweep(name: str, settings: Settings) -> Sweep:
    """The sweep that ``name`` means: an id, the beginning of just one, its folder, or ``latest``.

    Raises UnknownNameError with the nearest ids, RunError where its file is damaged.
    """
    path = settings.runs_dir / SWEEPS / Path(name.rstrip("/")).name / "sweep.json"
    if name and path.is_file():
        return _read(path)
    known = {sweep.sweep_id: sweep for sweep in list_sweeps(settings)}
    if not known:
        raise UsageError(
            f"no sweep '{name}': there are none in {settings.runs_dir / SWEEPS}. "
            "Make one: registry sweep dpo --set beta=0.05,0.1 --seeds 3"
        )
    if name == LATEST:
        return next(iter(known.values()))
    begins = [sweep_id for sweep_id in known if name and sweep_id.startswith(name)]
    if len(begins) == 1:
        return known[begins[0]]
    if begins:
        shown = ", ".join(begins[:8]) + (", ..." if len(begins) > 8 else "")
        raise UsageError(f"'{name}' begins {len(begins)} sweeps: {shown}; give more of the id")
    raise UnknownNameError("sweep", name, known, "registry sweep --list")


def records(sweep: Sweep, settings: Settings) -> list[RunRecord]:
    """The run folders of ``sweep``, in the order of its runs."""
    return [read_run(settings.runs_dir / run.run_id) for run in sweep.runs]


def run_sweep(
    sweep: Sweep,
    settings: Settings,
    say: Callable[[str], None] = lambda _: None,
    place: Place | None = None,
) -> Tally:
    """Bring every run of ``sweep`` that has not finished to its end, or hand it over.

    A run that fails stops no other; ``say`` takes a sentence for each that ends. ``place`` is where
    to run in place of what the sweep was made with. Raises Interrupted where it was stopped, and
    RunError where the executor cannot be used.
    """
    where = place or sweep.place
    jobs = [
        Job(settings.runs_dir / run.run_id, sweep.method, run.name)
        for run, record in zip(sweep.runs, records(sweep, settings), strict=True)
        if record.state != "finished"
    ]
    tally = Tally(len(sweep.runs))
    stands = len(sweep.runs) - len(jobs)
    if stands:
        say(f"{stands} of {plural(len(sweep.runs), 'run')} finished before")
    if jobs and sweep.code_sha256 != code_sha256():
        say("the code of the methods has changed since the sweep was made: its runs may differ")
    executor = build(where, sweep_folder(sweep, settings), sweep.device, settings)
    started = time.monotonic()

    def report(ended: Ended) -> None:
        tally.ended.append(ended)
        done = len(tally.of("finished", "failed"))
        left = _time_left(time.monotonic() - started, done, len(jobs), executor.workers)
        say(_sentence(ended, f"{stands + done} of {tally.total}", left))

    again = f"go on: registry sweep --resume {sweep.sweep_id}"
    if jobs:
        try:
            executor.run(jobs, report, say)
        except Interrupted as stop:
            raise Interrupted(f"sweep {sweep.sweep_id}: {stop}; {again}") from None
        except RunError as refusal:
            raise RunError(f"{refusal}; {again}", sweep_folder(sweep, settings)) from None
        finally:
            if tally.of("finished", "failed", "interrupted"):
                _index(jobs[0], settings, say)
    if tally.of("interrupted") or len(tally.ended) < len(jobs):
        raise Interrupted(
            f"sweep {sweep.sweep_id} stopped with "
            f"{stands + len(tally.of('finished'))} of {tally.total} runs finished; {again}"
        )
    return tally


def _create_run(plan: Plan, settings: Settings) -> Path:
    # An id ends in four random digits: among hundreds made in one second two may be the same.
    for _ in range(_ATTEMPTS):
        try:
            return launch.create_run(plan, settings)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    raise RunError(f"no free run id in {settings.runs_dir} after {_ATTEMPTS} attempts")


def _read(path: Path) -> Sweep:
    try:
        return Sweep.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise RunError(
            f"{path} cannot be read: {str(error).splitlines()[0]}", path.parent
        ) from None


def _read_all(paths: list[Path]) -> Iterator[Sweep]:
    for path in paths:
        try:
            yield _read(path)
        except RunError:
            continue  # a damaged one is named when it is asked for


def _sentence(ended: Ended, count: str, left: str) -> str:
    name, note = ended.job.name, ended.note
    if ended.status == "handed over":
        return f"{name}: {note}"
    record = read_run(ended.job.folder)
    if ended.status == "interrupted":
        last = f" after step {record.manifest.last_step}" if record.manifest else ""
        return f"{name}: stopped{last}"
    if ended.status == "failed":
        return f"[{count}] {name}: failed: {note} ({ended.job.run_id}){left}"
    took = f" in {duration(record.manifest.seconds)}" if record.manifest else ""
    key = record.results.key_measure if record.results else None
    measured = f"; {measure_line(key)}" if key else ""
    return f"[{count}] {name}: finished{took}{measured}{left}"


def _time_left(spent: float, done: int, jobs: int, workers: int | None) -> str:
    # The first round says little: its runs began together. A few seconds are no news.
    if workers is None or done <= workers or (left := spent / done * (jobs - done)) < 10:
        return ""
    return f"; about {duration(left)} to go"


def _index(job: Job, settings: Settings, say: Callable[[str], None]) -> None:
    # Indexing one run looks at every folder, so that once at the end is enough.
    if complaint := index_run(read_run(job.folder), settings):
        say(complaint)

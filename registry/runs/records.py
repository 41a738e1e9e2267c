"""Run folders as typed records. A damaged or half-written folder is a record too, never a crash.

The worker writes the folder; nothing here changes it. Unknown fields are passed over, so that an
older registry reads what a newer engine wrote.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from registry.catalog.models import Curve
from registry.core.errors import RunError, UnknownNameError, UsageError
from registry.runs.lock import is_held

State = Literal["waiting", "running", "finished", "interrupted", "failed", "died", "damaged"]
"""``died``: the worker went without a word (killed, out of memory); ``waiting``: never started."""

SWEEPS = "sweeps"
"""A folder of the runs folder that holds no run."""

MEASURED = "measured"
"""A folder of the runs folder: runs that `registry verify` and `registry compare` needed."""

COMPARED = "compared"
"""A folder of the runs folder that holds no run: tables and plots of `registry compare`."""

_LARGEST = 64 * 1024 * 1024  # bytes of a JSON file we are willing to read


class _Loose(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class GitState(_Loose):
    """The code that ran; ``commit`` is None outside a checkout."""

    commit: str | None = None
    dirty: bool = False


class Source(_Loose):
    """The file of a method that stands in no package; the run folder holds a copy of it."""

    path: str
    sha256: str
    copy_name: str = "method.py"


class Spec(_Loose):
    """What was asked: ``spec.json``, written before the worker starts."""

    run_id: str
    method: str
    paper: str = ""
    config: dict[str, Any]
    provenance: dict[str, str] = Field(default_factory=dict)
    seed: int = 0
    device: str = "cpu"
    command: str = ""
    git: GitState = GitState()
    code_sha256: str = ""
    resume: bool = False
    source: Source | None = None


class ModelFacts(_Loose):
    """The model a run started from."""

    name: str = ""
    source: str = ""
    revision: str | None = None
    parameters: int = 0
    fingerprint: str = ""


class DataFacts(_Loose):
    """The data of a run: problems or rows to train on, and held out."""

    name: str = ""
    fingerprint: str = ""
    train: int = 0
    held_out: int = 0
    skipped: int = 0


class Manifest(Spec):
    """What ran: ``manifest.json``. ``seconds`` is the worker's wall time."""

    status: Literal["running", "finished", "interrupted", "failed"]
    error: str | None = None
    config_sha256: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    device_name: str = ""
    threads: int = 0
    model: ModelFacts | None = None
    data: DataFacts | None = None
    started: AwareDatetime | None = None
    finished: AwareDatetime | None = None
    seconds: float = 0.0
    peak_memory_bytes: int = 0
    last_step: int = 0
    steps: int = 0


class Measure(_Loose):
    """A quantity before and after, with the run's own 95 % intervals and its sample size."""

    name: str
    title: str = ""
    unit: str = ""
    higher_is_better: bool = True
    before: float | None = None
    after: float
    n: int | None = None
    before_interval: tuple[float, float] | None = None
    after_interval: tuple[float, float] | None = None


class Results(_Loose):
    """What was measured: ``results.json``. ``key`` names the measure that matters most."""

    key: str
    measures: tuple[Measure, ...]
    curves: tuple[Curve, ...] = ()
    notes: tuple[str, ...] = ()
    train_seconds: float = 0.0

    def measure(self, name: str) -> Measure | None:
        """The measure called ``name``, or None."""
        return next((m for m in self.measures if m.name == name), None)

    @property
    def key_measure(self) -> Measure | None:
        """The measure that ``key`` names."""
        return self.measure(self.key)


@dataclass(frozen=True)
class RunRecord:
    """One run folder. ``problem`` says what is wrong where ``state`` is damaged, failed or died."""

    folder: Path
    run_id: str
    state: State
    spec: Spec | None = None
    manifest: Manifest | None = None
    results: Results | None = None
    problem: str | None = None

    @property
    def method(self) -> str:
        """The method's slug, "" where the folder is too damaged to tell."""
        return self.spec.method if self.spec else ""

    @property
    def started(self) -> datetime | None:
        """When the worker started, UTC."""
        return self.manifest.started if self.manifest else None

    @property
    def can_resume(self) -> bool:
        """True where a worker may pick the folder up again."""
        return self.spec is not None and self.state in ("waiting", "interrupted", "failed", "died")

    @property
    def worth_resuming(self) -> bool:
        """True where a second try may end otherwise: it was stopped, or left a checkpoint."""
        checkpoints = self.folder / "checkpoints"
        kept = checkpoints.is_dir() and any(checkpoints.iterdir())
        return self.can_resume and (self.state != "failed" or kept)


@dataclass(frozen=True)
class Metrics:
    """The steps of a run; ``damaged`` counts lines that could not be read (a torn last one not)."""

    rows: tuple[dict[str, Any], ...]
    damaged: int = 0

    def series(self, name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(steps, values) of the metric ``name``, finite numbers only."""
        points = [
            (float(row["step"]), float(row[name]))
            for row in self.rows
            if _is_number(row.get("step")) and _is_number(row.get(name))
        ]
        return tuple(x for x, _ in points), tuple(y for _, y in points)

    @property
    def names(self) -> tuple[str, ...]:
        """Metrics that hold numbers, in the order they first appear, without ``step``."""
        seen: dict[str, None] = {}
        for row in self.rows:
            seen.update(dict.fromkeys(k for k, v in row.items() if _is_number(v)))
        seen.pop("step", None)
        return tuple(seen)


_Model = TypeVar("_Model", bound=BaseModel)


def read_run(folder: Path) -> RunRecord:
    """The record of one folder; never raises for what the folder holds."""
    name = folder.name
    try:
        spec = _read(folder / "spec.json", Spec)
        manifest = _read(folder / "manifest.json", Manifest)
        results = _read(folder / "results.json", Results)
    except _Damaged as damage:
        return RunRecord(folder, name, "damaged", problem=str(damage))
    spec = spec or manifest
    if spec is None:
        return RunRecord(folder, name, "damaged", problem="neither spec.json nor manifest.json")
    state, problem = _state(folder, manifest)
    if state == "finished" and results is None:
        state, problem = "damaged", "finished, but results.json is not there"
    return RunRecord(folder, spec.run_id, state, spec, manifest, results, problem)


def list_runs(runs_dir: Path) -> list[RunRecord]:
    """Every run below ``runs_dir``, the newest first; [] where the folder is not there."""
    if not runs_dir.is_dir():
        return []
    folders = [
        f
        for f in runs_dir.iterdir()
        if f.is_dir() and not f.name.startswith(".") and f.name not in (SWEEPS, MEASURED, COMPARED)
    ]
    records = [read_run(folder) for folder in folders]
    return sorted(records, key=_newest_first, reverse=True)


def find_run(runs_dir: Path, name: str) -> RunRecord:
    """The run that ``name`` means: a folder's path, an id, or the beginning of just one id.

    Raises UnknownNameError with the nearest ids.
    """
    path = Path(name).expanduser()
    if path.is_dir() and any((path / f).is_file() for f in ("spec.json", "manifest.json")):
        return read_run(path.resolve())
    for place in (runs_dir, runs_dir / MEASURED):
        if (place / name).is_dir() and name not in ("", ".", "..") and "/" not in name:
            return read_run(place / name)
    known = {record.run_id: record for record in list_runs(runs_dir)}
    if not known:
        raise UsageError(
            f"no run '{name}': there are no runs in {runs_dir}. Make one: registry run"
        )
    begins = [run_id for run_id in known if name and run_id.startswith(name)]
    if len(begins) == 1:
        return known[begins[0]]
    if begins:
        shown = ", ".join(begins[:8]) + (", ..." if len(begins) > 8 else "")
        raise UsageError(f"'{name}' begins {len(begins)} runs: {shown}; give more of the id")
    raise UnknownNameError("run", name, known, "registry runs list")


def read_metrics(folder: Path) -> Metrics:
    """``metrics.jsonl`` of a run: no rows where it is not there, torn or damaged lines left out."""
    return _read_lines(folder / "metrics.jsonl")


def read_timing(folder: Path) -> Metrics:
    """``timing.jsonl`` of a run: seconds and tokens of each step."""
    return _read_lines(folder / "timing.jsonl")


def read_samples(folder: Path) -> Metrics:
    """``samples.jsonl`` of a run: prompt, completion, reward and step of each sample kept."""
    return _read_lines(folder / "samples.jsonl")


class _Damaged(Exception):
    pass


def _read(path: Path, model: type[_Model]) -> _Model | None:
    try:
        if path.stat().st_size > _LARGEST:
            raise _Damaged(f"{path.name}: larger than {_LARGEST} bytes")
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _Damaged(f"{path.name}: {place + ': ' if place else ''}{first['msg']}") from None
    except OSError as error:
        raise _Damaged(f"{path.name}: {error.strerror}") from None


def _state(folder: Path, manifest: Manifest | None) -> tuple[State, str | None]:
    alive = is_held(folder)
    if manifest is None:
        return ("running", None) if alive else ("waiting", None)
    if manifest.status == "running" and not alive:
        return "died", f"the worker stopped without a word after step {manifest.last_step}"
    if manifest.status in ("interrupted", "failed") and alive:
        return "running", None
    return manifest.status, manifest.error


def _newest_first(record: RunRecord) -> tuple[str, str]:
    if record.started:
        return record.started.isoformat(), record.run_id
    # An id ends in its date, time and four hex digits.
    return "-".join(record.run_id.split("-")[-3:-1]), record.run_id


def _read_lines(path: Path) -> Metrics:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Metrics(())
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}", path.parent) from None
    lines = text.split(b"\n")
    lines.pop()  # what follows the last line end: nothing, or a line the worker was writing
    rows = list(_parse(lines))
    good = tuple(row for row in rows if row is not None)
    return Metrics(good, len(rows) - len(good))


def _parse(lines: list[bytes]) -> Iterator[dict[str, Any] | None]:
    for line in lines:
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            yield None
        else:
            yield row if isinstance(row, dict) else None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)

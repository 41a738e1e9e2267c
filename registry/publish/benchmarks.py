"""The records of the benchmarks, as ``tests/benchmarks`` writes them into its folder of results.

An installed package has no such folder, and then there are none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from registry.core.errors import RegistryError

RESULTS = Path("tests", "benchmarks", "results")
"""The folder, below the checkout."""
_STARTUP, _PLAN = "startup.json", "plan.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Spread(_Record):
    """A median and the range that it comes from."""

    median: float
    low: float
    high: float


class Sides(_Record):
    """One number for each side."""

    ours: float
    trl: float


class Paces(_Record):
    """Useful tokens a second of each side."""

    ours: Spread
    trl: Spread


class Summary(_Record):
    """Pace and memory of a workload; memory in MiB."""

    tokens_per_second: Paces
    tokens_per_second_ratio: Spread  # ours over TRL's, turn by turn
    peak_mib: Sides
    peak_ratio: float
    fixed_state_mib: float  # weights, gradients and AdamW's two moments, float32
    peak_over_fixed_state_mib: Sides


class Tried(_Record):
    """A way of cutting a side's batch that was tried; ``failed`` is what it said."""

    settings: Mapping[str, Any]
    tokens_per_second: float | None = None
    failed: str | None = None


class Load(_Record):
    """The machine's load over a minute."""

    before: float
    after: float


class Work(_Record):
    """What the step holds."""

    rows: int
    group: int
    useful_tokens: int | None = None  # None where the step samples its answers


class Workload(_Record):
    """One workload of the comparison with TRL."""

    day: date = Field(alias="date")
    load: Load
    workload: Work
    settings: Mapping[str, Mapping[str, Any]]
    search: Mapping[str, tuple[Tried, ...]] = {}
    gradient_difference: float | None = None  # None where each side samples its own answers
    summary: Summary
    steps: Mapping[str, tuple[Mapping[str, float], ...]]


class Machine(_Record):
    """Where it was measured, and with what."""

    device: str
    precision: str
    threads: int
    cores: int
    python: str
    versions: Mapping[str, str]


class StepRecord(_Record):
    """The comparison of a training step with TRL's on one device."""

    model: str
    machine: Machine
    workloads: Mapping[str, Workload]


class Command(_Record):
    """Wall time of one command, in seconds."""

    median_seconds: float
    lowest_seconds: float
    highest_seconds: float
    budget_seconds: float


class Processor(_Record):
    """The machine that start-up was measured on."""

    cores: int
    load: tuple[float, ...]
    processor: str
    python: str


class StartupRecord(_Record):
    """How long commands take from the shell and back."""

    runs: int
    day: date = Field(alias="date")
    machine: Processor
    commands: Mapping[str, Command]


class Needs(_Record):
    """What a run takes, or one over the other; None where the device was never measured."""

    peak_bytes: float
    step_seconds: float | None
    seconds: float | None


class PlanCase(_Record):
    """A prediction, the run that followed, and the ratio of the first to the second."""

    command: str
    clock: str
    predicted: Needs
    seen: Needs
    ratio: Needs


class PlanMachine(_Record):
    """The machine that the runs ran on."""

    cores: int
    processor: str


class PlanRecord(_Record):
    """Predictions against runs; ``inside`` of ``of`` came within a share of ``within``."""

    within: float
    day: date = Field(alias="date")
    machine: PlanMachine
    inside: int
    of: int
    cases: Mapping[str, PlanCase]


@dataclass(frozen=True)
class Benchmarks:
    """What is kept of the benchmarks, by device."""

    steps: tuple[StepRecord, ...] = ()
    plan: PlanRecord | None = None
    startup: StartupRecord | None = None

    def __bool__(self) -> bool:
        return bool(self.steps or self.plan or self.startup)

    @property
    def days(self) -> tuple[date, ...]:
        """When anything was measured."""
        found = [one.day for record in self.steps for one in record.workloads.values()]
        return (*found, *(one.day for one in (self.plan, self.startup) if one is not None))


def read_benchmarks(checkout: Path | None) -> Benchmarks:
    """The records below ``checkout``; none where there is no checkout or no folder.

    A JSON file without ``workloads`` is of another benchmark and is passed over. Raises
    RegistryError with the name of a file that cannot be read.
    """
    if checkout is None:
        return Benchmarks()
    steps, plan, startup = [], None, None
    for path in sorted((checkout / RESULTS).glob("*.json")):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RegistryError(f"{path} is no JSON ({error}); write it again") from error
        if path.name == _STARTUP:
            startup = _checked(StartupRecord, path, found)
        elif path.name == _PLAN:
            plan = _checked(PlanRecord, path, found)
        elif isinstance(found, dict) and "workloads" in found:
            steps.append(_checked(StepRecord, path, found))
    steps.sort(key=lambda one: (one.machine.device, one.machine.precision))
    return Benchmarks(tuple(steps), plan, startup)


_Kind = TypeVar("_Kind", bound=_Record)


def _checked(kind: type[_Kind], path: Path, found: Any) -> _Kind:
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RegistryError(
            f"{path}, {where}: {first['msg']}. Run the benchmark again, or remove the file."
        ) from error

"""Measured constants of devices: a JSON file each, written by ``tests/benchmarks/constants.py``."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

FOLDER = Path(__file__).parent
HOW = "python -m tests.benchmarks.constants --name NAME --device {kind}"


class Memory(BaseModel):
    """Bytes of a process that has a model yet to load, and the heap's part on top."""

    model_config = ConfigDict(frozen=True)

    baseline: int
    slack: float = 1.0  # what passing buffers take, over what they hold


class Constants(BaseModel):
    """A device's constants. ``seconds``: precision -> kind of piece -> seconds of each count."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    kind: str  # cpu or cuda
    processor: str
    threads: int
    measured: str  # date
    load: float = 0.0  # of the machine while it was measured
    seconds: dict[str, dict[str, dict[str, float]]]
    memory: Memory
    start: float = 0.0  # seconds from the command to the first piece of work
    written: float = 0.0  # seconds a byte of a checkpoint takes


@dataclass(frozen=True)
class Choice:
    """The constants to predict with, and what is uncertain about them."""

    constants: Constants | None
    notes: tuple[str, ...] = ()


def known(folder: Path = FOLDER) -> list[Constants]:
    """Every device there are constants of, in the order of their names."""
    return [
        Constants.model_validate_json(path.read_text()) for path in sorted(folder.glob("*.json"))
    ]


def choose(kind: str, folder: Path = FOLDER) -> Choice:
    """The constants for this machine's ``kind`` of device: cpu or cuda.

    The same processor first, then the nearest number of threads; a note says what differs. No
    constants at all where none of that kind was measured.
    """
    some = [c for c in known(folder) if c.kind == kind]
    how = HOW.format(kind=kind)
    if not some:
        return Choice(
            None,
            (f"no {kind} device has been measured, so there is no prediction of time. "
             f"Measure one: {how}",),
        )  # fmt: skip
    here = processor()
    threads = available_threads()
    best = min(some, key=lambda c: (c.processor != here, abs(c.threads - threads), c.name))
    notes = []
    if kind == "cuda":
        notes.append(f"times are those of {best.processor}; on another GPU they are rough")
    elif best.processor != here or best.threads != threads:
        notes.append(
            f"this machine ({here}, {threads} threads) was not measured: times are those of "
            f"{best.name} ({best.processor}, {best.threads} threads) and rough. Measure it: {how}"
        )
    return Choice(best, tuple(notes))


def available_threads() -> int:
    """Threads that a worker takes here: ``OMP_NUM_THREADS``, else the cores it may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """The processor's name where the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()

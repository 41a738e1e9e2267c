"""Which executor, with what: the options of a place, checked, as a sweep keeps them."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from registry.core.errors import UsageError
from registry.core.settings import Settings
from registry.runs.executors.job import Executor

NAMES = ("local", "slurm", "sky")
_SUITS = {
    "workers": ("local", "slurm"),
    "partition": ("slurm",),
    "time": ("slurm",),
    "cluster": ("slurm",),
    "wait": ("slurm",),
    "gpus": ("slurm", "sky"),
    "mem": ("slurm", "sky"),
    "store": ("sky",),
    "infra": ("sky",),
    "launch": ("sky",),
}
_DURATION = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([MG])B?", re.IGNORECASE)


class Place(BaseModel):
    """An executor and its options, as given; None or False is the executor's own default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    executor: Literal["local", "slurm", "sky"] = "local"
    workers: int | None = None
    partition: str | None = None
    time: str | None = None
    gpus: str | None = None
    mem: str | None = None
    cluster: str | None = None
    wait: bool = False
    store: str | None = None
    infra: str | None = None
    launch: bool = False

    def device(self, asked: str) -> str:
        """What ``--device`` means there: a cluster's GPUs are not those of this machine.

        Raises UsageError where a GPU is asked for and none is taken, or the other way round.
        """
        if self.executor == "local":
            return asked
        given = "cuda" if self.gpus else "cpu"
        if asked not in ("auto", given):
            say = "without --gpus" if given == "cpu" else f"with --gpus {self.gpus}"
            raise UsageError(
                f"--device {asked} {say} is a contradiction with --executor {self.executor}. "
                "Allowed: --gpus for cuda, none for cpu"
            )
        return given


def make_place(executor: str, **options: Any) -> Place:
    """The place that the command line names.

    Raises UsageError where there is no such executor, an option is not for it, or cannot be read.
    """
    if executor not in NAMES:
        raise UsageError(f"--executor {executor} is not known. Allowed: {', '.join(NAMES)}")
    given = {n: v for n, v in options.items() if v is not None and v is not False}
    for name, value in given.items():
        if executor not in _SUITS[name]:
            shown = f"--{name}" if value is True else f"--{name} {value}"
            raise UsageError(
                f"{shown} means nothing to the executor {executor}. "
                f"It is for: {', '.join(_SUITS[name])} (--executor)"
            )
    place = Place.model_validate({"executor": executor, **given})
    _check(place)
    return place


def build(place: Place, folder: Path, device: str, settings: Settings) -> Executor:
    """The executor at ``place``; what it writes goes below ``folder``, the sweep's."""
    if place.executor == "slurm":
        from registry.runs.executors.slurm import DEFAULT_MINUTES, SlurmArray

        return SlurmArray(
            folder / "slurm",
            cluster="local" if place.cluster == "local" else "slurm",
            partition=place.partition,
            minutes=minutes(place.time) if place.time else DEFAULT_MINUTES,
            gpus=int(place.gpus or 0),
            memory=gigabytes(place.mem) if place.mem else None,
            parallel=place.workers,
            wait=place.wait,
        )
    if place.executor == "sky":
        from registry.runs.executors.sky import SkyJobs

        return SkyJobs(
            folder / "sky",
            store=place.store or "",
            gpus=place.gpus,
            infra=place.infra,
            memory=gigabytes(place.mem) if place.mem else None,
            checkout=settings.checkout,
            start=place.launch,
        )
    from registry.runs.executors.local import LocalQueue

    return LocalQueue(folder / "logs", device, place.workers)


def minutes(text: str) -> int:
    """``--time`` in whole minutes, rounded up: ``90``, ``4:00:00``, ``1-12:00``.

    As Slurm reads it: one number is minutes, two are minutes and seconds, three are hours, minutes
    and seconds; with days in front the first is hours. Raises UsageError where it is none of that.
    """
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise UsageError(f"--time {text} is not a time. Allowed: 90 (minutes), 4:00:00, 1-12:00:00")
    days, *parts = found.groups()
    numbers = [int(part) for part in parts if part is not None]
    if days is not None:
        hours, mins, seconds = (*numbers, 0, 0)[:3]
    elif len(numbers) == 3:
        hours, mins, seconds = numbers
    else:
        hours, (mins, seconds) = 0, (*numbers, 0)[:2]
    total = math.ceil(int(days or 0) * 1440 + hours * 60 + mins + seconds / 60)
    if total < 1:
        raise UsageError(f"--time {text} is no time at all. Allowed: one minute and more")
    return total


def gigabytes(text: str) -> float:
    """``--mem`` in GB: ``16G``, ``512M``. Raises UsageError where the unit is missing."""
    found = _MEMORY.fullmatch(text.strip())
    if not found or float(found[1]) <= 0:
        raise UsageError(f"--mem {text} is not an amount of memory. Allowed: 16G, 512M")
    return float(found[1]) / (1024 if found[2].upper() == "M" else 1)


def _check(place: Place) -> None:
    if place.workers is not None and not 1 <= place.workers <= 1000:
        raise UsageError(f"--workers {place.workers} is not allowed. Allowed: 1 to 1000")
    if place.time:
        minutes(place.time)
    if place.mem:
        gigabytes(place.mem)
    if place.executor == "slurm":
        if place.gpus and not re.fullmatch(r"\d+", place.gpus):
            raise UsageError(f"--gpus {place.gpus} is not a number, which slurm needs. Allowed: 1")
        if place.cluster not in (None, "slurm", "local"):
            raise UsageError(f"--cluster {place.cluster} is not known. Allowed: slurm, local")
    if place.gpus and place.gpus.rpartition(":")[2].isdecimal():
        count = int(place.gpus.rpartition(":")[2])
        if count != 1:
            raise UsageError(
                f"--gpus {place.gpus}: each run of a sweep works on one GPU. "
                f"Allowed: {'H100:1' if place.executor == 'sky' else '1'}, or no --gpus for a CPU"
            )
    if place.executor == "sky" and not place.store:
        raise UsageError(
            "the executor sky needs a bucket for the run folders. Say: --store s3://<bucket>"
        )

"""Talk on stderr: a live bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

_LINE_EVERY = 10.0  # seconds between plain lines
_SHOWN = 4  # metrics in a note; more would wrap a line of 100 columns
_NOT_SHOWN = ("step", "loss", "learning_rate")


def note(metrics: Mapping[str, float]) -> str:
    """What a reader asks of a step first: its loss, then what the method logs, in its order."""
    loss = [("loss", metrics["loss"])] if "loss" in metrics else []
    others = [(name, value) for name, value in metrics.items() if name not in _NOT_SHOWN]
    return "  ".join(f"{name} {value:.4g}" for name, value in (loss + others)[:_SHOWN])


class Stage:
    """One stretch of work with a known length, ``start`` units of it done in an earlier process."""

    def __init__(
        self, title: str, total: int, bar: Progress | None, task: TaskID | None, start: int = 0
    ) -> None:
        self.title, self.total, self.done = title, total, start
        self._bar, self._task, self._start = bar, task, start
        self._started = self._spoke = time.monotonic()

    def advance(self, amount: int = 1, note: str = "", speed: float | None = None) -> None:
        """``amount`` more is done; ``note`` says how it goes, ``speed`` is in tokens a second."""
        self.done += amount
        rate = "" if speed is None else f"{speed:.0f} tok/s"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=amount, note=note, speed=rate)
            return
        now = time.monotonic()
        if now - self._spoke >= _LINE_EVERY or self.done >= self.total:
            self._spoke = now
            # What an earlier process did took none of this one's time.
            each = (now - self._started) / max(1, self.done - self._start)
            left = f"ETA {_clock(each * max(0, self.total - self.done))}"
            parts = [f"{self.title} {self.done}/{self.total}", rate, left, note]
            print("  ".join(part for part in parts if part), file=sys.stderr)


class _Silent(Stage):
    def advance(self, amount: int = 1, note: str = "", speed: float | None = None) -> None:
        """Nothing is said."""


@contextmanager
def stage(title: str, total: int, start: int = 0) -> Iterator[Stage]:
    """A stage of ``total`` units, ``start`` of them done already."""
    if os.environ.get("RANK", "0") != "0":  # of several processes the first one talks
        yield _Silent(title, total, None, None, start)
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Stage(title, total, None, None, start)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=total, completed=start, note="", speed="")
        yield Stage(title, total, bar, task, start)


def _clock(seconds: float) -> str:
    """Whole seconds as the live bar writes them: 0:00:07."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"

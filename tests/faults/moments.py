"""Things that happen to a process at an exact moment: a signal or an error at its n-th operation.

Installed in the process that they happen to (a ``prelude`` of ``workers.begin``), since an audit
hook cannot be taken back. Operations on files are those that Python reports: opening, renaming,
making and removing; what safetensors does in Rust is not among them, and is met by polling and by
disks that are really full.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_OPERATIONS = {
    "open": 1, "os.mkdir": 1, "os.rename": 2, "os.remove": 1, "os.rmdir": 1, "os.truncate": 1,
    "os.listdir": 1, "os.scandir": 1,
}  # fmt: skip  # event -> how many of its first arguments are paths
_WRITES = ("os.mkdir", "os.rename", "os.truncate")
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def die_at(folder: Path, below: str, number: int) -> None:
    """SIGKILL before file operation ``number`` (from 1) on anything in ``folder/below``."""
    _at_operation(folder / below, number, lambda: os.kill(os.getpid(), signal.SIGKILL))


def stop_at(folder: Path, below: str, number: int, times: int = 1) -> None:
    """SIGTERM, ``times`` times, before file operation ``number`` in ``folder/below``."""

    def stop() -> None:
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGTERM)

    _at_operation(folder / below, number, stop)


def fail_at(folder: Path, below: str, number: int, error: int) -> None:
    """The ``number``-th writing operation in ``folder/below``, and all after it, fail.

    As with a full or read-only disk: ``error`` is the errno. Removing goes on to work.
    """

    def fail() -> None:
        raise OSError(error, os.strerror(error))

    _at_operation(folder / below, number, fail, writing=True, again=True)


def stop_at_check(folder: Path, number: int, sent: int = signal.SIGTERM) -> None:
    """Signal ``sent`` when the run asks for the ``number``-th time whether it is to stop."""
    from methods.engine.run import Run

    asked, check = 0, Run.check

    def counted(run: Run) -> None:
        nonlocal asked
        asked += 1
        if asked == number:
            os.kill(os.getpid(), sent)
        check(run)

    Run.check = counted  # type: ignore[method-assign]


def _at_operation(
    root: Path,
    number: int,
    act: Callable[[], Any],
    *,
    writing: bool = False,
    again: bool = False,
) -> None:
    seen = 0
    prefix = str(root)

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal seen
        if event not in _OPERATIONS or not any(
            str(path).startswith(prefix) for path in args[: _OPERATIONS[event]]
        ):
            return
        if writing and not (event in _WRITES or (event == "open" and args[2] & _WRITE_FLAGS)):
            return
        seen += 1
        if seen == number or (again and seen > number):
            act()

    sys.addaudithook(hook)

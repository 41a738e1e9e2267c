"""Somebody at a terminal: a process on a pseudo-terminal, its keys and what its window shows."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PATIENCE = 30.0  # seconds


class Typist:
    """``registry WORDS`` in a window of ``columns`` by ``rows``. A context manager."""

    def __init__(
        self, words: list[str], env: Mapping[str, str], columns: int = 100, rows: int = 40
    ) -> None:
        self.raw = ""
        self._status: int | None = None
        self._child, self._window = pty.fork()
        if self._child == 0:
            os.execve(sys.executable, [sys.executable, "-m", "registry", *words], dict(env))
        self.resize(columns, rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is None:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
        os.close(self._window)

    @property
    def screen(self) -> str:
        """What the window shows now: all that was drawn since the cursor last went home."""
        return _STYLE.sub("", self.raw.rpartition("\x1b[H")[2])

    def press(self, keys: str, until: str) -> str:
        """Type ``keys`` and wait until the window shows ``until``; gives what it shows."""
        start = len(self.raw)
        os.write(self._window, keys.encode())
        return self.wait(until, start)

    def wait(self, until: str, start: int = 0) -> str:
        """Wait until ``until`` was shown since the character ``start``."""
        end = time.monotonic() + _PATIENCE
        while until not in _STYLE.sub("", self.raw[start:]):
            if not self._read(end):
                raise AssertionError(f"{until!r} did not come; the window shows:\n{self.screen}")
        while self._read(time.monotonic() + 0.05):  # the rest of the same drawing
            pass
        return self.screen

    @property
    def lines(self) -> list[str]:
        """The lines of the window."""
        return re.split(r"\r*\n", self.screen)

    def press_until_top(self, keys: str, top: str) -> None:
        """Type ``keys`` and wait until the first line of the window is ``top``."""
        os.write(self._window, keys.encode())
        end = time.monotonic() + _PATIENCE
        while self.lines[0] != top:
            if not self._read(end):
                raise AssertionError(f"{top!r} did not come; the window shows:\n{self.screen}")

    def redraw(self, columns: int, rows: int) -> list[str]:
        """Resize the window; the lines it shows then."""
        start = len(self.raw)
        end = time.monotonic() + _PATIENCE
        self.resize(columns, rows)
        while "\x1b[H" not in self.raw[start:]:
            if not self._read(end):
                raise AssertionError("it was not drawn again")
        while self._read(time.monotonic() + 0.05):
            pass
        return self.lines

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._window, termios.TIOCSWINSZ, size)

    def send(self, number: signal.Signals) -> None:
        """A signal to the process."""
        os.kill(self._child, number)

    def leave(self, keys: str = "") -> int:
        """Type ``keys`` and wait for the end; the exit code, negative for a signal."""
        os.write(self._window, keys.encode())
        end = time.monotonic() + _PATIENCE
        while self._read(end):
            pass
        _, status = os.waitpid(self._child, 0)
        self._status = os.waitstatus_to_exitcode(status)
        return self._status

    @property
    def cooked(self) -> bool:
        """Whether the terminal edits lines and echoes, as a shell expects it."""
        flags = termios.tcgetattr(self._window)[3]
        return bool(flags & termios.ICANON) and bool(flags & termios.ECHO)

    def _read(self, end: float) -> bool:
        ready, _, _ = select.select([self._window], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return False
        try:
            read = os.read(self._window, 65536)
        except OSError:  # the other side has closed
            return False
        self.raw += read.decode(errors="replace")
        return bool(read)

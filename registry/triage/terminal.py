"""Keys and pages on a terminal, or lines of text where there is none.

``Screen`` reads single keys and draws on the alternate screen; what it draws fits whatever size
the window has at that moment. ``Lines`` prints and reads lines: for a pipe, a dumb terminal, a
screen reader. Both leave the terminal as they found it, also after Ctrl-C, Ctrl-Z and SIGTERM.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType, TracebackType
from typing import Any, Protocol, Self, TextIO

from rich.console import Console, RenderableType
from rich.text import Text

_SEQUENCES = {
    b"[A": "up", b"OA": "up", b"[B": "down", b"OB": "down",
    b"[5~": "page up", b"[6~": "page down",
}  # fmt: skip
_AFTER_ESCAPE = 0.05  # seconds in which the rest of an arrow key arrives
_ENTER = "\x1b[?1049h\x1b[?25l"  # the alternate screen, no cursor
_LINE_WIDTH = 100
_LEAVE = "\x1b[?25h\x1b[?1049l"


class Terminal(Protocol):
    """Where a session is held."""

    def show(self, body: Sequence[RenderableType], footer: Sequence[RenderableType]) -> None:
        """Put ``body`` on the screen, ``footer`` below it."""

    def key(self) -> str:
        """The next key: a character, ``escape``, ``enter``, or ``end`` where no more come."""

    def ask(self, prompt: str) -> str | None:
        """A line of text; None where it was cancelled."""

    def forget_keys(self) -> None:
        """Drop what was typed while nothing was shown to decide on."""

    def suspended(self) -> contextlib.AbstractContextManager[None]:
        """The terminal as it was before, for another program."""


def open_terminal() -> Screen | Lines:
    """A ``Screen`` where stdin and stdout are a terminal that can, else ``Lines``."""
    capable = os.environ.get("TERM", "dumb") not in ("", "dumb")
    if capable and sys.stdin.isatty() and sys.stdout.isatty():
        return Screen(sys.stdin.fileno(), sys.stdout)
    return Lines(sys.stdin, sys.stdout)


def rendered(lines: Sequence[RenderableType], width: int, *, colour: bool) -> list[str]:
    """``lines`` folded to ``width`` columns, with colours where asked."""
    drawn = io.StringIO()
    console = Console(
        file=drawn,
        width=max(width, 1),
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=bool(os.environ.get("NO_COLOR")),
        highlight=False,
        legacy_windows=False,
    )
    for line in lines:
        console.print(line, overflow="fold")
    return drawn.getvalue().splitlines()


class Lines:
    """Pages printed one after the other, keys typed as lines: ``r`` and Enter."""

    def __init__(self, source: TextIO, target: TextIO) -> None:
        self._source, self._target = source, target

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._target.flush()

    def show(self, body: Sequence[RenderableType], footer: Sequence[RenderableType]) -> None:
        """Print both."""
        for line in rendered([Text(), *body, Text(), *footer], _LINE_WIDTH, colour=False):
            self._target.write(line.rstrip() + "\n")
        self._target.flush()

    def key(self) -> str:
        """The first character of the next line."""
        line = self.ask("> ")
        if line is None:
            return "end"
        return line.strip()[:1] or "enter"

    def ask(self, prompt: str) -> str | None:
        """The next line, without its end; None where the input is over."""
        self._target.write(prompt)
        self._target.flush()
        line = self._source.readline()
        return line.rstrip("\n") if line else None

    def forget_keys(self) -> None:
        """Lines wait to be read: nothing is dropped."""

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """Nothing to put back."""
        self._target.flush()
        yield


class Screen:
    """The alternate screen of a terminal, and its keys one by one. A context manager."""

    def __init__(self, source: int, target: TextIO) -> None:
        self._source, self._target = source, target
        self._body: Sequence[RenderableType] = ()
        self._footer: Sequence[RenderableType] = ()
        self._offset = 0
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        import termios

        self._cooked: list[Any] = termios.tcgetattr(self._source)
        self._wakes, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._wakes, False)
        self._old_wake = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number, handler in (
            (signal.SIGWINCH, lambda *_: None),  # the wake-up is enough
            (signal.SIGTSTP, self._stop),
            (signal.SIGTERM, _end),
            (signal.SIGHUP, _end),
        ):
            self._handlers[number] = signal.signal(number, handler)
        self._take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._give_back()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old_wake)
        os.close(self._wake)
        os.close(self._wakes)

    def show(self, body: Sequence[RenderableType], footer: Sequence[RenderableType]) -> None:
        """Draw ``body`` from its first line, and ``footer`` at the bottom."""
        self._body, self._footer, self._offset = body, footer, 0
        self._draw()

    def key(self) -> str:
        """The next key; arrows, page keys, j, k and blank scroll and are not given."""
        while True:
            ready, _, _ = select.select([self._source, self._wakes], [], [])
            if self._wakes in ready:
                self._drain()
                self._draw()
            if self._source not in ready:
                continue
            name = self._read()
            if (step := self._step(name)) is None:
                return name
            self._offset += step
            self._draw()

    def ask(self, prompt: str) -> str | None:
        """A line typed at the bottom; Ctrl-C and Ctrl-D cancel it."""
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401 (it lends input() its editing keys)
        rows = self._size()[1]
        self._cook()
        self._write(f"\x1b[{rows};1H\x1b[K\x1b[?25h")
        try:
            return input(prompt)
        except (KeyboardInterrupt, EOFError):
            return None
        finally:
            self._take()

    def forget_keys(self) -> None:
        """Drop the keys that were pressed and not read."""
        import termios

        termios.tcflush(self._source, termios.TCIFLUSH)

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """The ordinary screen and line editing, for a program that needs them."""
        self._give_back()
        try:
            yield
        finally:
            self._take()
            self._draw()

    # -- the terminal itself -------------------------------------------------------------------

    def _take(self) -> None:
        import tty

        # Not raw: Ctrl-C and Ctrl-Z stay signals, so that nothing can hang on us.
        tty.setcbreak(self._source)
        self._write(_ENTER)

    def _cook(self) -> None:
        import termios

        termios.tcsetattr(self._source, termios.TCSADRAIN, self._cooked)

    def _give_back(self) -> None:
        with contextlib.suppress(OSError):  # a window that was closed takes no more words
            self._write(_LEAVE)
        with contextlib.suppress(Exception):
            self._cook()

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self._give_back()
        mine = signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # stops here, and goes on here
        signal.signal(number, mine)
        self._take()

    def _size(self) -> tuple[int, int]:
        try:
            columns, rows = os.get_terminal_size(self._target.fileno())
        except OSError:
            columns, rows = 80, 24
        return columns or 80, rows or 24

    def _draw(self) -> None:
        columns, rows = self._size()
        footer = rendered(self._footer, columns, colour=True)[: rows // 2]
        body = rendered(self._body, columns, colour=True)
        room = max(rows - len(footer), 1)
        last = max(len(body) - room, 0)
        self._offset = min(max(self._offset, 0), last)
        shown = body[self._offset : self._offset + room]
        if self._offset < last:  # the last line says that there is more
            shown[-1] = "-- more: space or j --"[:columns]
        lines = shown + [""] * (room - len(shown)) + footer
        # Cleared before and not after: at the last column some would clear the last character.
        self._write("\x1b[H" + "\r\n".join(f"\x1b[2K{line}\x1b[0m" for line in lines[:rows]))

    def _write(self, text: str) -> None:
        self._target.write(text)
        self._target.flush()

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wakes, 512):
                pass

    def _read(self) -> str:
        first = os.read(self._source, 1)
        if first in (b"", b"\x04"):
            return "end"
        if first in (b"\r", b"\n"):
            return "enter"
        if first == b"\x1b":
            rest = self._sequence()
            return _SEQUENCES.get(rest, "escape" if not rest else "unknown")
        length = 1 + (first[0] >= 0xC0) + (first[0] >= 0xE0) + (first[0] >= 0xF0)
        whole = first + (os.read(self._source, length - 1) if length > 1 else b"")
        return whole.decode(errors="replace")

    def _sequence(self) -> bytes:
        """What follows an escape: one whole sequence, and nothing of the next key."""
        rest = b""
        while select.select([self._source], [], [], _AFTER_ESCAPE)[0]:
            rest += os.read(self._source, 1)
            if len(rest) > 1 and 0x40 <= rest[-1] <= 0x7E:
                break
            if rest[:1] not in (b"[", b"O") or len(rest) > 16:
                break
        return rest

    def _step(self, name: str) -> int | None:
        page = max(self._size()[1] - len(self._footer) - 2, 1)
        steps = {"up": -1, "k": -1, "down": 1, "j": 1, "page up": -page, "page down": page}
        return page if name == " " else steps.get(name)


def _end(number: int, _frame: FrameType | None) -> None:
    # An exception, so that the terminal is given back on the way out.
    raise SystemExit(128 + number)

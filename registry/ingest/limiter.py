"""One turn at a time, three seconds apart, for all processes of the user.

arXiv asks for one request every three seconds over one connection, from all of one's machines
together. The turn is a lock on a file below ``$XDG_STATE_HOME/posttrain-registry``; beside it
stands when the last request ended, and until when the service asked us to stay away. Both outlive
the process.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from registry.core.atomic import write_atomic
from registry.core.errors import ArxivError, RateLimitedError
from registry.ingest.moments import mail_moment

INTERVAL = 3.0  # seconds; arXiv's terms of use
_DAY = 86400.0
_WITHOUT_WORD = 600.0  # a refusal that does not say how long: ten minutes, doubled each time
_LONGEST_GUESS = 3600.0


class TurnError(ArxivError):
    """Nobody can say whose turn it is: asking arXiv all the same would be rude."""


@dataclass(frozen=True)
class _State:
    last: float = 0.0  # seconds since 1970, when the last request ended
    cool_until: float = 0.0
    reason: str = ""
    refusals: int = 0  # in a row


class Limiter:
    """Turns at one service. ``waited`` counts the seconds slept here.

    ``patience`` is the longest wait in seconds that is slept through; a longer cool-down raises
    RateLimitedError instead.
    """

    def __init__(
        self,
        folder: Path,
        service: str = "arxiv.org",
        *,
        interval: float = INTERVAL,
        patience: float = 30.0,
        lock_seconds: float = 300.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.interval, self.patience, self.lock_seconds = interval, patience, lock_seconds
        self.waited = 0.0
        self._clock, self._sleep = clock, sleep
        self._lock_path = folder / f"{service}.lock"
        self._state_path = folder / f"{service}.json"

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The right to make one request, when its time has come.

        Raises RateLimitedError while a cool-down is longer than ``patience``, and TurnError
        where another process keeps its turn for ``lock_seconds`` or nothing can be written down.
        """
        with self._locked():
            self._wait_for(self._seconds_to_wait())
            # Before too: a process that is killed during its request has made it.
            self._write(last=self._clock())
            try:
                yield
            finally:
                self._write(last=self._clock())

    def cool_down(self, reason: str, seconds: float | None = None) -> datetime:
        """Stay away for ``seconds``, in every process; without a number, longer each time.

        To be called within a turn. Gives the end of it.
        """
        state = self._read()
        guess = min(_WITHOUT_WORD * 2**state.refusals, _LONGEST_GUESS)
        until = self._clock() + min(guess if seconds is None else seconds, _DAY)
        self._write(cool_until=until, reason=reason, refusals=state.refusals + 1)
        return datetime.fromtimestamp(until, UTC).replace(microsecond=0)

    def succeeded(self) -> None:
        """Forget earlier refusals. To be called within a turn."""
        if self._read().refusals:
            self._write(cool_until=0.0, reason="", refusals=0)

    def _seconds_to_wait(self) -> float:
        state, now = self._read(), self._clock()
        # A clock that was set back must not make us wait for the old future.
        cooling = min(state.cool_until - now, _DAY)
        if cooling > self.patience:
            until = datetime.fromtimestamp(now + cooling, UTC).replace(microsecond=0)
            raise RateLimitedError(
                f"arXiv asked us to wait ({state.reason}) until {until:%Y-%m-%d %H:%M:%S} UTC. "
                "What is stored stays; run the same command again after that.",
                until,
            )
        pause = self.interval - max(0.0, now - state.last)
        return max(pause, cooling, 0.0)

    def _wait_for(self, seconds: float) -> None:
        if seconds > 0:
            self._sleep(seconds)
            self.waited += seconds

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._lock_path.parent.mkdir(parents=True, exist_ok=True)
            file = self._lock_path.open("a")
        except OSError as error:
            raise TurnError(
                f"the lock {self._lock_path} that keeps requests apart cannot be used: "
                f"{error.strerror}. Name a writable folder in XDG_STATE_HOME."
            ) from None
        with file:
            self._take(file)
            yield

    def _take(self, file: IO[str]) -> None:
        began = time.monotonic()
        while True:
            try:
                # The lock goes with the process, however that ends.
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() - began > self.lock_seconds:
                    raise TurnError(
                        f"another process has held the turn at arXiv for {self.lock_seconds:.0f} "
                        f"seconds (lock {self._lock_path}). Let it end, or end it, and try again."
                    ) from None
                time.sleep(0.05)
        self.waited += time.monotonic() - began

    def _read(self) -> _State:
        try:
            said = _State(**json.loads(self._state_path.read_text()))
            moments = float(said.last), float(said.cool_until)
            return _State(*moments, str(said.reason), int(said.refusals))
        except (OSError, ValueError, TypeError, OverflowError):
            return _State()

    def _write(self, **changes: float | str | int) -> None:
        text = json.dumps({**asdict(self._read()), **changes}) + "\n"
        try:
            write_atomic(self._state_path, text)
        except OSError as error:
            raise TurnError(
                f"{self._state_path}, which keeps requests apart, cannot be written: "
                f"{error.strerror}. Free some space, or name a writable folder in XDG_STATE_HOME."
            ) from None


def state_folder() -> Path:
    """Where the turns are kept: the user's, shared by all workspaces."""
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "posttrain-registry"


def retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds from a ``Retry-After`` header: a number or an HTTP date; None where it has neither.

    >>> retry_after("120", datetime.now(UTC))
    120.0
    """
    value = (text or "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (mail_moment(value) - now).total_seconds())
    except ValueError:
        return None

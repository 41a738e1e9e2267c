"""A query's time cut into slices, each one unit of work: planned, fetched, judged.

A slice is whole days in UTC, of the date of version 1. Slices lie on the calendar (weeks from
Monday), not on the day a command was given, so that the next command meets the same ones. The
slice is the watermark; the newest date seen never is.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from registry.core.errors import UsageError
from registry.core.plural import plural
from registry.store.preprints import Preprint

Status = Literal["pending", "fetching", "done", "suspect"]
Step = Literal["day", "week"]

EARLIEST = date(1991, 8, 1)
# Moderation holds papers for days and the index lags by more: a slice is final only when it was
# fetched this long after its end.
SETTLES = timedelta(days=14)
_LAG = timedelta(days=5)
_AGAIN = timedelta(hours=20)  # arXiv: the same query at most once a day
_FIRST_RETRY = timedelta(minutes=10)
_LAST_RETRY = timedelta(days=1)
_SKEW = timedelta(hours=1)  # between the clocks of machines that share a database
_MINUTE = timedelta(minutes=1)
_SMALLEST = timedelta(hours=1)
_EMPTY = "no paper at all"


@dataclass(frozen=True, order=True)
class Slice:
    """The moments from ``start`` up to, not including, ``end``; aware, on whole minutes."""

    start: datetime
    end: datetime

    @property
    def clause(self) -> str:
        """The slice in arXiv's syntax, whose ends are both included, in minutes of GMT."""
        last = self.end - _MINUTE
        return f"submittedDate:[{self.start:%Y%m%d%H%M} TO {last:%Y%m%d%H%M}]"

    @property
    def has_weekday(self) -> bool:
        """Whether any of it lies between Monday and Friday."""
        if self.end <= self.start:
            return False
        hours = int((self.end - self.start) / timedelta(hours=1))
        moments = (self.start + timedelta(hours=h) for h in range(0, max(hours, 1), 12))
        return any(moment.weekday() < 5 for moment in moments)

    def halves(self) -> tuple[Slice, Slice]:
        """The slice cut in two. Raises UsageError where it is too short to cut."""
        if self.end - self.start < 2 * _SMALLEST:
            raise UsageError(
                f"the query finds over 1000 papers between {self.start:%Y-%m-%d %H:%M} and "
                f"{self.end:%H:%M} UTC. Allowed: at most 1000 an hour. Make the query narrower."
            )
        half = (self.end - self.start) / 2
        middle = self.start + timedelta(minutes=half // _MINUTE)
        return Slice(self.start, middle), Slice(middle, self.end)

    def __str__(self) -> str:
        last = self.end - _MINUTE
        if self.start.time() == time() and self.end.time() == time():
            days = (self.start.date(), last.date())
            return f"{days[0]}" if days[0] == days[1] else f"{days[0]}..{days[1]}"
        return f"{self.start:%Y-%m-%d %H:%M}..{last:%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class Window:
    """A slice of a source as the store remembers it."""

    id: int
    slice: Slice
    status: Status = "pending"
    total_reported: int | None = None
    total_stored: int | None = None
    attempts: int = 0
    next_try_at: datetime | None = None
    finished_at: datetime | None = None
    error: str | None = None
    token: str | None = None  # where a harvest by OAI-PMH goes on
    token_ends: datetime | None = None
    responded: datetime | None = None  # the service's clock in its first answer


def slices(since: date, until: date, step: Step = "week") -> Iterator[Slice]:
    """The days from ``since`` to ``until``, both included, cut at every day or every Monday.

    They cover the days without a gap and without overlap. Raises UsageError for days in the
    wrong order or before arXiv.
    """
    if since < EARLIEST or since > until:
        raise UsageError(
            f"--since {since} --until {until}: allowed are days from {EARLIEST} on, the earlier "
            "one first."
        )
    begin = since
    while begin <= until:
        days = 1 if step == "day" else 7 - begin.weekday()
        end = min(begin + timedelta(days=days), until + timedelta(days=1))
        yield Slice(_midnight(begin), _midnight(end))
        begin = end


def is_due(window: Window, now: datetime, *, retry: bool = False) -> bool:
    """Whether to fetch ``window`` now.

    One that is done is fetched again, at most once a day, until it was fetched a fortnight after
    its end. One that failed waits for its next try, unless ``retry``. A moment that lies where
    no clock that is right can have put it counts for nothing.
    """
    if window.status == "done":
        fetched = window.finished_at
        if fetched is None or fetched > now + _SKEW:
            return True
        return fetched < window.slice.end + SETTLES and now - fetched >= _AGAIN
    if window.status == "suspect" and window.next_try_at is not None:
        wait = window.next_try_at - now
        return retry or wait <= timedelta(0) or wait > _LAST_RETRY
    return True


def announced_between(earlier: datetime, later: datetime) -> bool:
    """Whether arXiv announced papers between two moments, and so forgot what it kept of answers.

    They are made at 20:00 in New York from Sunday to Thursday, and OAI-PMH has them by 22:30; at
    04:00 UTC from Monday to Friday all is settled, in summer and winter.
    """
    moment = earlier.replace(hour=4, minute=0, second=0, microsecond=0)
    while moment <= later:
        if moment > earlier and moment.weekday() < 5:
            return True
        moment += timedelta(days=1)
    return False


def next_try(attempts: int, now: datetime) -> datetime:
    """When to try again after ``attempts`` failures: ten minutes, doubled up to a day."""
    doublings = min(max(attempts - 1, 0), 10)
    return now + min(_FIRST_RETRY * float(2**doublings), _LAST_RETRY)


def suspicion(
    window: Window,
    total: int,
    records: Sequence[Preprint],
    totals: Iterable[int],
    now: datetime,
) -> str | None:
    """Why an answer for ``window`` cannot be the whole truth; None where nothing speaks against it.

    ``totals`` are what other slices of the same source held, the nearest first. An empty slice
    among full ones is believed when it is empty again, long after its end; one that holds fewer
    papers than it did, when it does so again.
    """
    distinct = {record.id for record in records}
    if len(distinct) != total:
        return f"{len(distinct)} different papers came where arXiv counts {total}"
    # A day of grace: the filter and <published> do not always agree on the time of day.
    begin, end = window.slice.start - timedelta(days=1), window.slice.end + timedelta(days=1)
    for record in records:
        if not begin <= record.published < end:
            return f"{record.id} is of {record.published:%Y-%m-%d}: the date filter was ignored"
    before = (window.total_stored or 0) if window.finished_at else 0
    if total == 0:
        again = (window.error or "").startswith(_EMPTY) and now >= window.slice.end + SETTLES
        return None if again else _emptiness(window, before, list(totals)[:8], now)
    if total < before:
        doubt = f"{plural(total, 'paper')}, where there were {before}"
        return None if window.error == doubt else doubt
    return None


def _emptiness(window: Window, before: int, totals: list[int], now: datetime) -> str | None:
    if before:
        return f"{_EMPTY}, where there were {before}"
    expected = totals and _known_part(window.slice, now).has_weekday
    usual = statistics.median(totals) if expected else 0
    return f"{_EMPTY}, where {usual:.0f} are usual" if usual > 0 else None


def _known_part(slice_: Slice, now: datetime) -> Slice:
    """``slice_``, or where it is still running the part that the index should know by now."""
    if slice_.end <= now:
        return slice_
    return Slice(slice_.start, max(slice_.start, now - _LAG))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)

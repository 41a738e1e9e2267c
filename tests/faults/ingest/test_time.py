"""Clocks that jump, nights of 23 and 25 hours, quiet days, broken days and yesterday's news."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from registry.core.errors import PartialError
from registry.ingest.harvest import harvest_query
from registry.ingest.ledger import known_windows
from registry.ingest.limiter import Limiter
from registry.ingest.summary import Summary
from registry.store.engine import Store
from tests.fake_arxiv import FakeArxiv, Work, corpus
from tests.faults.ingest.walks import QUERY, client, stored, truth

SetClock = Callable[[datetime], None]
MONDAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
[WORK] = corpus(1)


def works_on(*days: date, each: int = 2) -> list[Work]:
    """Some papers at noon of each of ``days``."""
    numbered = [(day, n) for day in days for n in range(each)]
    return [
        replace(WORK, id=f"2603.{k:05d}", published=at, updated=at)
        for k, (day, _) in enumerate(numbered, 1)
        for at in [datetime(day.year, day.month, day.day, 12, tzinfo=UTC)]
    ]


def days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=n) for n in range(count)]


def walk(
    store: Store,
    service: FakeArxiv,
    limiter: Limiter,
    since: date,
    until: date,
    retry: bool = False,
) -> Summary:
    return harvest_query(store, client(service, limiter), QUERY, since, until, "day", retry=retry)


# -- quiet and broken -----------------------------------------------------------------------------


def test_no_paper_at_a_weekend_is_quiet_and_none_on_a_tuesday_is_broken(
    store: Store, limiter: Limiter
) -> None:
    quiet = {date(2026, 3, 7), date(2026, 3, 8), date(2026, 3, 10)}  # Sat, Sun, and a Tuesday
    works = works_on(*(d for d in days(MONDAY, 10) if d not in quiet))
    with FakeArxiv(works) as service:
        summary = walk(store, service, limiter, MONDAY, date(2026, 3, 11))

    assert (summary.done, summary.suspect) == (9, 1)
    assert isinstance(summary.failure, PartialError) and summary.failure.exit_code == 3
    assert summary.notes == ["2026-03-10: no paper at all, where 2 are usual"]


def test_a_holiday_without_papers_is_believed_when_it_stays_empty(
    store: Store, limiter: Limiter, set_clock: SetClock
) -> None:
    holiday = date(2026, 3, 10)
    with FakeArxiv(works_on(*(d for d in days(MONDAY, 9) if d != holiday))) as service:
        set_clock(NOON + timedelta(days=9))
        first = walk(store, service, limiter, MONDAY, holiday)
        assert (first.suspect, first.failure.exit_code) == (1, 3)

        set_clock(NOON + timedelta(days=30))
        again = walk(store, service, limiter, MONDAY, holiday)

    assert (again.suspect, again.failure) == (0, None)


def test_a_day_that_was_broken_and_is_whole_again_is_filled(store: Store, limiter: Limiter) -> None:
    with FakeArxiv(works_on(*days(MONDAY, 5))) as service:
        service.faults = [None, None, "nothing"]
        broken = walk(store, service, limiter, MONDAY, date(2026, 3, 6))
        assert (broken.done, broken.suspect) == (4, 1)

        mended = walk(store, service, limiter, MONDAY, date(2026, 3, 6), retry=True)

        assert mended.failure is None
        assert stored(store) == truth(service.works)


def test_a_query_that_never_finds_anything_says_so(store: Store, limiter: Limiter) -> None:
    with FakeArxiv([]) as service:
        summary = walk(store, service, limiter, MONDAY, date(2026, 3, 6))

    assert summary.counts.new == 0
    assert any("found no paper in 5 slices, nor ever" in note for note in summary.notes)


# -- yesterday's news -----------------------------------------------------------------------------


def test_yesterdays_answer_byte_for_byte_is_not_todays(
    store: Store, limiter: Limiter, set_clock: SetClock
) -> None:
    with FakeArxiv(works_on(MONDAY)) as service:
        set_clock(NOON + timedelta(hours=1))
        service.clock = NOON + timedelta(hours=1)
        assert walk(store, service, limiter, MONDAY, MONDAY).failure is None

        service.works += works_on(MONDAY, each=3)[2:]  # submitted late in the day
        set_clock(NOON + timedelta(days=1, hours=1))
        service.clock = NOON + timedelta(days=1, hours=1)
        service.fault = "stale"
        told = walk(store, service, limiter, MONDAY, MONDAY)

        assert (told.done, told.suspect, told.failure.exit_code) == (0, 1, 3)
        assert "byte for byte" in told.notes[0]

        service.fault = None
        assert walk(store, service, limiter, MONDAY, MONDAY, retry=True).failure is None
        assert stored(store) == truth(service.works)


def test_the_same_answer_within_the_hour_is_no_news_either_way(
    store: Store, limiter: Limiter
) -> None:
    """A service may keep its answers for a while: two queries may share one."""
    with FakeArxiv(works_on(MONDAY)) as service:
        assert walk(store, service, limiter, MONDAY, MONDAY).failure is None
        service.fault = "stale"
        again = harvest_query(store, client(service, limiter), f"({QUERY})", MONDAY, MONDAY, "day")

    assert again.failure is None


# -- clocks ---------------------------------------------------------------------------------------


def test_a_slice_marked_done_by_a_clock_that_was_ahead_is_asked_again(
    store: Store, limiter: Limiter, set_clock: SetClock
) -> None:
    with FakeArxiv(works_on(MONDAY)) as service:
        set_clock(NOON + timedelta(days=3650))
        assert walk(store, service, limiter, MONDAY, MONDAY).done == 1
        service.works += works_on(MONDAY, each=3)[2:]

        set_clock(NOON + timedelta(days=1))  # the right time again
        walk(store, service, limiter, MONDAY, MONDAY)

        assert stored(store) == truth(service.works)


def test_a_retry_put_off_by_a_clock_that_was_ahead_is_not_put_off_for_years(
    store: Store, limiter: Limiter, set_clock: SetClock
) -> None:
    with FakeArxiv(works_on(MONDAY)) as service:
        service.fault = "500"
        set_clock(NOON + timedelta(days=3650))
        assert walk(store, service, limiter, MONDAY, MONDAY).suspect == 1
        service.fault = None

        set_clock(NOON + timedelta(days=1))
        walk(store, service, limiter, MONDAY, MONDAY)

        assert stored(store) == truth(service.works)


def test_a_clock_that_stands_in_the_past_loses_nothing(
    store: Store, limiter: Limiter, set_clock: SetClock
) -> None:
    with FakeArxiv(works_on(*days(MONDAY, 3))) as service:
        set_clock(datetime(1970, 1, 1, tzinfo=UTC))
        assert walk(store, service, limiter, MONDAY, date(2026, 3, 4)).failure is None
        set_clock(NOON + timedelta(days=40))
        assert walk(store, service, limiter, MONDAY, date(2026, 3, 4)).failure is None

        assert stored(store) == truth(service.works)


@pytest.fixture(params=["America/New_York", "Europe/Berlin", "Pacific/Kiritimati"])
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


def test_a_night_of_23_or_25_hours_is_a_day_like_any_other(
    store: Store, limiter: Limiter, zone: str
) -> None:
    # 2026-03-08 has 23 hours in New York, 2026-03-29 in Berlin; 2026-11-01 and 10-25 have 25.
    for first in (date(2026, 3, 7), date(2026, 3, 28), date(2026, 10, 24), date(2026, 10, 31)):
        marks = [datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(minutes=m)
                 for m in (0, 1439, 1440, 1530, 1590, 2879, 2880, 4319)]  # fmt: skip
        works = [
            replace(WORK, id=f"{at:%y%m}.{first.day * 100 + n:05d}", published=at, updated=at)
            for n, at in enumerate(marks, 1)
        ]
        with FakeArxiv(works) as service:
            summary = walk(store, service, limiter, first, first + timedelta(days=2))
            windows = known_windows(store, "query", QUERY)

        assert summary.failure is None
        assert truth(works).items() <= stored(store).items()
        assert {w.end - w.start for w in windows} == {timedelta(days=1)}
        assert [windows[w].total_stored for w in sorted(windows)][-3:] == [2, 4, 2]


def test_a_time_to_wait_given_as_a_date_does_not_depend_on_the_zone(
    service: FakeArxiv, store: Store, limiter: Limiter, zone: str
) -> None:
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=50)
    service.faults = [f"429:{until:%a, %d %b %Y %H:%M:%S} GMT"]

    failure = walk(store, service, limiter, MONDAY, MONDAY).failure

    assert abs(failure.until - until) <= timedelta(seconds=5)

"""RSS is a hint: whatever is wrong with a feed is told, and no paper depends on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from registry.core.errors import ArxivError
from registry.ingest.limiter import Limiter
from registry.ingest.summary import Summary
from registry.store.engine import Store
from tests.fake_arxiv import FakeArxiv, corpus
from tests.faults.ingest.walks import by_rss

TUESDAY = datetime(2026, 3, 10, 15, tzinfo=UTC)
SetClock = Callable[[datetime], None]
HOLDS = {
    "400": 1, "403": 4, "429:3600": 4, "500": 3, "503": 4, "rate-text": 4, "html": 3,
    "html-as-atom": 3, "empty": 3, "bomb": 3, "external": 3, "deep": 3, "redirect": 1,
    "as:text/html": 3, "truncated": 3, "half": 3, "reset": 3, "reset-mid": 3, "control": 3,
    "hang": 3, "drip": 3, "big:25000000": 3, "error-entry": 3,
}  # fmt: skip


@pytest.fixture
def service() -> Iterator[FakeArxiv]:
    """One with papers on every day."""
    with FakeArxiv(corpus(90)) as running:
        yield running


@pytest.fixture
def at(service: FakeArxiv, set_clock: SetClock) -> SetClock:
    """Here and there it is ``moment``."""

    def put(moment: datetime) -> None:
        set_clock(moment)
        service.clock = moment

    put(TUESDAY)
    return put


@pytest.mark.parametrize("fault", HOLDS)
def test_a_feed_that_cannot_be_read_is_told_and_read_when_it_can(
    service: FakeArxiv, store: Store, limiter: Limiter, at: SetClock, fault: str
) -> None:
    service.fault = fault
    told = by_rss(store, service, limiter, read_seconds=0.1, total_seconds=0.2)
    assert isinstance(told.failure, ArxivError)
    assert told.failure.exit_code == HOLDS[fault]
    assert told.hinted == []

    service.fault = None
    limiter._state_path.unlink(missing_ok=True)
    mended = by_rss(store, service, limiter)
    assert mended.failure is None
    assert mended.hinted


def days(store: Store, service: FakeArxiv, limiter: Limiter, at: SetClock, n: int) -> Summary:
    """The feed on each of ``n`` days up to Tuesday's, the last one told."""
    for back in range(n - 1, -1, -1):
        at(TUESDAY - timedelta(days=back))
        summary = by_rss(store, service, limiter)
    return summary


def test_a_weekend_without_announcements_is_quiet_and_a_weekday_without_is_broken(
    service: FakeArxiv, store: Store, limiter: Limiter, at: SetClock
) -> None:
    for back in range(6, -1, -1):  # Wednesday to Tuesday
        day = TUESDAY - timedelta(days=back)
        at(day)
        service.fault = "nothing" if back == 0 else None
        summary = by_rss(store, service, limiter)
        assert (summary.suspect, day.weekday()) == (back == 0, day.weekday()), summary.notes

    assert summary.failure.exit_code == 3
    assert "no announcement at all" in " ".join(summary.notes)


def test_mondays_papers_under_tuesdays_date_are_suspect_however_often_they_come(
    service: FakeArxiv, store: Store, limiter: Limiter, at: SetClock
) -> None:
    days(store, service, limiter, at, 2)
    at(TUESDAY + timedelta(days=1))
    service.fault = "repeats"

    for _ in range(3):
        summary = by_rss(store, service, limiter)
        assert summary.suspect == 1
        assert "repeats the announcements of 2026-03-10" in " ".join(summary.notes)

    service.fault = None
    assert by_rss(store, service, limiter).failure is None


def test_yesterdays_feed_byte_for_byte_is_suspect(
    service: FakeArxiv, store: Store, limiter: Limiter, at: SetClock
) -> None:
    assert by_rss(store, service, limiter).failure is None
    at(TUESDAY + timedelta(days=1))
    service.fault = "stale"

    summary = by_rss(store, service, limiter)

    assert (summary.suspect, summary.failure.exit_code) == (1, 3)
    assert "is of 2026-03-10, where that of 2026-03-11 is due" in " ".join(summary.notes)


def test_a_feed_that_has_not_changed_costs_no_second_reading(
    service: FakeArxiv, store: Store, limiter: Limiter, at: SetClock
) -> None:
    first = by_rss(store, service, limiter)
    again = by_rss(store, service, limiter)

    assert (again.failure, again.hinted) == (None, first.hinted)
    assert service.visits[1].headers["If-None-Match"].startswith('"')
    assert "has not changed" in " ".join(again.notes)


def test_every_category_is_asked_for_at_once(
    service: FakeArxiv, store: Store, limiter: Limiter, at: SetClock
) -> None:
    by_rss(store, service, limiter)

    assert [visit.path for visit in service.visits] == ["/rss/cs.LG+cs.CL"]


@pytest.mark.parametrize("fault", ["no-guid", "bad-guid", "no-type"])
def test_an_item_that_is_not_right_is_named_or_read_from_its_other_parts(
    service: FakeArxiv, store: Store, limiter: Limiter, at: SetClock, fault: str
) -> None:
    whole = set(by_rss(store, service, limiter).hinted)
    at(TUESDAY + timedelta(hours=1))
    service.fault = fault
    service.works = [w for w in service.works if w.updated < TUESDAY]

    summary = by_rss(store, service, limiter)

    assert set(summary.hinted) == whole
    assert summary.failure is None or summary.failure.exit_code == 3

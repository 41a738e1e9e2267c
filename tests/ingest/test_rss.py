from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from registry.core.errors import UsageError
from registry.ingest import harvest_rss as walk
from registry.ingest.harvest import harvest_ids
from registry.ingest.harvest_rss import harvest_rss, hinted_ids
from registry.ingest.http import FeedError, Fetcher, Limits
from registry.ingest.limiter import Limiter
from registry.ingest.rss import RssClient, categories_of, expected_day, read_rss
from registry.ingest.summary import Summary
from registry.store.engine import Store
from registry.store.history_schema import announcements
from registry.store.queries import candidates
from tests.fake_arxiv import FakeArxiv, corpus

WEDNESDAY = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)
CATEGORIES = ("cs.LG", "cs.CL")
WEEKEND = frozenset({"Saturday", "Sunday"})


class Clock:
    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock(WEDNESDAY)
    monkeypatch.setattr(walk, "now", made)
    return made


Read = Callable[..., Summary]


@pytest.fixture
def read(store: Store, tmp_path: Path, clock: Clock) -> Read:
    """Reads the service's feed at the clock's time, or at another's."""

    def run(service: FakeArxiv, moment: datetime | None = None, **limits: int) -> Summary:
        service.clock = moment or clock.moment
        quick = Limits(backoff_seconds=0.0, read_seconds=2.0, total_seconds=2.0, **limits)
        fetcher = Fetcher(Limiter(tmp_path / "state", interval=0.0), quick, sleep=lambda _: None)
        return harvest_rss(store, RssClient(service.rss_url, fetcher), CATEGORIES)

    return run


def test_a_feed_hints_at_what_is_not_here(
    store: Store, service: FakeArxiv, read: Read, client_of
) -> None:
    summary = read(service)

    announced = {
        w.id
        for w in service.works
        if w.updated.date() == WEDNESDAY.date() - timedelta(days=1)
        and {*w.categories} & {*CATEGORIES}
    }
    assert len(announced) > 0
    assert (set(summary.hinted), summary.done, summary.failure) == (announced, 1, None)
    assert candidates(store) == [], "a feed is no source of truth"

    with store.read() as connection:
        wanted = hinted_ids(connection)
    harvest_ids(store, client_of(service), wanted)
    with store.read() as connection:
        assert hinted_ids(connection) == []
    assert {c.id for c in candidates(store)} == announced


def test_a_feed_is_asked_for_again_by_its_tag(store: Store, service: FakeArxiv, read: Read) -> None:
    read(service)
    clock = service.clock
    again = read(service, clock.replace(minute=30))

    assert service.visits[-1].headers["If-None-Match"].startswith('"')
    assert (again.done, again.suspect) == (1, 0)
    assert "has not changed" in again.notes[0]


def test_yesterdays_feed_is_suspect(service: FakeArxiv, read: Read) -> None:
    summary = read(service, WEDNESDAY - timedelta(days=1))

    assert summary.suspect == 1
    assert "is of 2026-03-10, where that of 2026-03-11 is due" in summary.notes[0]
    assert summary.failure is not None
    assert summary.failure.exit_code == 3


@pytest.mark.parametrize("year", [2027, 9999])
def test_a_feed_of_a_day_to_come_is_suspect_and_its_papers_are_of_today(
    store: Store, service: FakeArxiv, read: Read, clock: Clock, year: int
) -> None:
    last = datetime(year, 12, 31, tzinfo=UTC)
    service.works = [replace(service.works[0], id="2603.07777", updated=last - timedelta(days=1))]
    summary = read(service, last)

    assert (summary.suspect, summary.hinted) == (1, ["2603.07777"])
    assert f"is of {year}-12-31, where that of 2026-03-11 is due" in summary.notes[-1]
    clock.moment += timedelta(days=30)
    assert read(service).hinted == []  # and it is not asked for until then


def test_a_feed_that_never_changes_is_suspect_the_next_day(
    service: FakeArxiv, read: Read, clock: Clock
) -> None:
    read(service)
    clock.moment += timedelta(days=1)
    summary = read(service, WEDNESDAY)

    assert summary.suspect == 1
    assert "where that of 2026-03-12 is due" in summary.notes[-1]


def test_yesterdays_announcements_under_todays_date_are_suspect(
    service: FakeArxiv, read: Read, clock: Clock
) -> None:
    read(service)
    clock.moment += timedelta(days=1)
    service.faults = ["repeats"]
    summary = read(service)

    assert summary.suspect == 1
    assert "repeats the announcements of 2026-03-11" in summary.notes[-1]


def test_an_empty_feed_is_quiet_on_a_sunday_and_broken_on_a_thursday(
    service: FakeArxiv, read: Read, clock: Clock
) -> None:
    read(service)
    clock.moment = WEDNESDAY + timedelta(days=4)
    assert (read(service).done, read(service).suspect) == (1, 0)

    clock.moment = WEDNESDAY + timedelta(days=1)
    service.fault = "nothing"
    broken = read(service)
    assert broken.suspect == 1
    assert "no announcement at all" in broken.notes[-1]


def test_every_kind_of_announcement_is_written_down_once(
    store: Store, service: FakeArxiv, read: Read
) -> None:
    read(service)
    read(service, service.clock + timedelta(minutes=5))

    with store.read() as connection:
        rows = connection.execute(select(announcements)).all()
    assert len({(r.preprint_id, r.version) for r in rows}) == len(rows)
    assert {r.announce_type for r in rows} <= {"new", "cross"}
    assert {r.announced for r in rows} == {WEDNESDAY.date()}


def test_an_item_that_names_no_paper_is_told(service: FakeArxiv, read: Read) -> None:
    service.faults = ["bad-guid"]
    summary = read(service)

    assert any("names no paper" in note for note in summary.notes)


def test_no_request_left_stops_it_without_a_verdict(service: FakeArxiv, read: Read) -> None:
    read(service, most_requests=1)
    summary = read(service, most_requests=0)

    assert (summary.left, summary.suspect) == (1, 0)
    assert "0 requests" in str(summary.failure)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-11T15:00", "2026-03-11"),  # a Wednesday's afternoon
        ("2026-03-11T09:00", "2026-03-10"),  # four in the morning in New York: not out yet
        ("2026-03-14T15:00", "2026-03-13"),  # a Saturday: Friday's
        ("2026-03-16T08:00", "2026-03-13"),  # a Monday before it is out
    ],
)
def test_the_feed_that_is_due_follows_new_york(moment: str, day: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    assert expected_day(at, WEEKEND).isoformat() == day


def test_categories_are_given_in_any_way() -> None:
    assert categories_of("cs.LG, cs.CL+hep-th") == ("cs.LG", "cs.CL", "hep-th")
    with pytest.raises(UsageError, match="no category"):
        categories_of("cs.LG/../x")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html/>", "<html>, not an RSS feed"),
        (b"", "empty"),
        (b"<rss><channel><title>x</title></channel></rss>", "does not say its date"),
        (b"<rss><channel><title>Feed error for query: x</title></channel></rss>", "is an error"),
    ],
)
def test_anything_else_is_no_feed(content: bytes, said: str) -> None:
    with pytest.raises(FeedError, match=said):
        read_rss(content)


def test_the_fingerprint_is_of_the_announcements_alone(service: FakeArxiv) -> None:
    from tests.fake_arxiv import rss

    works = corpus(60)
    one, _ = rss.answer(works, "cs.LG", "", WEDNESDAY)
    same, _ = rss.answer(works, "cs.LG", "repeats", WEDNESDAY + timedelta(days=1))
    other, _ = rss.answer(works, "cs.LG", "", WEDNESDAY + timedelta(days=1))

    assert one != same
    assert read_rss(one).fingerprint == read_rss(same).fingerprint
    assert read_rss(one).fingerprint != read_rss(other).fingerprint

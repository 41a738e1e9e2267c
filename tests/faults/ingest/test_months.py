"""Weeks of mornings on which anything may go wrong: in the end everything is there, once.

Papers become visible days after they were submitted, as moderation and the index have it; clocks
go on from day to day; each morning meets faults drawn from a seed. A morning that says all is well
has all that was visible then.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from registry.ingest.harvest import harvest_query
from registry.ingest.limiter import Limiter
from registry.ingest.summary import Summary
from registry.store.engine import Store
from tests.fake_arxiv import FakeArxiv, Work, corpus, revised
from tests.faults.ingest.walks import QUERY, by_oai, client, stored, truth

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
FAULTS = [
    "500", "html", "empty", "truncated", "half", "reset", "429:3600", "rate-text", "nothing",
    "no-entries", "no-records", "bad-token", "midnight", "control", "no-published", "no-version",
    "short-page", "duplicate", "ignores-dates", "wrong-total",
]  # fmt: skip
SetClock = Callable[[datetime], None]


def daily_query(store: Store, service: FakeArxiv, limiter: Limiter, today: date) -> Summary:
    asked = client(service, limiter, page_size=5)
    return harvest_query(store, asked, QUERY, MONDAY.date(), today, retry=True)


def daily_oai(store: Store, service: FakeArxiv, limiter: Limiter, today: date) -> Summary:
    # The first time a day is named; from then on the store knows where it was.
    first = not any(visit.path == "/oai" for visit in service.visits[:-1])
    service.page_size = 5
    return by_oai(store, service, limiter, since=MONDAY.date() if first else None)


def history(draw: random.Random, count: int) -> list[tuple[datetime, Work]]:
    """Works and their later versions, each with the moment from which it can be seen."""
    found = []
    for work in corpus(count, seed=draw.randrange(1000), days=12):
        seen = work.published
        for version in range(1, draw.choice([1, 1, 1, 2, 3]) + 1):
            submitted = work.published + timedelta(days=2 * (version - 1))
            seen = max(seen, announced(submitted + timedelta(hours=draw.randrange(4, 120))))
            made = replace(
                revised(work, version, title=f"{work.title}, {version}"), updated=submitted
            )
            found.append((seen, replace(made, stamp=seen.date())))
    return found


def announced(moment: datetime) -> datetime:
    """The first announcement after ``moment``: at 01:00 UTC from Monday to Friday."""
    found = moment.replace(hour=1, minute=0)
    while found < moment or found.weekday() >= 5:
        found += timedelta(days=1)
    return found


@pytest.mark.parametrize("daily", [daily_query, daily_oai], ids=["query", "oai"])
@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(n, marks=pytest.mark.nightly) for n in range(2, 30))]
)
def test_after_weeks_of_faults_everything_is_there_once(
    store: Store,
    limiter: Limiter,
    set_clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
    daily: Callable[..., Summary],
    seed: int,
) -> None:
    draw = random.Random(seed)
    events = history(draw, 24)
    told = 0
    with FakeArxiv([]) as service:
        for day in range(22):
            morning = MONDAY + timedelta(days=day)
            set_clock(morning)
            service.clock = morning
            service.works = [work for seen, work in events if seen <= morning]
            bad = day < 18 and draw.random() < 0.6
            service.faults = draw.choices([None, *FAULTS], k=6) if bad else []
            met = list(service.faults)

            summary = daily(store, service, limiter, morning.date())

            limiter._state_path.unlink(missing_ok=True)
            told += summary.failure is not None
            # A source that never brought anything says that, and no more.
            if summary.failure is None and stored(store):
                assert _visible(stored(store)) == _visible(truth(service.works)), (
                    day,
                    met,
                    summary,
                )

        assert told >= 1  # the faults did something
        assert stored(store) == truth(work for _, work in events)


def _visible(found: dict[str, Any]) -> dict[str, Any]:
    # Ids and versions; the texts are compared at the end.
    return {id_: facts[0] for id_, facts in found.items()}

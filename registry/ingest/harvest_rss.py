"""From arXiv's feeds to the store: who was announced, and which ids to ask the other services for.

A feed is one window, of the day it announces. It is suspect where it is older than it should be,
where it repeats another day's announcements under its own date, or where it is empty on a day that
usually has some; what it hints at is kept all the same.
"""

from __future__ import annotations

import statistics
import time as clock
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from registry.core.clock import now
from registry.core.errors import ArxivError, RateLimitedError
from registry.core.ids import ArxivId
from registry.core.plural import plural
from registry.ingest import ledger
from registry.ingest.http import BudgetError, RefusedError
from registry.ingest.rss import MOST_ITEMS, RssClient, RssFeed, expected_day, utc_midnight
from registry.ingest.summary import Report, Summary, silent
from registry.ingest.windows import Slice, next_try
from registry.store.arrivals import see
from registry.store.engine import Store
from registry.store.history_schema import announcements
from registry.store.rows import pieces
from registry.store.schema import preprints, versions

_AHEAD = timedelta(days=4)  # of the day that is due: a weekend, and the hours to midnight
_LOOK_BACK = timedelta(days=14)  # the other services know a paper days later


def harvest_rss(
    store: Store, client: RssClient, categories: Sequence[str], *, report: Report = silent
) -> Summary:
    """Today's announcements in ``categories``; ``Summary.hinted`` are the ids not yet here."""
    began = clock.monotonic()
    name = "+".join(categories)
    with store.write() as connection:
        source_id = ledger.source_of(connection, "rss", name)
        state = ledger.state_of(connection, source_id)
    summary = Summary(name)
    report(0, 1, name)
    try:
        feed = client.feed(categories, state.get("etag"))
    except (RateLimitedError, BudgetError, RefusedError) as error:
        summary.stopped, summary.left = error, 1
        with store.write() as connection:
            ledger.log_fetches(connection, source_id, client.fetcher.take_fetches())
    except ArxivError as error:
        day = expected_day(now(), frozenset({"Saturday", "Sunday"}))
        _settle(store, client, source_id, day, None, f"{error}", summary)
    else:
        _keep(store, client, source_id, feed, state, summary)
    report(1, 1, "")
    with store.read() as connection:
        summary.hinted = [str(id_) for id_ in hinted_ids(connection, source_id)]
    fetcher = client.fetcher
    summary.requests = fetcher.requests
    summary.waited_seconds = round(fetcher.limiter.waited + fetcher.waited, 1)
    summary.seconds = round(clock.monotonic() - began, 1)
    return summary


def hinted_ids(connection: Connection, source_id: int | None = None) -> list[ArxivId]:
    """The papers announced of late, by one feed or by any, whose announced version is not here.

    The last announced come first: whoever asks for some of them asks for today's.
    """
    known = and_(
        versions.c.preprint_id == announcements.c.preprint_id,
        or_(announcements.c.version == 0, versions.c.version >= announcements.c.version),
    )
    query = (
        select(announcements.c.preprint_id)
        .outerjoin(versions, known)
        .where(versions.c.preprint_id.is_(None))
        .where(announcements.c.announced >= (now() - _LOOK_BACK).date())
        .group_by(announcements.c.preprint_id)
        .order_by(func.max(announcements.c.announced).desc(), announcements.c.preprint_id)
    )
    if source_id is not None:
        query = query.where(announcements.c.source_id == source_id)
    return [ArxivId(id_) for id_ in connection.execute(query).scalars()]


def _keep(
    store: Store,
    client: RssClient,
    source_id: int,
    feed: RssFeed | None,
    state: dict[str, Any],
    summary: Summary,
) -> None:
    if feed is None:  # the one we have
        day = date.fromisoformat(state["announced"])
        skip_days = frozenset(state.get("skip_days", ()))
        summary.notes.append(f"the feed of {day} has not changed")
        due = expected_day(now(), skip_days)
        doubt = _age(day, due)
        _settle(store, client, source_id, max(day, due), None, doubt, summary)
        return
    due = expected_day(now(), feed.skip_days)
    with store.write() as connection:
        _announce(connection, source_id, feed, min(feed.announced, due + _AHEAD))
        usual = ledger.usual_totals(connection, source_id)
    summary.notes += [f"an item names no paper: {text!r}" for text in feed.flawed]
    if len(feed.hints) >= MOST_ITEMS:
        summary.notes.append(f"the feed is cut at {MOST_ITEMS} items: name fewer categories")
    if doubt := _age(feed.announced, due):
        _settle(store, client, source_id, due, None, doubt, summary)
        return
    doubt = _doubt(feed, state, usual)
    if doubt is None:  # a feed in doubt is asked for whole again, and measured by the same
        known = {
            "etag": feed.etag,
            "announced": feed.announced.isoformat(),
            "fingerprint": feed.fingerprint,
            "skip_days": sorted(feed.skip_days),
        }
        with store.write() as connection:
            ledger.keep_state(connection, source_id, known)
    _settle(store, client, source_id, feed.announced, len(feed.hints), doubt, summary)


def _doubt(feed: RssFeed, state: dict[str, Any], usual: list[int]) -> str | None:
    earlier = state.get("announced")
    repeats = feed.hints and feed.fingerprint == state.get("fingerprint")
    if repeats and earlier != feed.announced.isoformat():
        return f"the feed of {feed.announced} repeats the announcements of {earlier}"
    skipped = f"{feed.announced:%A}" in feed.skip_days
    if not feed.hints and not skipped and usual and statistics.median(usual) > 0:
        return f"no announcement at all, where {statistics.median(usual):.0f} are usual"
    return None


def _age(day: date, due: date) -> str | None:
    fits = due <= day <= due + _AHEAD
    return None if fits else f"the feed is of {day}, where that of {due} is due"


def _announce(connection: Connection, source_id: int, feed: RssFeed, day: date) -> None:
    moment = now()
    for piece in pieces(feed.hints):
        ids = sorted({hint.id for hint in piece})
        query = select(announcements).where(
            announcements.c.source_id == source_id, announcements.c.preprint_id.in_(ids)
        )
        known = {
            (row.preprint_id, row.version, row.announce_type) for row in connection.execute(query)
        }
        rows = [
            {
                "source_id": source_id,
                "preprint_id": hint.id,
                "version": hint.version,
                "announce_type": hint.announce_type,
                "announced": day,
                "first_seen": moment,
            }
            for hint in piece
            if (hint.id, hint.version, hint.announce_type) not in known
        ]
        if rows:
            connection.execute(announcements.insert(), rows)
        here = select(preprints.c.id).where(preprints.c.id.in_(ids))
        see(connection, dict.fromkeys(connection.execute(here).scalars(), moment), source_id)


def _settle(
    store: Store,
    client: RssClient,
    source_id: int,
    day: date,
    total: int | None,
    doubt: str | None,
    summary: Summary,
) -> None:
    start = utc_midnight(day)
    with store.write() as connection:
        ledger.log_fetches(connection, source_id, client.fetcher.take_fetches())
        slice_ = Slice(start, start + timedelta(days=1))
        [window] = ledger.windows_of(connection, source_id, [slice_])
        ledger.begin(connection, window)
        ledger.settle(
            connection,
            window,
            total=window.total_reported if total is None else total,
            stored=window.total_stored if total is None else total,
            error=doubt,
            next_try_at=next_try(window.attempts + 1, now()) if doubt else None,
        )
        if doubt is None:
            ledger.settle_earlier(connection, source_id, window)
    summary.done += doubt is None
    summary.suspect += doubt is not None
    if total is not None:
        summary.notes.append(f"{plural(total, 'announcement')} of {day}")
    if doubt:
        summary.notes.append(f"{day}: {doubt}")

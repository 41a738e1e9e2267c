"""The walk from arXiv's OAI-PMH to the store: what changed in a set since the last harvest.

A harvest is one window that ends at no date of ours: everything from the day before the service's
answer to the last one. Each page is one transaction, and the token of the next page is stored with
it, so that a process that dies goes on where it was; where the token has expired, which arXiv's
do at midnight, the harvest starts again, and what came twice changes nothing.
"""

from __future__ import annotations

import statistics
import time as clock
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection

from registry.core.clock import now
from registry.core.errors import ArxivError, RateLimitedError, UsageError
from registry.core.plural import plural
from registry.ingest import ledger
from registry.ingest.http import BudgetError, FeedError, RefusedError
from registry.ingest.oai import BadTokenError, OaiClient, Page, set_of
from registry.ingest.oai_records import FORMATS
from registry.ingest.summary import Report, Summary, silent
from registry.ingest.windows import EARLIEST, Slice, Window, announced_between, next_try
from registry.store.arrivals import note_absence, put_arrivals
from registry.store.engine import Store

_TRIES = 3  # of a token, and of records nobody can read
_TOKEN_KEEPS = timedelta(hours=2)
_RESTARTS = 2  # in one run: a token that is refused at once would be refused for ever


def harvest_oai(
    store: Store,
    client: OaiClient,
    set_: str,
    since: date | None = None,
    prefix: str = "arXivRaw",
    *,
    retry: bool = False,
    report: Report = silent,
) -> Summary:
    """Everything that changed in ``set_`` from ``since``, or since the last whole harvest.

    A harvest that was left off goes on. Stops early, without raising, at whatever keeps it from
    the next page; ``Summary.failure`` tells. Raises UsageError where nothing says where to start.
    """
    if prefix not in FORMATS:
        raise UsageError(f"format {prefix!r} is not read. Allowed: {', '.join(FORMATS)}.")
    began = clock.monotonic()
    name = f"{set_of(set_)} {prefix}"
    with store.write() as connection:
        source_id = ledger.source_of(connection, "oai", name)
        window = _window(connection, source_id, since)
    summary = Summary(name)
    if window.status == "suspect" and not retry and (window.next_try_at or now()) > now():
        summary.suspect = 1
        summary.notes.append(f"{window.slice}: {window.error}; again from {window.next_try_at}")
    else:
        _Walk(store, client, set_of(set_), prefix, source_id, summary, report).run(window)
    fetcher = client.fetcher
    summary.requests = fetcher.requests
    summary.waited_seconds = round(fetcher.limiter.waited + fetcher.waited, 1)
    summary.seconds = round(clock.monotonic() - began, 1)
    return summary


def _window(connection: Connection, source_id: int, since: date | None) -> Window:
    """The window to harvest: the one left off, or a new one from where the last one answered."""
    unfinished = ledger.unfinished(connection, source_id)
    if unfinished and (since is None or _midnight(since) >= unfinished[0].slice.start):
        return unfinished[0]
    start = since or _watermark(connection, source_id)
    if start is None:
        raise UsageError(
            "this set was never harvested, so nothing says where to start. Give the first day, "
            "for example --since 2026-11-01."
        )
    if start < EARLIEST or start > now().date():
        raise UsageError(f"--since {start}: allowed are days from {EARLIEST} to today.")
    slice_ = Slice(_midnight(start), now())
    [window] = ledger.windows_of(connection, source_id, [slice_])
    # One of the same second is asked anew: nothing of it is known to be current.
    return replace(window, token=None, total_stored=None, error=None)


def _watermark(connection: Connection, source_id: int) -> date | None:
    done = ledger.latest_done(connection, source_id)
    if done is None or done.responded is None:
        return None
    # The service's clock, but never one that is ahead of ours.
    return (min(done.responded, now()) - timedelta(days=1)).date()


@dataclass
class _Walk:
    """One harvest's way through its pages."""

    store: Store
    client: OaiClient
    set_: str
    prefix: str
    source_id: int
    summary: Summary
    report: Report

    def run(self, window: Window) -> None:
        """Harvest ``window`` to its end, or as far as it goes."""
        with self.store.write() as connection:
            ledger.begin(connection, window)
        try:
            self._pages(window)
        except (RateLimitedError, BudgetError, RefusedError) as error:
            self._leave(window)
            self.summary.stopped, self.summary.left = error, 1
        except ArxivError as error:
            self._suspect(window, str(error))
        except BaseException:
            self._leave(window)
            raise

    def _pages(self, window: Window) -> None:
        since = window.slice.start.date()
        token = window.token if _is_of_use(window) else None
        stored = (window.total_stored or 0) if token else 0
        responded = window.responded if token else None
        restarts, met = 0, set[str]()
        while True:
            self.report(stored, stored + 1, f"{self.set_}: {stored} records")
            try:
                page = (
                    self.client.following(token, self.set_, since)
                    if token
                    else self.client.first(self.set_, self.prefix, since)
                )
                if responded and announced_between(responded, page.responded):
                    raise BadTokenError("papers were announced meanwhile: the list has moved")
            except BadTokenError:
                restarts += 1
                if restarts > _RESTARTS:
                    raise
                self.summary.notes.append("the token was good no more; the harvest began again")
                token, stored, responded = None, 0, None
                met.clear()
                continue
            stored += page.size
            responded = responded or page.responded
            if page.token is not None and page.token in met:
                raise FeedError("arXiv hands out a token that it gave before; that has no end")
            met.add(page.token or "")
            if self._store(window, page, stored, responded):
                self.report(stored, stored, "")
                return
            token = page.token

    def _store(self, window: Window, page: Page, stored: int, responded: datetime) -> bool:
        """Keep ``page`` and where to go on; True where it was the last one."""
        last = page.token is None
        self.summary.unread += len(page.flawed)
        with self.store.write() as connection:
            self.summary.counts += put_arrivals(connection, page.arrivals, self.source_id)
            note_absence(connection, page.gone, "deleted", now())
            ledger.log_fetches(connection, self.source_id, self.client.fetcher.take_fetches())
            doubt = None
            if last:
                usual = ledger.usual_totals(connection, self.source_id)
                doubt = _doubt(window, page, stored, responded, usual, self.summary.unread)
                ledger.settle(
                    connection,
                    window,
                    total=stored,
                    stored=stored,
                    error=doubt,
                    next_try_at=next_try(window.attempts + 1, now()) if doubt else None,
                )
                if doubt is None:
                    ledger.settle_covered(connection, self.source_id, window)
            ledger.remember(
                connection,
                window,
                # Whoever goes on after us is to meet the records that nobody could read.
                token=None if self.summary.unread else page.token,
                token_ends=page.token_ends,
                responded=responded,
                stored=stored,
            )
        self.summary.deleted += page.gone
        self.summary.notes += [f"{name}: {reason}" for name, reason in page.flawed]
        if last:
            self.summary.done += doubt is None
            self.summary.suspect += doubt is not None
            if doubt:
                self.summary.notes.append(f"{window.slice}: {doubt}")
        return last

    def _suspect(self, window: Window, reason: str) -> None:
        with self.store.write() as connection:
            ledger.log_fetches(connection, self.source_id, self.client.fetcher.take_fetches())
            again = next_try(window.attempts + 1, now())
            ledger.settle(connection, window, error=reason, next_try_at=again)
        self.summary.suspect += 1
        self.summary.notes.append(f"{window.slice}: {reason}")

    def _leave(self, window: Window) -> None:
        # Unlike a slice of a query it keeps its pages and its token.
        with self.store.write() as connection:
            ledger.log_fetches(connection, self.source_id, self.client.fetcher.take_fetches())
            ledger.put_back(connection, window)


def _doubt(
    window: Window, page: Page, stored: int, responded: datetime, usual: list[int], unread: int
) -> str | None:
    """Why a harvest cannot be the whole truth; None where nothing speaks against it.

    A record that cannot be read again and again is as arXiv has it; it comes when it changes.
    """
    if page.complete_size is not None and stored != page.complete_size:
        return f"{stored} records came where arXiv counts {page.complete_size}"
    expected = statistics.median(usual) if usual else 0
    if stored == 0 and expected > 0 and announced_between(window.slice.start, responded):
        return f"no record at all, where {expected:.0f} are usual"
    if unread and window.attempts < _TRIES:
        return f"{plural(unread, 'record')} cannot be read"
    return None


def _is_of_use(window: Window) -> bool:
    # A token that failed again and again may be what is wrong.
    if window.token is None or (window.status == "suspect" and window.attempts >= _TRIES):
        return False
    # It counts on from a place in a list that moves when papers are announced.
    since, limit = window.responded or datetime.min.replace(tzinfo=UTC), _TOKEN_KEEPS
    return now() - since <= limit and (window.token_ends is None or window.token_ends > now())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)

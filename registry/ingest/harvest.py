"""The walk from arXiv's query API to the store: by query and time, or by id.

Each slice or batch of ids is one transaction: a process that dies loses at most the one in hand,
and the same command does the rest. Nothing here prints; ``report`` hears how far it is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from registry.core.clock import now
from registry.core.errors import ArxivError, RateLimitedError, UsageError
from registry.core.ids import ArxivId
from registry.core.plural import plural
from registry.ingest import ledger
from registry.ingest.arxiv_api import (
    IDS_A_REQUEST,
    Answer,
    Client,
    TooManyError,
)
from registry.ingest.http import BudgetError, RefusedError
from registry.ingest.summary import Report, Summary, silent
from registry.ingest.windows import Slice, Step, Window, is_due, next_try, slices, suspicion
from registry.store.arrivals import Arrival, note_absence, put_arrivals
from registry.store.engine import Store
from registry.store.rows import pieces

NAMED = "named ids"
_ENDS = (RateLimitedError, BudgetError, RefusedError)  # what the next request would meet too
# After so many slices or batches in a row that failed, the service is down: stop asking.
_FAILURES = 3
_PARTS = "its parts hold"


def plan(
    store: Store, query: str, since: date, until: date, step: Step = "week", *, retry: bool = False
) -> list[tuple[Slice, bool]]:
    """The slices of a query, each with whether it would be fetched now. Changes nothing."""
    known = ledger.known_windows(store, "query", checked_query(query))
    moment = now()
    return [
        (slice_, is_due(known.get(slice_, Window(0, slice_)), moment, retry=retry))
        for slice_ in slices(since, until, step)
    ]


def harvest_query(
    store: Store,
    client: Client,
    query: str,
    since: date,
    until: date,
    step: Step = "week",
    *,
    retry: bool = False,
    newest_first: bool = False,
    report: Report = silent,
) -> Summary:
    """Everything ``query`` finds that was submitted from ``since`` to ``until``, slice by slice.

    Stops early, without raising, at a rate limit, at the end of the requests allowed, at a query
    arXiv refuses and at a service that is down; ``Summary.failure`` tells.
    """
    query = checked_query(query)
    began = time.monotonic()
    with store.write() as connection:
        source_id = ledger.source_of(connection, "query", query)
        found = ledger.windows_of(connection, source_id, slices(since, until, step))
    due = [window for window in found if is_due(window, now(), retry=retry)]
    if newest_first:
        due.reverse()
    waiting = [w for w in found if w.status == "suspect" and w not in due]
    summary = Summary(query, current=len(found) - len(due) - len(waiting))
    walk = _Walk(store, client, query, source_id, summary)
    failures = 0
    for number, window in enumerate(due):
        report(number, len(due), str(window.slice))
        try:
            failures = 0 if walk.fetch(window) else failures + 1
            if failures == _FAILURES:
                raise ArxivError(f"{failures} slices in a row failed; the service seems down")
        except ArxivError as error:
            summary.stopped = error
            break
    report(len(due), len(due), "")
    summary.left = len(due) - summary.done - summary.suspect
    walk.look_again(due)
    # What is to be tried later is not here either.
    summary.suspect += len(waiting)
    summary.notes += [f"{w.slice}: {w.error}; again from {w.next_try_at}" for w in waiting]
    return _timed(summary, client, began)


@dataclass
class _Walk:
    """One query's way through its windows."""

    store: Store
    client: Client
    query: str
    source_id: int
    summary: Summary

    def fetch(self, window: Window) -> bool:
        """Fetch ``window`` and count it; False where it is suspect. Raises what stops the walk."""
        complete = self._fetch(window)
        if complete:
            self.summary.done += 1
        else:
            self.summary.suspect += 1
        return complete

    def look_again(self, asked: Sequence[Window]) -> None:
        """Doubt the empty slices of ``asked`` that were believed for want of others to compare."""
        with self.store.write() as connection:
            found = ledger.windows_of(connection, self.source_id, [w.slice for w in asked])
            for before, window in zip(asked, found, strict=True):
                if window.status != "done" or window.total_reported != 0:
                    continue
                others = ledger.other_totals(connection, self.source_id, window.slice)
                doubt = suspicion(before, 0, (), others, now())
                if doubt is not None:
                    again = next_try(before.attempts + 1, now())
                    ledger.settle(connection, before, total=0, error=doubt, next_try_at=again)
                    self.summary.done -= 1
                    self.summary.suspect += 1
                    self.summary.notes.append(f"{window.slice}: {doubt}")
            if self.summary.done and not ledger.has_found(connection, self.source_id):
                # Nobody can tell a rare topic from a wrong query but the one who wrote it.
                slices_ = plural(self.summary.done, "slice")
                self.summary.notes.append(
                    f"this query found no paper in {slices_}, nor ever before"
                )

    def _fetch(self, window: Window) -> bool:
        with self.store.write() as connection:
            ledger.begin(connection, window)
        try:
            answer = self.client.search(f"({self.query}) AND {window.slice.clause}")
        except TooManyError as error:
            return self._fetch_halves(window, error.total)
        except _ENDS:
            self._put_back(window)
            raise
        except ArxivError as error:
            return self._suspect(window, str(error))
        except BaseException:
            self._put_back(window)
            raise
        return self._store(window, answer)

    def _fetch_halves(self, window: Window, total: int) -> bool:
        try:
            parts = window.slice.halves()
            with self.store.write() as connection:
                ledger.log_fetches(connection, self.source_id, self.client.take_fetches())
                halves = ledger.windows_of(connection, self.source_id, parts)
            # What failed is asked for again whenever the whole is, and all of it where the parts
            # did not add up.
            anew = (window.error or "").startswith(_PARTS)
            done = [
                self._fetch(half)
                for half in halves
                if anew or half.status != "done" or is_due(half, now())
            ]
        except BaseException:
            self._put_back(window)
            raise
        if not all(done):
            return self._suspect(window, "a part of it is suspect")
        with self.store.write() as connection:
            halves = ledger.windows_of(connection, self.source_id, parts)
            stored = sum(half.total_stored or 0 for half in halves)
            if stored >= total:  # more: some came in between
                ledger.settle(connection, window, total=stored, stored=stored)
                return True
        return self._suspect(window, f"{_PARTS} {stored} papers where arXiv counts {total}")

    def _store(self, window: Window, answer: Answer) -> bool:
        lines = self.client.take_fetches()
        came = len({record.id for record in answer.records})
        with self.store.write() as connection:
            others = ledger.other_totals(connection, self.source_id, window.slice)
            doubt = _unreadable(answer)
            doubt = doubt or suspicion(window, answer.total, answer.records, others, now())
            doubt = doubt or ledger.replayed(connection, self.source_id, lines)
            self.summary.counts += put_arrivals(
                connection, map(Arrival, answer.records), self.source_id
            )
            ledger.log_fetches(connection, self.source_id, lines)
            ledger.settle(
                connection,
                window,
                total=answer.total,
                # An answer in doubt does not change what the last good one is known to have had.
                stored=window.total_stored if doubt and window.finished_at else came,
                error=doubt,
                next_try_at=next_try(window.attempts + 1, now()) if doubt else None,
            )
        self.summary.unread += len(answer.unread)
        if doubt:
            self.summary.notes.append(f"{window.slice}: {doubt}")
        return doubt is None

    def _suspect(self, window: Window, reason: str) -> bool:
        with self.store.write() as connection:
            ledger.log_fetches(connection, self.source_id, self.client.take_fetches())
            again = next_try(window.attempts + 1, now())
            ledger.settle(connection, window, error=reason, next_try_at=again)
        self.summary.notes.append(f"{window.slice}: {reason}")
        return False

    def _put_back(self, window: Window) -> None:
        with self.store.write() as connection:
            ledger.log_fetches(connection, self.source_id, self.client.take_fetches())
            ledger.put_back(connection, window)


def harvest_ids(
    store: Store,
    client: Client,
    ids: Sequence[ArxivId],
    *,
    name: str = NAMED,
    watched: bool = False,
    report: Report = silent,
) -> Summary:
    """The preprints named, a hundred a request. Missing ones are listed, not taken for deleted.

    With ``watched`` they are marked as unseen too, until a source sees them again.
    """
    if not ids:
        raise UsageError("--ids names no identifier. Give some, for example --ids 2402.03300.")
    began = time.monotonic()
    with store.write() as connection:
        source_id = ledger.source_of(connection, "ids", name)
    batches = list(pieces(dict.fromkeys(ids), IDS_A_REQUEST))
    summary = Summary("ids")
    failures = 0
    for number, batch in enumerate(batches):
        report(number, len(batches), plural(len(batch), "id"))
        try:
            answer = client.by_ids(batch)
            failures = 0
        except ArxivError as error:
            summary.stopped = summary.stopped or error
            with store.write() as connection:
                ledger.log_fetches(connection, source_id, client.take_fetches())
            failures += 1
            if isinstance(error, _ENDS) or failures == _FAILURES:
                summary.stopped = error
                break
            continue
        with store.write() as connection:
            arrivals = map(Arrival, answer.records)
            summary.counts += put_arrivals(connection, arrivals, source_id)
            ledger.log_fetches(connection, source_id, client.take_fetches())
            if watched:
                unseen = (ArxivId.parse(text).base for text in answer.missing)
                note_absence(connection, unseen, "unseen", now())
        summary.missing += answer.missing
        summary.unread += len(answer.unread)
        summary.notes += [entry.reason for entry in answer.unread]
        summary.done += 1
    summary.left = len(batches) - summary.done
    report(len(batches), len(batches), "")
    return _timed(summary, client, began)


def checked_query(query: str) -> str:
    """``query`` in one line. Raises UsageError where it is none, or names days itself."""
    text = " ".join(query.split())
    if not text:
        raise UsageError(
            "--query is empty. Give one, for example 'abs:\"preference optimization\"'."
        )
    if "submittedDate" in text:
        raise UsageError("--query names submittedDate; give the days with --since and --until.")
    if text.count("(") != text.count(")") or text.count('"') % 2:
        raise UsageError(f"--query {text!r} leaves a bracket or a quote open. Close it.")
    return text


def _unreadable(answer: Answer) -> str | None:
    if not answer.unread:
        return None
    count = plural(len(answer.unread), "entry", "entries")
    return f"{count} cannot be read: {answer.unread[0].reason}"


def _timed(summary: Summary, client: Client, began: float) -> Summary:
    summary.requests = client.requests
    summary.waited_seconds = round(client.limiter.waited + client.waited, 1)
    summary.seconds = round(time.monotonic() - began, 1)
    return summary

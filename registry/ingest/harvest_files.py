"""The walk from files to the store, in batches: memory does not grow with a file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import Connection

from registry.core.clock import now
from registry.ingest import ledger
from registry.ingest.files import Flaw, Recorded, check_readable, read_recorded, stream_recorded
from registry.ingest.http import FeedError, Fetch
from registry.ingest.oai_records import Gone
from registry.ingest.summary import Report, Summary, silent
from registry.store.arrivals import Arrival, note_absence, put_arrivals
from registry.store.engine import Store
from registry.store.rows import pieces

BATCH = 2000  # records a transaction
_MOST_NOTES = 20
_HOPELESS = 100  # so many bad records before the first good one: another kind of file


class _NotKept(Exception):
    """Rolls back what a dry run did."""


def harvest_files(
    store: Store, paths: Sequence[Path], *, dry_run: bool = False, report: Report = silent
) -> Summary:
    """The preprints in recorded files. Raises at the first file that is not a whole one.

    What was read before is stored, batch by batch; twice the same changes nothing. A record that
    cannot be read is counted and named. With ``dry_run`` everything is read and nothing kept.
    """
    began = time.monotonic()
    summary = Summary("files")
    for path in paths:
        check_readable(path)
    for number, path in enumerate(paths):
        report(number, len(paths), path.name)
        recorded = read_recorded(path)
        try:
            if dry_run:
                _all_or_nothing(store, recorded, summary)
            else:
                _in_batches(store, recorded, summary, report)
        except _NotKept:
            pass
        summary.done += 1
        if recorded.note:
            summary.notes.append(f"{path.name}: {recorded.note}")
    report(len(paths), len(paths), "")
    summary.seconds = time.monotonic() - began
    return summary


def _in_batches(store: Store, recorded: Recorded, summary: Summary, report: Report) -> None:
    entries = 0
    with store.write() as connection:
        source_id = _source(connection, recorded)
    for batch in pieces(_readable(recorded, summary), BATCH):
        with store.write() as connection:
            entries += _put(connection, batch, source_id, summary)
        report(entries, entries, f"{recorded.path.name}: {entries} records")
    with store.write() as connection:
        ledger.log_fetches(connection, source_id, [_line(recorded, entries)])


def _all_or_nothing(store: Store, recorded: Recorded, summary: Summary) -> None:
    with store.write() as connection:
        source_id = _source(connection, recorded)
        for batch in pieces(_readable(recorded, summary), BATCH):
            _put(connection, batch, source_id, summary)
        raise _NotKept


def _put(
    connection: Connection, batch: list[Arrival | Gone], source_id: int, summary: Summary
) -> int:
    arrivals = [item for item in batch if isinstance(item, Arrival)]
    gone = [item.id for item in batch if isinstance(item, Gone)]
    summary.counts += put_arrivals(connection, arrivals, source_id)
    note_absence(connection, gone, "deleted", now())
    summary.deleted += gone
    return len(batch)


def _readable(recorded: Recorded, summary: Summary) -> Iterator[Arrival | Gone]:
    good = False
    for item in stream_recorded(recorded):
        if not isinstance(item, Flaw):
            good = True
            yield item
            continue
        summary.unread += 1
        if summary.unread <= _MOST_NOTES:
            summary.notes.append(f"{recorded.path.name}: {item.where}: {item.reason}")
        if not good and summary.unread >= _HOPELESS:
            raise FeedError(f"{recorded.path}: {item.where}: {item.reason}")
    if not good and summary.unread:
        raise FeedError(f"{recorded.path}: no record can be read; {summary.notes[-1]}")


def _source(connection: Connection, recorded: Recorded) -> int:
    return ledger.source_of(connection, "file", recorded.path.name, recorded.sha256)


def _line(recorded: Recorded, entries: int) -> Fetch:
    return Fetch(
        url=f"file:{recorded.path.name}",
        at=now(),
        bytes=recorded.size,
        sha256=recorded.sha256,
        feed_title=recorded.title or None,
        total=recorded.total,
        entries=entries,
    )

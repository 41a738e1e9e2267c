"""The walk from files to the store, in batches: memory does not grow with a file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection

from registry.core.clock import now
from registry.core.errors import ArxivError
from registry.ingest import ledger
from registry.ingest.files import (
    Flaw,
    Recorded,
    Remark,
    check_readable,
    read_recorded,
    stream_recorded,
)
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
    """The preprints in recorded files. Raises UsageError where one is not there.

    A record that cannot be read is counted and named. A file that breaks off is named, what was
    read of it is stored, and the others are read; ``Summary.failure`` tells. Twice the same changes
    nothing. With ``dry_run`` everything is read and nothing kept.
    """
    began = time.monotonic()
    summary = Summary("files")
    for path in paths:
        check_readable(path)
    for number, path in enumerate(paths):
        report(number, len(paths), path.name)
        try:
            recorded = read_recorded(path)
            if dry_run:
                _all_or_nothing(store, recorded, summary)
            else:
                _in_batches(store, recorded, summary, report)
        except ArxivError as error:
            summary.left += 1
            summary.stopped = summary.stopped or error
            if error is not summary.stopped:  # which is told with the summary
                summary.notes.append(str(error))
        else:
            summary.done += 1
    report(len(paths), len(paths), "")
    summary.seconds = time.monotonic() - began
    return summary


def _in_batches(store: Store, recorded: Recorded, summary: Summary, report: Report) -> None:
    entries = 0
    with store.write() as connection:
        source_id = _source(connection, recorded)
    broken: list[ArxivError] = []
    for batch in pieces(_readable(recorded, summary, broken), BATCH):
        with store.write() as connection:
            entries += _put(connection, batch, source_id, summary)
        report(entries, entries, f"{recorded.path.name}: {entries} records")
    with store.write() as connection:
        ledger.log_fetches(connection, source_id, [_line(recorded, entries, broken)])
    for error in broken:
        raise error


def _all_or_nothing(store: Store, recorded: Recorded, summary: Summary) -> None:
    broken: list[ArxivError] = []
    with suppress(_NotKept), store.write() as connection:
        source_id = _source(connection, recorded)
        for batch in pieces(_readable(recorded, summary, broken), BATCH):
            _put(connection, batch, source_id, summary)
        raise _NotKept
    for error in broken:
        raise error


def _put(
    connection: Connection, batch: list[Arrival | Gone], source_id: int, summary: Summary
) -> int:
    arrivals = [item for item in batch if isinstance(item, Arrival)]
    gone = [item.id for item in batch if isinstance(item, Gone)]
    summary.counts += put_arrivals(connection, arrivals, source_id)
    note_absence(connection, gone, "deleted", now())
    summary.deleted += gone
    return len(batch)


def _readable(
    recorded: Recorded, summary: Summary, broken: list[ArxivError]
) -> Iterator[Arrival | Gone]:
    """The records, as long as there are some; into ``broken`` why they end too early."""
    good, unread, told = False, 0, list[str]()
    try:
        for item in stream_recorded(recorded):
            if isinstance(item, Flaw):
                unread += 1
                if len(told) < _MOST_NOTES:
                    told.append(f"{item.where}: {item.reason}")
                if not good and unread >= _HOPELESS:
                    break
            elif isinstance(item, Remark):
                told.append(item.text)
            else:
                good = True
                yield item
    except ArxivError as error:
        broken.append(error)
    if unread and not good and not broken:
        broken.append(FeedError(f"{recorded.path}: no record can be read; {told[0]}"))
        return
    summary.unread += unread
    summary.notes += [f"{recorded.path.name}: {text}" for text in told]


def _source(connection: Connection, recorded: Recorded) -> int:
    return ledger.source_of(connection, "file", recorded.path.name, recorded.sha256)


def _line(recorded: Recorded, entries: int, broken: Sequence[ArxivError]) -> Fetch:
    return Fetch(
        url=f"file:{recorded.path.name}",
        at=now(),
        bytes=recorded.size,
        sha256=recorded.sha256,
        feed_title=recorded.title or None,
        total=recorded.total,
        entries=entries,
        error=str(broken[0])[:500] if broken else None,
    )

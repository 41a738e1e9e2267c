"""What was asked of whom, and how it went: sources, windows and fetches in the store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Row, func, select, update

from registry.core.clock import now
from registry.ingest.arxiv_api import Fetch
from registry.ingest.windows import Slice, Window
from registry.store.engine import Store
from registry.store.schema import fetches, sightings, sources, windows

SourceKind = Literal["query", "ids", "file", "list"]


@dataclass(frozen=True)
class SourceState:
    """How far one source is."""

    id: int
    kind: SourceKind
    query: str
    preprints: int  # seen by it so far
    done: int
    suspect: int
    pending: int
    latest: datetime | None  # its last fetch
    troubles: tuple[Window, ...]  # the suspect windows


def source_of(connection: Connection, kind: SourceKind, query: str, identity: str = "") -> int:
    """The id of the source that asks ``query``, made where it is new.

    ``identity`` tells apart what has the same name: two files, say. A changed query is another
    source; the sightings of the old one stay.
    """
    digest = hashlib.sha256(f"{query}\0{identity}".encode()).hexdigest()
    key = (sources.c.kind == kind) & (sources.c.query_sha256 == digest)
    found = connection.execute(select(sources.c.id).where(key)).scalar()
    if found is not None:
        return int(found)
    row = {"kind": kind, "query": query, "query_sha256": digest, "created": now()}
    made = connection.execute(sources.insert().returning(sources.c.id), row)
    return int(made.scalar_one())


def windows_of(connection: Connection, source_id: int, wanted: Iterable[Slice]) -> list[Window]:
    """The windows of ``wanted``, in its order, made where they are new."""
    query = select(windows).where(windows.c.source_id == source_id)
    known = {Slice(row.start, row.end): row for row in connection.execute(query)}
    found = []
    for slice_ in wanted:
        if slice_ not in known:
            row = {
                "source_id": source_id, "start": slice_.start, "end": slice_.end,
                "status": "pending", "attempts": 0,
            }  # fmt: skip
            made = connection.execute(windows.insert().returning(windows.c.id), row)
            found.append(Window(int(made.scalar_one()), slice_))
        else:
            found.append(_window(known[slice_]))
    return found


def known_windows(store: Store, kind: SourceKind, query: str) -> dict[Slice, Window]:
    """The windows recorded of a source, by slice; empty for a source never asked."""
    join = select(windows).join(sources, sources.c.id == windows.c.source_id)
    with store.read() as connection:
        rows = connection.execute(join.where(sources.c.kind == kind, sources.c.query == query))
        return {Slice(row.start, row.end): _window(row) for row in rows}


def begin(connection: Connection, window: Window) -> None:
    """Record that ``window`` is being fetched; a crash leaves it so, and the next run redoes it."""
    connection.execute(
        update(windows)
        .where(windows.c.id == window.id)
        .values(status="fetching", attempts=windows.c.attempts + 1)
    )


def settle(
    connection: Connection,
    window: Window,
    *,
    total: int | None = None,
    stored: int | None = None,
    error: str | None = None,
    next_try_at: datetime | None = None,
) -> None:
    """Record how a fetch of ``window`` ended: done, or suspect where there is an ``error``."""
    done = error is None
    connection.execute(
        update(windows)
        .where(windows.c.id == window.id)
        .values(
            status="done" if done else "suspect",
            total_reported=total,
            total_stored=stored,
            error=error,
            next_try_at=next_try_at,
            finished_at=now() if done else window.finished_at,
            **({"attempts": 0} if done else {}),
        )
    )


def put_back(connection: Connection, window: Window) -> None:
    """Undo ``begin``: nothing was learnt about ``window``."""
    connection.execute(
        update(windows)
        .where(windows.c.id == window.id)
        .values(status=window.status, attempts=window.attempts)
    )


def earlier_totals(connection: Connection, source_id: int, before: Slice) -> list[int]:
    """What done slices of the same length held before ``before``, the latest first."""
    query = (
        select(windows.c.start, windows.c.end, windows.c.total_reported)
        .where(
            windows.c.source_id == source_id,
            windows.c.status == "done",
            windows.c.start < before.start,
        )
        .order_by(windows.c.start.desc())
    )
    length = before.end - before.start
    return [
        row.total_reported
        for row in connection.execute(query)
        if row.total_reported is not None and row.end - row.start == length
    ]


def log_fetches(connection: Connection, source_id: int, lines: Sequence[Fetch]) -> None:
    """Append the requests made to the log."""
    if lines:
        connection.execute(fetches.insert(), [{"source_id": source_id, **asdict(f)} for f in lines])


def source_states(store: Store) -> list[SourceState]:
    """How far every source is, the latest asked first."""
    with store.read() as connection:
        rows = connection.execute(select(sources).order_by(sources.c.id.desc())).all()
        return [_state(connection, row) for row in rows]


def _state(connection: Connection, source: Row[tuple[object, ...]]) -> SourceState:
    mine = select(windows).where(windows.c.source_id == source.id).order_by(windows.c.start)
    found = [_window(row) for row in connection.execute(mine)]
    count = {s: sum(w.status == s for w in found) for s in ("done", "suspect")}
    if source.kind != "query":  # what is not cut into windows is done as its answers came
        answered = (fetches.c.source_id == source.id) & fetches.c.error.is_(None)
        urls = select(func.count(fetches.c.url.distinct())).where(answered)
        count["done"] = connection.execute(urls).scalar_one()
    seen = select(func.count()).where(sightings.c.source_id == source.id)
    latest = select(func.max(fetches.c.at)).where(fetches.c.source_id == source.id)
    return SourceState(
        id=source.id,
        kind=source.kind,
        query=source.query,
        preprints=connection.execute(seen).scalar_one(),
        done=count["done"],
        suspect=count["suspect"],
        pending=sum(w.status not in ("done", "suspect") for w in found),
        latest=connection.execute(latest).scalar(),
        troubles=tuple(w for w in found if w.status == "suspect"),
    )


def _window(row: Row[tuple[object, ...]]) -> Window:
    return Window(
        id=row.id,
        slice=Slice(row.start, row.end),
        status=row.status,
        total_reported=row.total_reported,
        total_stored=row.total_stored,
        attempts=row.attempts,
        next_try_at=row.next_try_at,
        finished_at=row.finished_at,
        error=row.error,
    )

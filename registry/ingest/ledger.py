"""What was asked of whom, and how it went: sources, windows and fetches in the store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, func, select, update

from registry.core.clock import now
from registry.ingest.http import Fetch
from registry.ingest.windows import Slice, Window, announced_between
from registry.store.engine import Store
from registry.store.schema import fetches, sightings, sources, windows

SourceKind = Literal["query", "ids", "file", "oai", "rss", "list"]


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


def other_totals(connection: Connection, source_id: int, slice_: Slice) -> list[int]:
    """What done slices of the same length as ``slice_`` held, the nearest first."""
    query = select(windows.c.start, windows.c.end, windows.c.total_reported).where(
        windows.c.source_id == source_id,
        windows.c.status == "done",
        windows.c.start != slice_.start,
        windows.c.total_reported.is_not(None),
    )
    length = slice_.end - slice_.start
    same = [row for row in connection.execute(query) if row.end - row.start == length]
    same.sort(key=lambda row: abs(row.start - slice_.start))
    return [row.total_reported for row in same]


def replayed(connection: Connection, source_id: int, lines: Sequence[Fetch]) -> str | None:
    """Why the answers in ``lines`` are old ones served again; None where they are not.

    An answer says when it was made, so that no two are the same; a service keeps one until the
    next announcement at most.
    """
    for line in lines:
        if line.error is not None or line.sha256 is None:
            continue
        same = select(func.min(fetches.c.at)).where(
            fetches.c.source_id == source_id,
            fetches.c.url == line.url,
            fetches.c.sha256 == line.sha256,
            fetches.c.error.is_(None),
        )
        first = connection.execute(same).scalar()
        if first is not None and announced_between(first, line.at):
            return f"the answer is byte for byte the one of {first:%Y-%m-%d %H:%M}: an old copy"
    return None


def has_found(connection: Connection, source_id: int) -> bool:
    """Whether a source ever brought anything."""
    seen = select(sightings.c.preprint_id).where(sightings.c.source_id == source_id).limit(1)
    return connection.execute(seen).first() is not None


def unfinished(connection: Connection, source_id: int) -> list[Window]:
    """The windows of a source that are not done, the earliest start first."""
    query = select(windows).where(windows.c.source_id == source_id, windows.c.status != "done")
    return [_window(row) for row in connection.execute(query.order_by(windows.c.start))]


def latest_done(connection: Connection, source_id: int) -> Window | None:
    """The whole harvest whose first answer is the latest."""
    query = select(windows).where(
        windows.c.source_id == source_id,
        windows.c.status == "done",
        windows.c.responded.is_not(None),
    )
    row = connection.execute(query.order_by(windows.c.responded.desc()).limit(1)).one_or_none()
    return None if row is None else _window(row)


def usual_totals(connection: Connection, source_id: int, last: int = 8) -> list[int]:
    """What the last whole harvests of a source held, the latest first."""
    query = select(windows.c.total_reported).where(
        windows.c.source_id == source_id,
        windows.c.status == "done",
        windows.c.total_reported.is_not(None),
    )
    latest = query.order_by(windows.c.responded.desc(), windows.c.id.desc()).limit(last)
    return list(connection.execute(latest).scalars())


def remember(
    connection: Connection,
    window: Window,
    *,
    token: str | None,
    token_ends: datetime | None,
    responded: datetime,
    stored: int,
) -> None:
    """Record how far a harvest is, and what asks for its next page."""
    connection.execute(
        update(windows)
        .where(windows.c.id == window.id)
        .values(token=token, token_ends=token_ends, responded=responded, total_stored=stored)
    )


def settle_covered(connection: Connection, source_id: int, done: Window) -> None:
    """Close the unfinished harvests that began no earlier than ``done``: it has what they lack."""
    connection.execute(
        update(windows)
        .where(
            windows.c.source_id == source_id,
            windows.c.status != "done",
            windows.c.start >= done.slice.start,
            windows.c.id != done.id,
        )
        .values(status="done", error=None, next_try_at=None, token=None, finished_at=now())
    )


def settle_earlier(connection: Connection, source_id: int, done: Window) -> None:
    """Close the unfinished windows before ``done``, which a feed cannot be asked for any more."""
    connection.execute(
        update(windows)
        .where(
            windows.c.source_id == source_id,
            windows.c.status != "done",
            windows.c.start < done.slice.start,
        )
        .values(status="done", next_try_at=None, finished_at=now())
    )


def state_of(connection: Connection, source_id: int) -> dict[str, Any]:
    """What a source remembers for its next request."""
    query = select(sources.c.state).where(sources.c.id == source_id)
    return dict(connection.execute(query).scalar() or {})


def keep_state(connection: Connection, source_id: int, state: dict[str, Any]) -> None:
    """Remember ``state`` for the next request of a source."""
    connection.execute(update(sources).where(sources.c.id == source_id).values(state=state))


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
    if source.kind in ("ids", "file"):  # what is not cut into windows is done as its answers came
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
        token=row.token,
        token_ends=row.token_ends,
        responded=row.responded,
    )

"""What the daily summaries have told, so that each event and each paper is told once, and told.

A day that is killed before its summary was written has told nothing: the next one tells its part
too. A summary may be told twice where a day is killed at the very end; it is never lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, and_, delete, select

from registry.core.clock import now
from registry.store.history_schema import notices
from registry.store.queries import Event
from registry.store.rows import put
from registry.store.schema import events, meta

_UNTOLD = "untold_since"


def begin_day(connection: Connection, moment: datetime) -> datetime:
    """Since when nothing was told: ``moment``, or the begin of an earlier day that was not."""
    query = select(meta.c.value).where(meta.c.key == _UNTOLD)
    earlier = connection.execute(query).scalar()
    if earlier is not None:
        return min(datetime.fromisoformat(earlier), moment)
    put(connection, meta, [{"key": _UNTOLD, "value": moment.isoformat()}])
    return moment


def new_events(connection: Connection) -> list[Event]:
    """The events that were never told, the latest first."""
    same = and_(
        notices.c.preprint_id == events.c.preprint_id,
        notices.c.version == events.c.version,
        notices.c.kind == events.c.kind,
    )
    query = select(events).outerjoin(notices, same).where(notices.c.preprint_id.is_(None))
    ordered = query.order_by(events.c.at.desc(), events.c.preprint_id, events.c.kind)
    return [
        Event(row.preprint_id, row.version, row.kind, row.at, row.detail)
        for row in connection.execute(ordered)
    ]


def note_told(connection: Connection, told: Iterable[Event]) -> None:
    """Write down that a summary with these events, and all else of its day, is where it is read."""
    moment = now()
    rows = [
        {"preprint_id": e.preprint_id, "version": e.version, "kind": e.kind, "noticed": moment}
        for e in told
    ]
    put(connection, notices, rows)
    connection.execute(delete(meta).where(meta.c.key == _UNTOLD))

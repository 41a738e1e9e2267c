"""What the daily summaries have told, so that each event and each paper is told once, and told.

A day that is killed before its summary was written has told nothing: the next one tells its part
too. A summary may be told twice where a day is killed at the very end; it is never lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Select, and_, delete, select

from registry.core.clock import now
from registry.store.history_schema import notices
from registry.store.queries import Event
from registry.store.rows import put
from registry.store.schema import events, meta

_UNTOLD = "untold_since"
_NEW = "new"  # beside the kinds of events


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


def told_papers() -> Select[tuple[str]]:
    """The ids of the papers that were told as new."""
    return select(notices.c.preprint_id).where(notices.c.kind == _NEW)


def note_told(connection: Connection, told: Iterable[Event], found: Iterable[str] = ()) -> None:
    """Write down that a summary with these events and new papers is where it is read."""
    moment = now()
    keys = [(e.preprint_id, e.version, e.kind) for e in told]
    keys += [(id_, 0, _NEW) for id_ in found]  # whatever its version
    rows = [
        {"preprint_id": id_, "version": version, "kind": kind, "noticed": moment}
        for id_, version, kind in keys
    ]
    put(connection, notices, rows)
    connection.execute(delete(meta).where(meta.c.key == _UNTOLD))

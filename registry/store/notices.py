"""Which events have been reported, so that each is told once."""

from __future__ import annotations

from sqlalchemy import Connection, and_, select

from registry.core.clock import now
from registry.store.history_schema import notices
from registry.store.queries import Event
from registry.store.schema import events


def take_new_events(connection: Connection) -> list[Event]:
    """The events that were never taken before, the latest first; from now on they were."""
    same = and_(
        notices.c.preprint_id == events.c.preprint_id,
        notices.c.version == events.c.version,
        notices.c.kind == events.c.kind,
    )
    query = select(events).outerjoin(notices, same).where(notices.c.preprint_id.is_(None))
    ordered = query.order_by(events.c.at.desc(), events.c.preprint_id, events.c.kind)
    found = [
        Event(row.preprint_id, row.version, row.kind, row.at, row.detail)
        for row in connection.execute(ordered)
    ]
    moment = now()
    rows = [
        {"preprint_id": e.preprint_id, "version": e.version, "kind": e.kind, "noticed": moment}
        for e in found
    ]
    if rows:
        connection.execute(notices.insert(), rows)
    return found

"""A reviewer's way through the queue: what they skipped or left open is not shown twice in it."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from registry.core.clock import now
from registry.store.engine import Store
from registry.store.schema import decisions, passes
from registry.store.standing import Standing


def start_pass(store: Store, reviewer: str) -> int:
    """Begin a new pass: what was skipped or left open before is shown again; gives its number."""
    with store.write(durable=True) as connection:
        newest = connection.execute(select(func.max(decisions.c.id))).scalar() or 0
        row = {"reviewer": reviewer, "after": newest, "at": now()}
        added = passes.insert().returning(passes.c.id)
        return int(connection.execute(added, row).scalar_one())


def pass_start(connection: Connection, reviewer: str) -> int:
    """The newest line of the log when the reviewer's pass began; 0 in the first one."""
    mine = select(passes.c.after).where(passes.c.reviewer == reviewer).order_by(passes.c.id.desc())
    return connection.execute(mine.limit(1)).scalar() or 0


def passed_over(found: Mapping[str, Standing], reviewer: str, start: int) -> set[str]:
    """What the reviewer skipped or left open since ``start``."""
    return {
        id_
        for id_, standing in found.items()
        for line in standing.live
        if line.reviewer == reviewer and line.decision in ("skip", "maybe") and line.id > start
    }

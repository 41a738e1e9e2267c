"""Titles of the preprints that wait for a decision, without their abstracts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select

from registry.store.engine import Store
from registry.store.index import rejected_ids
from registry.store.schema import papers, preprints, versions


@dataclass(frozen=True)
class Waiting:
    """A candidate by its title."""

    id: str
    title: str
    submitted: date


def waiting_since(store: Store, day: date) -> list[Waiting]:
    """The candidates submitted after ``day``, the newest first; none rejected or withdrawn."""
    after = datetime.combine(day + timedelta(days=1), time(), UTC)
    newest = (preprints.c.id == versions.c.preprint_id) & (preprints.c.newest == versions.c.version)
    query = (
        select(preprints.c.id, versions.c.title, versions.c.published)
        .join(versions, newest)
        .where(
            versions.c.published >= after,
            versions.c.withdrawn.is_(None),
            preprints.c.id.not_in(select(papers.c.id)),
        )
        .order_by(versions.c.published.desc(), preprints.c.id)
    )
    with store.read() as connection:
        hidden = rejected_ids(connection)
        return [
            Waiting(row.id, row.title, row.published.date())
            for row in connection.execute(query)
            if row.id not in hidden
        ]

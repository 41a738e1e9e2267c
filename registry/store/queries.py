"""What the other rooms ask of the store."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from registry.core.clock import now
from registry.store.engine import Store
from registry.store.index import index_papers, rejected_ids
from registry.store.rows import pieces
from registry.store.schema import decisions, events, papers, preprints, versions
from registry.store.search import Hit, search
from registry.store.standing import Decision, read_log

__all__ = [
    "Candidate", "Decision", "Event", "Hit", "abstracts", "candidate", "candidates",
    "changes", "decide", "decisions_on", "described", "search",
]  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """A preprint that waits for a decision, in its newest version."""

    id: str
    version: int
    title: str
    abstract: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    published: datetime
    updated: datetime
    comment: str | None
    journal_ref: str | None
    doi: str | None
    withdrawn: str | None  # the words that say so
    first_seen: datetime
    former_titles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event:
    """What a version changed: title, abstract, withdrawn or restored."""

    preprint_id: str
    version: int
    kind: str
    at: datetime
    detail: dict[str, Any]


def candidates(store: Store, limit: int | None = None) -> list[Candidate]:
    """The preprints neither catalogued nor rejected, the newest submission first."""
    with store.read() as connection:
        hidden = rejected_ids(connection)
        query = _newest().where(preprints.c.id.not_in(select(papers.c.id)))
        rows = connection.execute(query.order_by(versions.c.published.desc(), preprints.c.id))
        found = [_candidate(row) for row in rows if row.id not in hidden]
    return found[:limit]


def candidate(store: Store, id_: str) -> Candidate | None:
    """What is stored of a preprint, catalogued or not, with the titles it had before."""
    with store.read() as connection:
        row = connection.execute(_newest().where(preprints.c.id == id_)).one_or_none()
        if row is None:
            return None
        titles = connection.execute(
            select(versions.c.title)
            .where(versions.c.preprint_id == id_)
            .order_by(versions.c.version)
        ).scalars()
        former = dict.fromkeys(title for title in titles if title != row.title)
        return _candidate(row, tuple(former))


def abstracts(store: Store, ids: Iterable[str]) -> dict[str, str]:
    """The newest cached abstract of each of ``ids`` that has one."""
    found: dict[str, str] = {}
    with store.read() as connection:
        for piece in pieces(ids):
            rows = connection.execute(_newest().where(preprints.c.id.in_(piece)))
            found.update({row.id: row.abstract for row in rows if row.abstract})
    return found


def changes(store: Store, ids: Iterable[str] | None = None) -> list[Event]:
    """What versions changed, of ``ids`` or of all, the latest first."""
    query = select(events).order_by(events.c.at.desc(), events.c.preprint_id, events.c.kind)
    wanted = None if ids is None else set(ids)
    with store.read() as connection:
        rows = connection.execute(query).all()
    return [
        Event(row.preprint_id, row.version, row.kind, row.at, row.detail)
        for row in rows
        if wanted is None or row.preprint_id in wanted
    ]


def described(store: Store, ids: Iterable[str]) -> list[Candidate]:
    """What is stored of ``ids``, catalogued or not; those never seen are left out."""
    with store.read() as connection:
        return [
            _candidate(row)
            for piece in pieces(ids)
            for row in connection.execute(_newest().where(preprints.c.id.in_(piece)))
        ]


def decide(
    connection: Connection,
    id_: str,
    decision: str,
    reason: str | None,
    detail: dict[str, Any],
    *,
    reviewer: str | None = None,
    undoes: int | None = None,
) -> Decision:
    """Append a decision to the log; a rejected preprint leaves the search with it."""
    last = connection.execute(
        select(func.max(decisions.c.at)).where(decisions.c.preprint_id == id_)
    ).scalar()
    at = max(now(), last or now())  # a clock set back does not put the last word before others
    line = Decision(id_, decision, at, reason, detail, reviewer, uuid.uuid4().hex, undoes=undoes)
    row = {name: value for name, value in asdict(line).items() if name != "id"}
    place = connection.execute(decisions.insert().returning(decisions.c.id), row).scalar_one()
    index_papers(connection, [id_])
    return replace(line, id=place)


def decisions_on(store: Store, id_: str) -> list[Decision]:
    """The decisions on a preprint, the first one first."""
    with store.read() as connection:
        return read_log(connection, [id_])


def _newest() -> Select[Any]:
    newest = (preprints.c.id == versions.c.preprint_id) & (preprints.c.newest == versions.c.version)
    return select(preprints.c.id, preprints.c.first_seen, versions).join(versions, newest)


def _candidate(row: Row[Any], former: tuple[str, ...] = ()) -> Candidate:
    return Candidate(
        id=row.id,
        version=row.version,
        title=row.title,
        abstract=row.abstract,
        authors=tuple(row.authors),
        categories=tuple(row.categories),
        published=row.published,
        updated=row.updated,
        comment=row.comment,
        journal_ref=row.journal_ref,
        doi=row.doi,
        withdrawn=row.withdrawn,
        first_seen=row.first_seen,
        former_titles=former,
    )

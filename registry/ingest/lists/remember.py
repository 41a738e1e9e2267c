"""A document as a source in the store: what the list says, and which preprints it names.

A list is read again and again; each time its rows replace those of the last time, and a preprint
that it names counts as seen in it. Preprints that are not known yet are named in ``unknown``: once
they are fetched, ``lists_naming`` finds them in the list too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select

from registry.core.clock import now
from registry.ingest.ledger import source_of
from registry.ingest.lists.document import Document, Row
from registry.store.engine import Store
from registry.store.rows import pieces, put
from registry.store.schema import list_rows, papers, preprints, sightings, sources


@dataclass(frozen=True)
class Remembered:
    """What storing a list did; identifiers in the order of the list."""

    rows: int
    rows_before: int
    catalogued: tuple[str, ...]  # in the catalog
    candidates: tuple[str, ...]  # in the store, not in the catalog
    unknown: tuple[str, ...]  # to be fetched


@dataclass(frozen=True)
class Mention:
    """Where a list names a preprint."""

    list: str
    section: tuple[str, ...]
    title: str
    line: int


def compare(store: Store, document: Document) -> Remembered:
    """What ``remember`` would do, without doing it."""
    with store.read() as connection:
        return _compare(connection, document)


def remember(store: Store, document: Document, seen_at: datetime | None = None) -> Remembered:
    """Store what ``document`` says, in one transaction; twice the same changes nothing."""
    moment = seen_at or now()
    with store.write() as connection:
        outcome = _compare(connection, document)
        source_id = source_of(connection, "list", document.name)
        connection.execute(delete(list_rows).where(list_rows.c.source_id == source_id))
        put(
            connection,
            list_rows,
            [_stored(source_id, n, row) for n, row in enumerate(document.rows)],
        )
        _see(connection, source_id, (*outcome.catalogued, *outcome.candidates), moment)
    return outcome


def lists_naming(connection: Connection, ids: Iterable[str]) -> dict[str, tuple[Mention, ...]]:
    """The lists that name each of ``ids``, by identifier; those that none names are absent."""
    found: dict[str, list[Mention]] = {}
    for piece in pieces(dict.fromkeys(ids)):
        query = (
            select(list_rows, sources.c.query)
            .join(sources, sources.c.id == list_rows.c.source_id)
            .where(list_rows.c.arxiv_id.in_(piece))
            .order_by(sources.c.query, list_rows.c.position)
        )
        for row in connection.execute(query):
            mention = Mention(row.query, tuple(row.section), row.title, row.line)
            found.setdefault(row.arxiv_id, []).append(mention)
    return {id_: tuple(mentions) for id_, mentions in found.items()}


def unknown_ids(connection: Connection) -> list[str]:
    """Every identifier that some list names and the store has not, most named first."""
    query = (
        select(list_rows.c.arxiv_id)
        .where(
            list_rows.c.arxiv_id.is_not(None),
            list_rows.c.arxiv_id.not_in(select(preprints.c.id)),
            list_rows.c.arxiv_id.not_in(select(papers.c.id)),
        )
        .group_by(list_rows.c.arxiv_id)
        .order_by(func.count(list_rows.c.source_id.distinct()).desc(), list_rows.c.arxiv_id.desc())
    )
    return list(connection.execute(query).scalars())


def _compare(connection: Connection, document: Document) -> Remembered:
    catalogued = _known(connection, papers.c.id, document.ids)
    stored = _known(connection, preprints.c.id, document.ids)
    before = select(func.count()).select_from(
        list_rows.join(sources, sources.c.id == list_rows.c.source_id)
    )
    mine = (sources.c.kind == "list") & (sources.c.query == document.name)
    return Remembered(
        rows=len(document.rows),
        rows_before=connection.execute(before.where(mine)).scalar_one(),
        catalogued=tuple(id_ for id_ in document.ids if id_ in catalogued),
        candidates=tuple(id_ for id_ in document.ids if id_ in stored - catalogued),
        unknown=tuple(id_ for id_ in document.ids if id_ not in stored | catalogued),
    )


def _known(connection: Connection, column: Any, ids: Iterable[str]) -> set[str]:
    return {
        id_
        for piece in pieces(ids)
        for id_ in connection.execute(select(column).where(column.in_(piece))).scalars()
    }


def _stored(source_id: int, position: int, row: Row) -> dict[str, Any]:
    return {
        "source_id": source_id,
        "position": position,
        "line": row.line,
        "section": list(row.section),
        "title": row.title,
        "arxiv_id": row.arxiv_id,
        "links": [{"kind": link.kind, "url": link.url} for link in row.links],
        "listed": str(row.when) if row.when else None,
        "venue": row.venue,
    }


def _see(connection: Connection, source_id: int, ids: Iterable[str], moment: datetime) -> None:
    # A catalogued paper need not have been fetched: only preprints can be sighted.
    seen = sorted(_known(connection, preprints.c.id, ids))
    earlier: dict[str, datetime] = {}
    for piece in pieces(seen):
        mine = (sightings.c.source_id == source_id) & sightings.c.preprint_id.in_(piece)
        rows = connection.execute(select(sightings).where(mine))
        earlier |= {row.preprint_id: row.first_seen for row in rows}
    put(
        connection,
        sightings,
        [
            {
                "preprint_id": id_,
                "source_id": source_id,
                "first_seen": min(moment, earlier.get(id_, moment)),
                "last_seen": moment,
            }
            for id_ in seen
        ],
    )

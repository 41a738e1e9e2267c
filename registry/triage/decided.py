"""What the catalog and the log of decisions teach the ranker."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, select

from registry.store.engine import Store
from registry.store.queries import candidates
from registry.store.rows import pieces
from registry.store.schema import paper_leaves, papers, preprints, versions
from registry.store.standing import standings
from registry.triage.documents import Document, Example, merge, of_candidate

MOST_UNDECIDED = 4000
"""Waiting candidates that a ranker is trained against, the newest; more cost seconds."""


def examples_of(store: Store) -> list[Example]:
    """Accepted is what has an entry, rejected what was rejected last; the rest waits.

    Ordered by id. A duplicate was not rejected for what it says, so it teaches nothing.
    """
    found = [*_accepted(store), *_rejected(store)]
    waiting = candidates(store, MOST_UNDECIDED)
    return merge(found, (Example(of_candidate(one), False, decided=False) for one in waiting))


def _accepted(store: Store) -> list[Example]:
    with store.read() as connection:
        rows = connection.execute(select(papers)).all()
        filed: dict[str, list[str]] = {}
        order = select(paper_leaves).order_by(paper_leaves.c.paper_id, paper_leaves.c.position)
        for row in connection.execute(order):
            filed.setdefault(row.paper_id, []).append(row.leaf)
        found = standings(connection)
        own = {id_ for id_, standing in found.items() if standing.state == "accepted"}
    known = _documents(store, [row.id for row in rows])
    return [_entry(row, known.get(row.id), tuple(filed.get(row.id, ())), own) for row in rows]


def _entry(
    row: Row[Any], known: Document | None, leaves: tuple[str, ...], own: set[str]
) -> Example:
    document = Document(
        row.id,
        row.title,
        known.abstract if known else "",
        tuple(row.authors),
        tuple(row.categories),
        row.submitted,
    )
    decided_here = row.id in own
    return Example(document, True, leaves=leaves, sources=frozenset({"catalog"}), own=decided_here)


def _rejected(store: Store) -> list[Example]:
    with store.read() as connection:
        catalogued = set(connection.execute(select(papers.c.id)).scalars())
        # A duplicate says nothing of whether its matter belongs here.
        found = standings(connection)
        ids = {id_ for id_, one in found.items() if one.state == "rejected"} - catalogued
    known = _documents(store, sorted(ids))
    return [
        Example(document, False, sources=frozenset({"curator"}), own=True)
        for document in known.values()
    ]


def _documents(store: Store, ids: list[str]) -> dict[str, Document]:
    """What arXiv says of ``ids``, those that were ingested."""
    found = {}
    with store.read() as connection:
        for piece in pieces(ids):
            for row in connection.execute(_newest().where(preprints.c.id.in_(piece))):
                found[row.preprint_id] = Document(
                    row.preprint_id,
                    row.title,
                    row.abstract,
                    tuple(row.authors),
                    tuple(row.categories),
                    row.published.date(),
                )
    return found


def _newest() -> Select[Any]:
    newest = (preprints.c.id == versions.c.preprint_id) & (preprints.c.newest == versions.c.version)
    return select(versions).join(preprints, newest)

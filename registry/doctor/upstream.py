"""What arXiv says of the catalogued papers, as far as the store has seen it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from registry.catalog.facts import arxiv_categories
from registry.catalog.titles import clean
from registry.store.engine import Store
from registry.store.rows import pieces
from registry.store.schema import versions


@dataclass(frozen=True)
class Upstream:
    """The newest version the store has seen of one preprint."""

    version: int
    title: str
    former_titles: tuple[str, ...]
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    submitted: date
    updated: date
    doi: str | None
    withdrawn: str | None


def upstream(store: Store, ids: Iterable[str]) -> dict[str, Upstream]:
    """The newest version of each of ``ids`` that the store has."""
    found: dict[str, Upstream] = {}
    columns = versions.c
    with store.read() as connection:
        for piece in pieces(ids):
            rows = connection.execute(
                select(
                    columns.preprint_id, columns.version, columns.title, columns.authors,
                    columns.categories, columns.published, columns.updated, columns.doi,
                    columns.withdrawn,
                )
                .where(columns.preprint_id.in_(piece))
                .order_by(columns.preprint_id, columns.version)
            )  # fmt: skip
            for row in rows:
                before = found.get(row.preprint_id)
                title = clean(row.title)
                earlier = (*before.former_titles, before.title) if before else ()
                found[row.preprint_id] = Upstream(
                    version=row.version,
                    title=title,
                    former_titles=tuple(t for t in dict.fromkeys(earlier) if t != title),
                    authors=tuple(map(clean, row.authors)),
                    categories=arxiv_categories(row.categories),
                    submitted=row.published.date(),
                    updated=row.updated.date(),
                    doi=row.doi,
                    withdrawn=row.withdrawn,
                )
    return found

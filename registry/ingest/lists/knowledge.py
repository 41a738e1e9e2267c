"""What is known of the papers that lists name: titles ever borne, withdrawals, other lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from registry.ingest.lists.document import Document
from registry.ingest.lists.likeness import key_of, likeness
from registry.ingest.lists.titles import Match, TitleIndex

if TYPE_CHECKING:
    from registry.catalog.files import Catalog
    from registry.store.engine import Store


@dataclass
class Knowledge:
    """Titles by identifier, the newest first, and where to look for a title."""

    index: TitleIndex | None = None
    own: dict[str, tuple[str, ...]] = field(default_factory=dict)  # catalog, store, taxonomy
    withdrawn: dict[str, str] = field(default_factory=dict)  # identifier to the words that say so
    names: dict[str, frozenset[str]] = field(default_factory=dict)  # what it brought is called
    listed: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # to (list, title)
    _own_index: TitleIndex | None = None
    _nearest: dict[str, Match | None] = field(default_factory=dict)  # by title; asked for twice

    def titles(self, id_: str) -> tuple[str, ...]:
        """Every title that is known of an identifier."""
        more = self.index.titles(id_) if self.index else ()
        return tuple(dict.fromkeys((*self.own.get(id_, ()), *more)))

    def nearest(self, title: str) -> Match | None:
        """The paper whose title is most like ``title``, or None."""
        if title not in self._nearest:
            found = self._made().nearest(title, 1)
            if self.index is not None:
                found += self.index.nearest(title, 1)
            best = max(found, key=lambda m: (m.likeness.same, m.likeness.score), default=None)
            self._nearest[title] = best
        return self._nearest[title]

    def called(self, name: str) -> tuple[str, ...]:
        """The papers that brought what is called ``name``."""
        key = key_of(name)
        return tuple(sorted(id_ for id_, names in self.names.items() if key in names))

    def weight(self, word: str) -> float:
        """How much a word tells, from 0 to 1."""
        return (self.index or self._made()).weight(word)

    def bears_out(self, name: str, id_: str, title: str) -> tuple[str, ...]:
        """The other lists that give an identifier a title like ``title``."""
        others = {
            other
            for other, its in self.listed.get(id_, ())
            if other != name and likeness(title, its, self.weight).same
        }
        return tuple(sorted(others))

    def _made(self) -> TitleIndex:
        """An index of the titles known here."""
        if self._own_index is None:
            pairs = ((id_, one) for id_, titles in self.own.items() for one in titles)
            self._own_index = TitleIndex.of(pairs)
        return self._own_index

    def close(self) -> None:
        """Give back what was opened here; the index given is its owner's."""
        if self._own_index is not None:
            self._own_index.close()


def gather(
    documents: Sequence[Document],
    catalog: Catalog | None = None,
    store: Store | None = None,
    index: TitleIndex | None = None,
) -> Knowledge:
    """What catalog, store and index know of the papers in ``documents``."""
    known = Knowledge(index)
    ids = list(dict.fromkeys(id_ for document in documents for id_ in document.ids))
    if catalog is not None:
        _from_catalog(known, catalog)
    if store is not None:
        _from_store(known, store, ids)
    for document in documents:
        for row in document.rows:
            if row.arxiv_id:
                known.listed.setdefault(row.arxiv_id, []).append((document.name, row.title))
    return known


def _from_catalog(known: Knowledge, catalog: Catalog) -> None:
    for group in catalog.taxonomy.groups:
        for example in (paper for leaf in group.leaves for paper in leaf.canonical):
            _add(known, example.id, (example.title,))
            _call(known, example.id, re.split(r"[(),/]", example.name))
    for paper in catalog.papers.values():
        _add(known, paper.id, (paper.title, *paper.former_titles))
        _call(known, paper.id, (m.slug for m in paper.methods if m.relation == "introduces"))
        if paper.status == "withdrawn":
            known.withdrawn[paper.id] = paper.status_note or "the catalog says so"


def _from_store(known: Knowledge, store: Store, ids: Iterable[str]) -> None:
    from sqlalchemy import select

    from registry.store.rows import pieces
    from registry.store.schema import list_rows, sources, versions

    with store.read() as connection:
        for piece in pieces(ids):
            query = (
                select(versions)
                .where(versions.c.preprint_id.in_(piece))
                .order_by(versions.c.preprint_id, versions.c.version.desc())
            )
            newest: set[str] = set()
            for row in connection.execute(query):
                _add(known, row.preprint_id, (row.title,))
                if row.preprint_id not in newest and row.withdrawn:
                    known.withdrawn[row.preprint_id] = row.withdrawn
                newest.add(row.preprint_id)
            listed = (
                select(list_rows.c.arxiv_id, list_rows.c.title, sources.c.query)
                .join(sources, sources.c.id == list_rows.c.source_id)
                .where(list_rows.c.arxiv_id.in_(piece))
            )
            for row in connection.execute(listed):
                known.listed.setdefault(row.arxiv_id, []).append((row.query, row.title))


def _add(known: Knowledge, id_: str, titles: tuple[str, ...]) -> None:
    known.own[id_] = tuple(dict.fromkeys((*known.own.get(id_, ()), *titles)))


def _call(known: Knowledge, id_: str, names: Iterable[str]) -> None:
    keys = {key for name in names if (key := key_of(name))}
    known.names[id_] = known.names.get(id_, frozenset()) | keys

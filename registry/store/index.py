"""What can be found and listed: a catalogued paper, a method or a candidate, derived from its row.

A document can be made again at any time. What changes a preprint notes its id in ``unindexed``,
which costs nothing; ``catch_up`` derives the documents of all that is noted, thousands at a time,
each piece in its own transaction. A search catches up before it answers, and so does the end of an
ingest: nobody sees the index behind the rows.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Connection, Select, Text, bindparam, delete, func, select, type_coerce

from registry.core.errors import StoreError
from registry.store.among import among
from registry.store.engine import Store
from registry.store.rows import pieces, put
from registry.store.schema import (
    decisions,
    document_tags,
    documents,
    methods,
    paper_leaves,
    paper_methods,
    papers,
    preprints,
    segments,
    unindexed,
    versions,
)
from registry.store.standing import standings
from registry.store.terms import words

__all__ = ["Document", "catch_up", "compose", "index_methods", "index_papers", "method_documents",
           "indexed", "rejected_ids", "words"]  # fmt: skip

log = logging.getLogger(__name__)

# Raise it when a document is composed otherwise: every store then derives its documents anew.
COMPOSITION = 2

PIECE = 8192  # documents derived in one transaction: some 100 MB of memory
_LONGEST_TAG = 80  # characters; as wide as the column
Report = Callable[[int, int], None]  # documents derived, of how many


@dataclass(frozen=True)
class Document:
    """A thing as it is found and listed. ``texts``: heading, names, summary, body."""

    kind: str
    ref: str
    status: str
    title: str
    submitted: datetime | None
    updated: datetime | None
    tags: tuple[str, ...]
    texts: tuple[str, str, str, str]

    @property
    def digest(self) -> int:
        """A 63-bit hash of everything the document says."""
        listed = (self.kind, self.ref, self.status, self.title, *self.tags)
        moments = (str(self.submitted), str(self.updated))
        said = "\x1f".join((*listed, *moments, *self.texts)).encode("utf-8", "replace")
        return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "big") >> 1


def rejected_ids(connection: Connection, ids: Sequence[str] | None = None) -> set[str]:
    """The preprints that stand as rejected, or as duplicates of others."""
    decided: Sequence[str] | None = None
    if ids is not None:
        chosen = among(decisions.c.preprint_id, ids)
        query = select(decisions.c.preprint_id).where(chosen).distinct()
        decided = connection.execute(query).scalars().all()
    found = standings(connection, decided)
    return {id_ for id_, standing in found.items() if standing.state in ("rejected", "duplicate")}


def index_papers(connection: Connection, ids: Iterable[str]) -> None:
    """Note that the documents of ``ids`` have to be derived again: a paper's, a candidate's."""
    put(connection, unindexed, [{"ref": id_} for id_ in sorted(set(ids))])


def index_methods(connection: Connection) -> None:
    """Derive the documents of all methods again."""
    gone = documents.c.kind == "method"
    _replace(connection, method_documents(connection), gone)


# Built once: it is asked before every search.
_WAITING = select(func.count()).select_from(unindexed)


def catch_up(store: Store, report: Report | None = None) -> int:
    """Derive the documents of everything noted in ``unindexed``; how many ids that were.

    Each piece is one transaction: stopped anywhere, the next call does the rest. Raises StoreError
    where the database cannot be written.
    """
    with store.read() as connection:
        total = connection.execute(_WAITING).scalar_one()
    done = 0
    while done < total:
        with store.write() as connection:
            count = _derive_piece(connection)
        if not count:
            break  # another process has caught up meanwhile
        done += count
        if report:
            report(min(done, total), total)
    return done


@contextmanager
def indexed(store: Store) -> Iterator[Connection]:
    """A connection that reads, once the index has caught up.

    Where another process writes or nobody may, the index is read as it is.
    """
    with store.read() as connection:
        if not connection.execute(_WAITING).scalar_one():
            yield connection
            return
    try:
        catch_up(store)
    except StoreError as error:
        log.warning("the newest changes are not searched: %s", error)
    with store.read() as connection:
        yield connection


def _derive_piece(connection: Connection) -> int:
    noted = select(unindexed.c.ref).order_by(unindexed.c.ref).limit(PIECE)
    refs = connection.execute(noted).scalars().all()
    if not refs:
        return 0
    mine = documents.c.kind.in_(("paper", "candidate")) & among(documents.c.ref, refs)
    _replace(connection, compose(connection, refs), mine)
    connection.execute(delete(unindexed).where(unindexed.c.ref <= refs[-1]))
    return len(refs)


def _replace(connection: Connection, found: Sequence[Document], gone: Any) -> None:
    """Put ``found`` in the place of the documents that ``gone`` selects; equal ones stay."""
    from registry.store.segments import bury

    query = select(documents.c.id, documents.c.kind, documents.c.ref, documents.c.digest)
    there = {(row.kind, row.ref): row for row in connection.execute(query.where(gone))}
    digests = {(one.kind, one.ref): one.digest for one in found}
    old = [row for place, row in there.items() if digests.get(place) != row.digest]
    for kind in sorted({row.kind for row in old}):
        bury(connection, kind, [row.id for row in old if row.kind == kind])
    for piece in pieces(row.id for row in old):
        connection.execute(delete(document_tags).where(document_tags.c.document_id.in_(piece)))
        connection.execute(delete(documents).where(documents.c.id.in_(piece)))
    stay = there.keys() - {(row.kind, row.ref) for row in old}
    for kind in ("method", "paper", "candidate"):
        fresh = [one for one in found if one.kind == kind and (kind, one.ref) not in stay]
        if fresh:
            _add(connection, kind, fresh, digests)


def _add(
    connection: Connection,
    kind: str,
    fresh: Sequence[Document],
    digests: dict[tuple[str, str], int],
) -> None:
    # NumPy takes a tenth of a second to import: only for who writes or reads the index.
    from registry.store.draft import Draft
    from registry.store.segments import add_segment

    low = int(connection.execute(select(func.coalesce(func.max(segments.c.high), 1))).scalar_one())
    draft = Draft(low)
    rows, tags = [], []
    for one in fresh:
        number = draft.add(one.texts)
        rows.append(
            {"id": number, "kind": kind, "ref": one.ref, "status": one.status, "title": one.title,
             "submitted": one.submitted, "updated": one.updated, "digest": digests[kind, one.ref]}
        )  # fmt: skip
        tags += [
            {"tag": tag, "status": one.status, "submitted": one.submitted, "ref": one.ref,
             "updated": one.updated, "document_id": number}
            for tag in one.tags
        ]  # fmt: skip
    put(connection, documents, rows)
    put(connection, document_tags, tags)
    add_segment(connection, kind, low, low + len(draft), len(draft), draft.postings())


# -- composing -----------------------------------------------------------------------------------


def compose(connection: Connection, ids: Sequence[str]) -> list[Document]:
    """The documents of ``ids``, in their order: a paper's, a candidate's, or none."""
    upstream = _newest(connection, ids)
    curated = _curated(connection, ids, upstream)
    hidden = {one.ref for one in curated} | rejected_ids(connection, list(upstream))
    waiting = [_candidate_document(row) for id_, row in upstream.items() if id_ not in hidden]
    return sorted(curated + waiting, key=lambda one: one.ref)


def paper_documents(connection: Connection, ids: Sequence[str]) -> list[Document]:
    """The documents of those of ``ids`` that are papers of the catalog, in no order."""
    return _curated(connection, ids, _newest(connection, ids))


def method_documents(connection: Connection, slugs: Sequence[str] | None = None) -> list[Document]:
    """The documents of the methods of ``slugs``, or of all, in their order."""
    query = select(methods).order_by(methods.c.slug)
    if slugs is not None:
        query = query.where(methods.c.slug.in_(slugs))
    return [_method_document(row) for row in connection.execute(query)]


# Built once: building a statement takes SQLAlchemy longer than SQLite takes to answer it. JSON as
# text: to a search the marks between names are no words, and most of it is names.
_NEWEST = (
    select(
        preprints.c.id, versions.c.title, versions.c.abstract, versions.c.published,
        versions.c.updated, type_coerce(versions.c.authors, Text).label("authors"),
        type_coerce(versions.c.categories, Text).label("categories"),
    )
    .join(
        versions,
        (preprints.c.id == versions.c.preprint_id) & (preprints.c.newest == versions.c.version),
    )
    .where(among(preprints.c.id, bindparam("ids")))
)  # fmt: skip
_PAPERS = select(papers).where(among(papers.c.id, bindparam("ids")))
_LEAVES, _LINKED = (
    select(key, value).where(among(key, bindparam("ids"))).order_by(key, value)
    for key, value in (
        (paper_leaves.c.paper_id, paper_leaves.c.leaf),
        (paper_methods.c.paper_id, paper_methods.c.method),
    )
)


def _newest(connection: Connection, ids: Sequence[str]) -> dict[str, Any]:
    return {row.id: row for row in connection.execute(_NEWEST, {"ids": ids})}


def _curated(
    connection: Connection, ids: Sequence[str], upstream: dict[str, Any]
) -> list[Document]:
    leaves, linked = _grouped(connection, _LEAVES, ids), _grouped(connection, _LINKED, ids)
    found = []
    for row in connection.execute(_PAPERS, {"ids": ids}):
        mine = leaves.get(row.id, [])
        names = [row.id, *row.authors, *row.former_titles, *mine, *linked.get(row.id, [])]
        abstract = upstream[row.id].abstract if row.id in upstream else ""
        found.append(
            Document(
                kind="paper",
                ref=row.id,
                status=row.status,
                title=row.title,
                submitted=_moment(row.submitted),
                updated=_moment(row.updated or row.submitted),
                tags=_tags((*row.categories, *mine)),
                texts=(row.title, "\n".join(names), row.gist or "",
                       "\n".join((*row.claims, abstract))),
            )
        )  # fmt: skip
    return found


def _candidate_document(row: Any) -> Document:
    return Document(
        kind="candidate",
        ref=row.id,
        status="candidate",
        title=row.title,
        submitted=row.published,
        updated=row.updated,
        tags=_tags(json.loads(row.categories)),
        texts=(row.title, f"{row.id}\n{row.authors}\n{row.categories}", "", row.abstract),
    )


def _method_document(row: Any) -> Document:
    return Document(
        kind="method",
        ref=row.slug,
        status=row.status,
        title=row.name,
        submitted=None,
        updated=None,
        tags=(),
        texts=(f"{row.slug}\n{row.name}", f"{row.family}\n{row.paper_id}", row.summary, ""),
    )


def _tags(names: Iterable[str]) -> tuple[str, ...]:
    # What is longer is no category: somebody wrote a sentence into the field of classes.
    return tuple(dict.fromkeys(name for name in names if len(name) <= _LONGEST_TAG))


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _grouped(
    connection: Connection, query: Select[Any], ids: Sequence[str]
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for id_, item in connection.execute(query, {"ids": ids}):
        found.setdefault(id_, []).append(item)
    return found

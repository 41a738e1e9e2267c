"""A page of a filtered listing, read along an index: the cost is the page's, not the table's.

Filters combine. The words of ``text`` are asked of the inverted index; where they leave few
documents those are looked up, where they leave many the sorted listing is walked until the page is
full.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from operator import attrgetter
from typing import Any, Literal

from sqlalchemy import Connection, Select, Table, exists, select

from registry.core.errors import UsageError
from registry.store.among import among
from registry.store.engine import Store
from registry.store.index import indexed
from registry.store.schema import (
    document_tags,
    documents,
    paper_methods,
    preprints,
    versions,
)
from registry.store.terms import KEYS, STOP_WORDS, split

Sort = Literal["newest", "oldest", "updated"]
CATALOGUED = ("active", "superseded", "withdrawn")
_NONE: Sequence[int] = ()
_FEW = 4000  # documents that are looked up one by one


@dataclass(frozen=True)
class Filter:
    """What to list. Dates are of version 1 and inclusive; None lets everything pass."""

    statuses: tuple[str, ...] = ("candidate",)
    category: str | None = None
    leaf: str | None = None
    since: date | None = None
    until: date | None = None
    text: str | None = None


@dataclass(frozen=True)
class Entry:
    """A paper or a candidate as a listing shows it."""

    id: str
    title: str
    status: str
    submitted: date
    updated: date
    categories: tuple[str, ...]
    leaves: tuple[str, ...]
    methods: tuple[str, ...]
    withdrawn: bool  # by its authors or by arXiv, whatever the catalog says


@dataclass(frozen=True)
class Page:
    """Entries in order, and whether others follow."""

    entries: tuple[Entry, ...] = ()
    more: bool = field(default=False)


def listing(
    store: Store,
    asked: Filter,
    *,
    sort: Sort = "newest",
    limit: int | None = 50,
    offset: int = 0,
) -> Page:
    """The entries that pass ``asked``, ``limit`` of them (None: all) from the ``offset``-th on.

    Of one moment the higher identifier comes first (with ``oldest`` last). Raises UsageError for
    a text without words.
    """
    column = "updated" if sort == "updated" else "submitted"

    def ordered(rows: Iterable[Any]) -> list[Any]:
        place = attrgetter(column, "ref")
        return sorted(rows, key=place, reverse=sort != "oldest")

    with indexed(store) as connection:
        holding = _holding(connection, asked.text)
        # Of several statuses each may fill the page: only then is what comes before it read.
        skipped = offset if len(asked.statuses) == 1 else 0
        end = None if limit is None else offset - skipped + limit + 1
        found: list[Any] = []
        for status in asked.statuses:
            if holding is None:
                query = _walk(asked, status, sort).offset(skipped or None).limit(end)
                found += connection.execute(query).all()
                continue
            numbers = holding.get("candidate" if status == "candidate" else "paper", _NONE)
            if len(numbers) <= _FEW:
                rows: Iterable[Any] = ordered(_looked_up(connection, asked, status, numbers))
            else:
                rows = _walked(connection, _walk(asked, status, sort), numbers)
            found += islice(rows, skipped, None if end is None else skipped + end)
        first = offset - skipped
        page = ordered(found)[first : None if limit is None else first + limit]
        entries = _entries(connection, [row.id for row in page])
    return Page(entries, end is not None and len(found) >= end)


def _walked(connection: Connection, query: Select[Any], numbers: Any) -> Iterator[Any]:
    """The rows of ``query`` whose documents are among ``numbers``, which are many."""
    import numpy as np

    marked = np.zeros(int(numbers[-1]) + 1, dtype=np.uint8)
    marked[numbers] = 1
    there = marked.tobytes()
    with connection.execution_options(yield_per=500).execute(query) as rows:
        yield from (row for row in rows if row.id < len(there) and there[row.id])


def _walk(asked: Filter, status: str, sort: Sort) -> Select[Any]:
    """The documents of a status in order, along the index of their rarest tag."""
    tags = [tag for tag in (asked.leaf, asked.category) if tag is not None]
    table: Table = document_tags if tags else documents
    number = document_tags.c.document_id if tags else documents.c.id
    query = select(number.label("id"), table.c.ref, table.c.submitted, table.c.updated)
    query = query.where(table.c.status == status, *_days(table, asked))
    if sort == "updated" and asked.since is not None:
        # Follows from the condition on the first version, and lets this order's index be walked.
        query = query.where(table.c.updated >= _start(asked.since))
    if tags:
        query = query.where(table.c.tag == tags[0])
    for tag in tags[1:]:
        query = query.where(_tagged(table, tag))
    column = table.c.updated if sort == "updated" else table.c.submitted
    order = (column, table.c.ref) if sort == "oldest" else (column.desc(), table.c.ref.desc())
    return query.order_by(*order)


def _looked_up(
    connection: Connection, asked: Filter, status: str, numbers: Sequence[int]
) -> list[Any]:
    """Those of ``numbers``, which are few, that pass the other filters, in no order."""
    columns = documents.c.id, documents.c.ref, documents.c.submitted, documents.c.updated
    chosen = among(documents.c.id, [int(n) for n in numbers])
    query = select(*columns, documents.c.status).where(chosen, *_days(documents, asked))
    for tag in (asked.leaf, asked.category):
        if tag is not None:
            query = query.where(_tagged(documents, tag))
    # Asked of the status too, the database would walk all that have it.
    return [row for row in connection.execute(query) if row.status == status]


def _days(table: Table, asked: Filter) -> list[Any]:
    found = []
    if asked.since is not None:
        found.append(table.c.submitted >= _start(asked.since))
    if asked.until is not None:
        found.append(table.c.submitted < _start(asked.until + timedelta(days=1)))
    return found


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _tagged(table: Table, tag: str) -> Any:
    other = document_tags.alias()
    return exists().where(
        other.c.tag == tag,
        other.c.status == table.c.status,
        other.c.submitted == table.c.submitted,
        other.c.ref == table.c.ref,
    )


def _holding(connection: Connection, text: str | None) -> dict[str, Any] | None:
    """By kind, the documents with all the words of ``text``; None where none are asked."""
    if text is None:
        return None
    asked = split(text)
    if not asked:
        raise UsageError(f"text {text!r} has no words. Give at least one, for example reward.")
    from registry.store.matching import Question

    weak = frozenset(KEYS[word] for word in asked if word in STOP_WORDS)
    return dict(Question(connection, [KEYS[word] for word in asked], weak).holding())


def _entries(connection: Connection, numbers: Sequence[int]) -> tuple[Entry, ...]:
    if not numbers:
        return ()
    rows = connection.execute(select(documents).where(among(documents.c.id, numbers))).all()
    by_number = {row.id: row for row in rows}
    refs = [row.ref for row in rows]
    tags: dict[int, list[str]] = {}
    chosen = among(document_tags.c.document_id, numbers)
    for tag, number in connection.execute(
        select(document_tags.c.tag, document_tags.c.document_id).where(chosen)
    ):
        tags.setdefault(number, []).append(tag)
    linked: dict[str, set[str]] = {}
    for id_, method in connection.execute(
        select(paper_methods.c.paper_id, paper_methods.c.method).where(
            among(paper_methods.c.paper_id, refs)
        )
    ):
        linked.setdefault(id_, set()).add(method)
    newest = (preprints.c.id == versions.c.preprint_id) & (preprints.c.newest == versions.c.version)
    gone = (
        select(preprints.c.id)
        .join(versions, newest)
        .where(among(preprints.c.id, refs), versions.c.withdrawn.is_not(None))
    )
    withdrawn = set(connection.execute(gone).scalars())
    return tuple(_entry(by_number[n], sorted(tags.get(n, ())), linked, withdrawn) for n in numbers)


def _entry(row: Any, tags: list[str], linked: dict[str, set[str]], withdrawn: set[str]) -> Entry:
    return Entry(
        id=row.ref,
        title=row.title,
        status=row.status,
        submitted=row.submitted.date(),
        updated=row.updated.date(),
        # A leaf's slug is group/leaf; no category has a slash.
        categories=tuple(tag for tag in tags if "/" not in tag),
        leaves=tuple(tag for tag in tags if "/" in tag),
        methods=tuple(sorted(linked.get(row.ref, ()))),
        withdrawn=row.ref in withdrawn or row.status == "withdrawn",
    )

"""Made-up rows in the shape of real ones, for a database of any schema.

What a table of today is known to hold is written out; a table or column that came later gets
something of its type that its checks allow, so that a new migration needs nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from registry.store.schema import metadata

DAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER = datetime(2026, 3, 29, 1, 59, 59, 123456, tzinfo=UTC)
_SHA = "ab" * 32
_VERSION = {
    "abstract": "We invent nothing and measure it twice.", "authors": ["Ada Example", "Bo Sample"],
    "categories": ["cs.LG", "I.2.6", "68T07"], "published": DAY, "updated": LATER, "seen_at": LATER,
    "comment": None, "journal_ref": None, "doi": None, "withdrawn": None, "sha256": _SHA,
}  # fmt: skip
_PAPER = {
    "kind": "paper", "authors": ["Ada Example"], "submitted": date(2026, 3, 2), "updated": None,
    "former_titles": [], "categories": ["cs.LG"], "licence": None, "venue": None, "doi": None,
    "gist": "In our own words, made up.", "claims": [], "status": "active", "superseded_by": None,
}  # fmt: skip
_WINDOW = {
    "source_id": 1, "total_reported": None, "total_stored": None, "attempts": 0,
    "next_try_at": None, "finished_at": None, "error": None,
}  # fmt: skip


def _days(first: int, last: int) -> dict[str, datetime]:
    return {"start": DAY.replace(day=first, hour=0, minute=0),
            "end": DAY.replace(day=last, hour=0, minute=0)}  # fmt: skip


ROWS: dict[str, list[dict[str, Any]]] = {
    "papers": [
        {"id": "2603.00001", "title": "A made-up study", **_PAPER},
        {"id": "hep-th/9901001", "title": "An old made-up survey \U0001f600", **_PAPER,
         "kind": "survey", "status": "superseded", "superseded_by": "2603.00001",
         "former_titles": ["Its first name"], "doi": "10.1000/made.up",
         "claims": [{"id": "c1", "text": "nothing grows"}]},
    ],
    "paper_leaves": [
        {"paper_id": "2603.00001", "leaf": "fruit/apples", "position": 0},
        {"paper_id": "2603.00001", "leaf": "fruit/pears", "position": 1},
    ],
    "methods": [
        {"slug": "dpo", "name": "DPO", "family": "preference", "paper_id": "2305.18290",
         "summary": "made up", "status": "verified"},
    ],
    "paper_methods": [{"paper_id": "2603.00001", "method": "dpo", "relation": "uses"}],
    "preprints": [
        {"id": "2603.00002", "newest": 3, "first_seen": DAY, "last_seen": LATER},
        {"id": "2603.00003", "newest": 1, "first_seen": DAY, "last_seen": DAY},
        {"id": "math/0611800", "newest": 2, "first_seen": DAY, "last_seen": LATER},
    ],
    "versions": [
        {"preprint_id": "2603.00002", "version": 1, "title": "An early name", **_VERSION},
        # Version 2 was never seen.
        {"preprint_id": "2603.00002", "version": 3, "title": "A later <name> & \u05d0\u05d1 0'",
         **_VERSION, "comment": "9 pages", "doi": "10.1000/x", "abstract": ""},
        {"preprint_id": "2603.00003", "version": 1, "title": "0", **_VERSION,
         "authors": [f"Person {n}" for n in range(300)]},
        {"preprint_id": "math/0611800", "version": 2, "title": "Gone", **_VERSION,
         "withdrawn": "paper has been withdrawn"},
    ],
    "events": [
        {"preprint_id": "2603.00002", "version": 3, "kind": "title", "at": LATER,
         "detail": {"from": "An early name", "to": "A later name"}},
        {"preprint_id": "math/0611800", "version": 2, "kind": "withdrawn", "at": LATER,
         "detail": {"evidence": "paper has been withdrawn"}},
    ],
    "sources": [
        {"id": 1, "kind": "query", "query": "cat:cs.LG", "query_sha256": _SHA, "created": DAY},
        {"id": 2, "kind": "ids", "query": "named ids", "query_sha256": _SHA, "created": LATER},
    ],
    "sightings": [
        {"preprint_id": "2603.00002", "source_id": 1, "first_seen": DAY, "last_seen": LATER},
        {"preprint_id": "2603.00002", "source_id": 2, "first_seen": DAY, "last_seen": DAY},
        {"preprint_id": "2603.00003", "source_id": 1, "first_seen": DAY, "last_seen": DAY},
        {"preprint_id": "math/0611800", "source_id": 1, "first_seen": DAY, "last_seen": DAY},
    ],
    "windows": [
        {"id": 1, **_WINDOW, **_days(2, 9), "status": "done", "total_reported": 2,
         "total_stored": 2, "finished_at": LATER},
        {"id": 2, **_WINDOW, **_days(9, 16), "status": "suspect", "attempts": 2,
         "next_try_at": LATER, "error": "HTTP 500"},
        {"id": 3, **_WINDOW, **_days(16, 23), "status": "fetching", "attempts": 1},
        {"id": 4, **_WINDOW, **_days(23, 30), "status": "pending"},
    ],
    "fetches": [
        {"id": 1, "source_id": 1, "url": "https://arxiv.invalid/api/query?start=0", "at": DAY,
         "status": 200, "bytes": 5120, "sha256": _SHA, "feed_title": "arXiv Query: cat:cs.LG",
         "total": 2, "entries": 2, "error": None},
        {"id": 2, "source_id": 1, "url": "https://arxiv.invalid/api/query?start=0", "at": LATER,
         "status": 500, "bytes": 0, "sha256": None, "feed_title": None, "total": None,
         "entries": None, "error": "HTTP 500"},
    ],
    "decisions": [
        {"id": 1, "preprint_id": "2603.00003", "decision": "reject", "at": DAY,
         "reason": "off topic", "detail": {}, "uid": "1a" * 16},
        {"id": 2, "preprint_id": "2603.00003", "decision": "accept", "at": LATER, "reason": None,
         "detail": {"leaf": "fruit/apples"}, "uid": "2b" * 16},
    ],
    "runs": [
        {"run_id": "dpo-20260302", "method": "dpo", "status": "done", "folder": "runs/dpo-20260302",
         "started": DAY, "measure": "accuracy", "before": 0.25, "after": 0.5},
    ],
    "meta": [{"key": "kept", "value": "yes"}],
    "unindexed": [{"ref": "2603.00001"}, {"ref": "2603.00002"}, {"ref": "2603.00003"}],
    "documents": [
        {"id": 1, "kind": "paper", "ref": "2603.00001", "heading": "a made up study",
         "names": "ada example", "summary": "in our own words", "body": ""},
        {"id": 2, "kind": "candidate", "ref": "2603.00002", "heading": "a later name", "names": "",
         "summary": "", "body": "we invent nothing and measure it twice"},
    ],
}  # fmt: skip
# From the fourth schema on a search reads these. They are derived, and stand for one another: rows
# made up for one would be wrong beside the others.
INDEX = {"documents", "document_tags", "segments", "postings"}


def fill(connection: sa.Connection) -> None:
    """Put rows into every table of the database, whatever its schema is."""
    found = sa.MetaData()
    found.reflect(connection)
    for table in found.sorted_tables:
        if table.name == "alembic_version" or table.name.startswith("documents_fts"):
            continue
        if table.name in INDEX and "segments" in found.tables:
            continue
        typed = _typed(table)
        for row in ROWS.get(table.name, [{}]):
            known = {name: value for name, value in row.items() if name in typed.c}
            made = dict(_made_up(table, known, ROWS.get(table.name) is not None))
            connection.execute(typed.insert(), {**made, **known})
        if connection.dialect.name == "postgresql" and "id" in table.c:
            # A sequence knows nothing of the ids given here.
            last = f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) FROM "
            if isinstance(table.c.id.type, sa.Integer):
                connection.execute(sa.text(last + table.name))


def _typed(table: sa.Table) -> sa.Table:
    """The reflected table with the types that today's code gives to its columns."""
    known = metadata.tables.get(table.name)
    columns = []
    for column in table.columns:
        if column.computed is None:
            same = known is not None and column.name in known.c
            columns.append(
                sa.Column(column.name, known.c[column.name].type if same else column.type)
            )
    return sa.Table(table.name, sa.MetaData(), *columns)


def _made_up(
    table: sa.Table, given: dict[str, Any], needed_only: bool
) -> Iterator[tuple[str, Any]]:
    """Values for the columns not ``given``; of a known table only those that must have one."""
    for column in table.columns:
        optional = column.nullable or column.server_default is not None
        if column.name in given or column.computed is not None or (needed_only and optional):
            continue
        yield column.name, _value(table, column)


def _value(table: sa.Table, column: sa.Column[Any]) -> Any:
    for key in column.foreign_keys:
        return ROWS[key.column.table.name][0][key.column.name]
    for check in table.constraints:
        allowed = re.search(rf"\b{column.name}\b.*?'([^']*)'", str(getattr(check, "sqltext", "")))
        if allowed:
            return allowed[1]
    today = metadata.tables.get(table.name)
    kind = (
        today.c[column.name].type if today is not None and column.name in today.c else column.type
    )
    if isinstance(kind, sa.types.TypeDecorator):
        return DAY if "Date" in type(kind).__name__ else ["made up"]
    samples = ((sa.DateTime, DAY), (sa.Date, DAY.date()), (sa.Float, 0.5), (sa.Boolean, True),
               (sa.Numeric, 1), (sa.Integer, 1), (sa.LargeBinary, b"made up"))  # fmt: skip
    plain = getattr(column.type, "length", None) or 40
    return next((v for t, v in samples if isinstance(kind, t)), "made up"[:plain])

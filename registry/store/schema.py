"""The tables, and the two column types that databases get wrong on their own.

Four kinds of table lie side by side and never mix::

    curated    papers, paper_leaves, paper_methods, methods      a mirror of the catalog's files
    upstream   preprints, versions, events, sightings            what arXiv says
    lists      list_rows                                         what public lists say
    ours       sources, windows, fetches, decisions, runs, meta  what was asked, decided and run

``documents`` is derived from the first two: one row for each thing a search can find. Decisions
and fetches are only ever appended to; triggers refuse anything else.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

# The newest migration. A test holds it against the scripts; reading it costs no Alembic import.
REVISION = "0005"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment: UTC text of fixed width on SQLite (it sorts), timestamptz on PostgreSQL.

    Raises ValueError for a naive datetime: nobody can say later which zone it meant.
    """

    impl = String(32)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(String(32))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: give it a zone, datetime.now(UTC)")
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.astimezone(UTC)


class JsonText(TypeDecorator[Any]):
    """A JSON value as text with sorted keys, so that equal values are equal rows."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


def _one_of(column: str, *values: str) -> CheckConstraint:
    allowed = ", ".join(f"'{v}'" for v in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


# -- curated -------------------------------------------------------------------------------------

papers = Table(
    "papers",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("title", Text, nullable=False),
    Column("former_titles", JsonText, nullable=False),
    Column("authors", JsonText, nullable=False),
    Column("submitted", Date, nullable=False),
    Column("updated", Date),
    Column("categories", JsonText, nullable=False),
    Column("licence", Text),
    Column("venue", Text),
    Column("doi", Text),
    Column("gist", Text, nullable=False),
    Column("claims", JsonText, nullable=False),
    Column("status", String(20), nullable=False),
    Column("superseded_by", String(40)),
    _one_of("kind", "paper", "survey"),
    _one_of("status", "active", "withdrawn", "superseded"),
)

paper_leaves = Table(
    "paper_leaves",
    metadata,
    Column("paper_id", ForeignKey("papers.id"), primary_key=True),
    Column("leaf", String(80), primary_key=True),
    Column("position", Integer, nullable=False),
    Index(None, "leaf"),
)

methods = Table(
    "methods",
    metadata,
    Column("slug", String(60), primary_key=True),
    Column("name", Text, nullable=False),
    Column("family", String(20), nullable=False),
    Column("paper_id", String(40), nullable=False),
    Column("summary", Text, nullable=False),
    Column("status", String(20), nullable=False),
)

paper_methods = Table(
    "paper_methods",
    metadata,
    Column("paper_id", ForeignKey("papers.id"), primary_key=True),
    Column("method", String(60), primary_key=True),
    Column("relation", String(20), primary_key=True),
    _one_of("relation", "introduces", "uses", "analyses"),
)

# -- upstream ------------------------------------------------------------------------------------

preprints = Table(
    "preprints",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("newest", Integer, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
    CheckConstraint("newest >= 1", name="newest"),
)

versions = Table(
    "versions",
    metadata,
    Column("preprint_id", ForeignKey("preprints.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("title", Text, nullable=False),
    Column("abstract", Text, nullable=False),
    Column("authors", JsonText, nullable=False),
    Column("categories", JsonText, nullable=False),
    Column("published", UtcDateTime, nullable=False),
    Column("updated", UtcDateTime, nullable=False),
    Column("comment", Text),
    Column("journal_ref", Text),
    Column("doi", Text),
    Column("withdrawn", Text),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("sha256", String(64), nullable=False),
    CheckConstraint("version >= 1", name="version"),
)

events = Table(
    "events",
    metadata,
    Column("preprint_id", ForeignKey("preprints.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("detail", JsonText, nullable=False),
    _one_of("kind", "title", "abstract", "withdrawn", "restored"),
)

# -- ours ----------------------------------------------------------------------------------------

sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("query", Text, nullable=False),
    Column("query_sha256", String(64), nullable=False),
    Column("created", UtcDateTime, nullable=False),
    UniqueConstraint("kind", "query_sha256"),
    _one_of("kind", "query", "ids", "file", "list"),
)

sightings = Table(
    "sightings",
    metadata,
    Column("preprint_id", ForeignKey("preprints.id"), primary_key=True),
    Column("source_id", ForeignKey("sources.id"), primary_key=True),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
)

# What a public list said when it was last read, by its rows. An identifier here need not be known.
list_rows = Table(
    "list_rows",
    metadata,
    Column("source_id", ForeignKey("sources.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("line", Integer, nullable=False),
    Column("section", JsonText, nullable=False),
    Column("title", Text, nullable=False),
    Column("arxiv_id", String(40)),
    Column("links", JsonText, nullable=False),
    Column("listed", String(10)),
    Column("venue", Text),
    Index(None, "arxiv_id"),
)

windows = Table(
    "windows",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", ForeignKey("sources.id"), nullable=False),
    Column("start", UtcDateTime, nullable=False),
    Column("end", UtcDateTime, nullable=False),
    Column("status", String(10), nullable=False),
    Column("total_reported", Integer),
    Column("total_stored", Integer),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("error", Text),
    UniqueConstraint("source_id", "start", "end"),
    _one_of("status", "pending", "fetching", "done", "suspect"),
)

fetches = Table(
    "fetches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", ForeignKey("sources.id"), nullable=False),
    Column("url", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("status", Integer),
    Column("bytes", Integer, nullable=False),
    Column("sha256", String(64)),
    Column("feed_title", Text),
    Column("total", Integer),
    Column("entries", Integer),
    Column("error", Text),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("preprint_id", ForeignKey("preprints.id"), nullable=False),
    Column("decision", String(10), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("reason", Text),
    Column("detail", JsonText, nullable=False),
    Index(None, "preprint_id"),
    _one_of("decision", "accept", "reject"),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(100), primary_key=True),
    Column("method", String(60), nullable=False),
    Column("status", String(20), nullable=False),
    Column("folder", Text, nullable=False),
    Column("started", UtcDateTime, nullable=False),
    Column("measure", Text),
    Column("before", Float),
    Column("after", Float),
    Index(None, "method"),
)

meta = Table(
    "meta",
    metadata,
    Column("key", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

# -- derived -------------------------------------------------------------------------------------

# Folded text (see index.py), heaviest column first. FTS5 and tsvector both read this table; the
# migration adds `documents_fts` and its triggers, or the column `vector` and its index.
documents = Table(
    "documents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("ref", String(60), nullable=False),
    Column("heading", Text, nullable=False),
    Column("names", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("kind", "ref"),
    _one_of("kind", "paper", "method", "candidate"),
)

"""The tables of the store.

Four kinds of table lie side by side and never mix::

    curated    papers, paper_leaves, paper_methods, methods      a mirror of the catalog's files
    upstream   preprints, versions, events, sightings            what arXiv says
    lists      list_rows                                         what public lists say
    ours       sources, windows, fetches, decisions, passes,     what was asked, decided and run
               runs, meta

What else arXiv says of a preprint's history lies in ``history_schema.py``.

``documents`` and what hangs on them is derived from the first two: one row for each thing that a
search or a listing can find. Decisions, passes and fetches are only ever appended to; triggers
refuse anything else.
"""

from __future__ import annotations

import uuid

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    true,
)

from registry.store.columns import JsonText, UtcDateTime

# The newest migration. A test holds it against the scripts; reading it costs no Alembic import.
REVISION = "0005"

DECISIONS = ("accept", "reject", "maybe", "duplicate", "retag", "skip", "undo")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


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
    # The day to sort by; where only the month is known, its first day.
    Column("submitted", Date, nullable=False),
    Column("updated", Date),
    Column("categories", JsonText, nullable=False),
    Column("licence", Text),
    Column("venue", Text),
    Column("doi", Text),
    Column("gist", Text, nullable=False),  # "" where the entry holds facts only
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
    # False where no source has said which version its text is of: it counts as version 1.
    Column("stated", Boolean, nullable=False, server_default=true()),
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
    _one_of(
        "kind",
        "title",
        "abstract",
        "withdrawn",
        "restored",
        "primary",
        "gap",
        "deleted",
        "unseen",
    ),
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
    Column("state", JsonText),  # what the next request needs: an ETag, a feed's fingerprint
    UniqueConstraint("kind", "query_sha256"),
    _one_of("kind", "query", "ids", "file", "oai", "rss", "list"),
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
    Column("token", Text),  # where a harvest goes on
    Column("token_ends", UtcDateTime),
    Column("responded", UtcDateTime),  # the service's clock in its first answer
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
    # The same in every database that the row is copied to.
    Column("uid", String(32), nullable=False, default=lambda: uuid.uuid4().hex),
    Column("reviewer", String(80)),  # none in rows older than the column
    Column("undoes", ForeignKey("decisions.id")),
    Index(None, "preprint_id"),
    UniqueConstraint("uid"),
    UniqueConstraint("undoes"),  # once: of two who undo the same row at once, one is told
    _one_of("decision", *DECISIONS),
    CheckConstraint("(decision = 'undo') = (undoes IS NOT NULL)", name="undoes"),
)

# One reviewer's way through the queue: what was skipped in it is not shown in it again.
passes = Table(
    "passes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("reviewer", String(80), nullable=False),
    Column("after", Integer, nullable=False),  # the newest decision when it began, 0 for none
    Column("at", UtcDateTime, nullable=False),
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

# What can be found and listed: a catalogued paper, a method or a candidate. A number is given once
# and never again: a document that changes is a new one (see segments.py).
documents = Table(
    "documents",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(10), nullable=False),
    Column("ref", String(60), nullable=False),
    Column("status", String(20), nullable=False),
    Column("title", Text, nullable=False),
    Column("submitted", UtcDateTime),  # of version 1; none for a method
    Column("updated", UtcDateTime),
    Column("digest", BigInteger, nullable=False),  # of all that is indexed and listed
    UniqueConstraint("kind", "ref"),
    Index("ix_documents_submitted", "status", "submitted", "ref"),
    Index("ix_documents_updated", "status", "updated", "ref"),
    _one_of("kind", "paper", "method", "candidate"),
)

# Categories and leaves of the documents, each beside what a listing sorts by: a page of a filtered
# listing is a short walk along the index.
document_tags = Table(
    "document_tags",
    metadata,
    Column("tag", String(80), primary_key=True),
    Column("status", String(20), primary_key=True),
    Column("submitted", UtcDateTime, primary_key=True),
    Column("ref", String(60), primary_key=True),
    Column("updated", UtcDateTime, nullable=False),
    Column("document_id", Integer, nullable=False),
    Index("ix_document_tags_updated", "tag", "status", "updated", "ref"),
    Index(None, "document_id"),
    sqlite_with_rowid=False,
)

# The preprints whose document has to be derived again: written with what changed them, in the same
# transaction; read by whoever searches next.
unindexed = Table(
    "unindexed",
    metadata,
    Column("ref", String(60), primary_key=True),
)

segments = Table(
    "segments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(10), nullable=False),
    Column("low", Integer, nullable=False),
    Column("high", Integer, nullable=False),
    Column("documents", Integer, nullable=False),
    Column("buried", LargeBinary, nullable=False),
)

postings = Table(
    "postings",
    metadata,
    Column("segment_id", ForeignKey("segments.id"), primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

# -- from elsewhere, and never needed ------------------------------------------------------------

citations = Table(
    "citations",
    metadata,
    Column("citing", String(40), primary_key=True),
    Column("cited", String(40), primary_key=True),
    Column("source", String(20), primary_key=True),
    Index(None, "cited"),
)

# Which papers a source was asked about: no citations is an answer too.
citation_answers = Table(
    "citation_answers",
    metadata,
    Column("paper_id", String(40), primary_key=True),
    Column("source", String(20), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("known", Boolean, nullable=False),
)

"""The search in ordinary tables, what a listing filters by, and citations.

FTS5 and tsvector rank every hit of a common word, which takes a tenth of a second where there are
a hundred thousand. The documents are derived anew: papers and methods at the next synchronisation
(their composition has changed), the preprints here noted at the next search.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for action in ("insert", "delete", "update"):
            op.execute(f"DROP TRIGGER documents_fts_{action}")
        op.execute("DROP TABLE documents_fts")
    op.drop_table("documents")
    _documents()
    _index()
    _citations()
    op.execute("INSERT INTO unindexed (ref) SELECT id FROM preprints")


def _moment() -> sa.String:
    return sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("ref", sa.String(length=60), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("submitted", _moment(), nullable=True),
        sa.Column("updated", _moment(), nullable=True),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('paper', 'method', 'candidate')", name=op.f("ck_documents_kind")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint("kind", "ref", name=op.f("uq_documents_kind_ref")),
    )
    op.create_index("ix_documents_submitted", "documents", ["status", "submitted", "ref"])
    op.create_index("ix_documents_updated", "documents", ["status", "updated", "ref"])
    op.create_table(
        "document_tags",
        sa.Column("tag", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("submitted", _moment(), nullable=False),
        sa.Column("ref", sa.String(length=60), nullable=False),
        sa.Column("updated", _moment(), nullable=False),
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tag", "status", "submitted", "ref", name=op.f("pk_document_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_document_tags_updated", "document_tags", ["tag", "status", "updated", "ref"]
    )
    op.create_index(op.f("ix_document_tags_document_id"), "document_tags", ["document_id"])
    op.create_table(
        "unindexed",
        sa.Column("ref", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_unindexed")),
    )


def _index() -> None:
    op.create_table(
        "segments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("low", sa.Integer(), nullable=False),
        sa.Column("high", sa.Integer(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("buried", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
    )
    op.create_table(
        "postings",
        sa.Column("segment_id", sa.Integer(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segments.id"], name=op.f("fk_postings_segment_id_segments")
        ),
        sa.PrimaryKeyConstraint("segment_id", "first", name=op.f("pk_postings")),
    )


def _citations() -> None:
    op.create_table(
        "citations",
        sa.Column("citing", sa.String(length=40), nullable=False),
        sa.Column("cited", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("citing", "cited", "source", name=op.f("pk_citations")),
    )
    op.create_index(op.f("ix_citations_cited"), "citations", ["cited"])
    op.create_table(
        "citation_answers",
        sa.Column("paper_id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("at", _moment(), nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("paper_id", "source", name=op.f("pk_citation_answers")),
    )

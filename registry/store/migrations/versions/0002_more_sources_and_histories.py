"""More sources, the history of versions, absences, announcements and duplicates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_KINDS = {
    "sources": "kind IN ('query', 'ids', 'file', 'oai', 'rss', 'list')",
    "events": "kind IN ('title', 'abstract', 'withdrawn', 'restored', 'primary', 'gap', "
    "'deleted', 'unseen')",
}


def upgrade() -> None:
    _widen()
    _histories()
    _announced()
    _matched()


def _moment() -> sa.String:
    return sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")


def _widen() -> None:
    for table, allowed in _KINDS.items():
        name = op.f(f"ck_{table}_kind")
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(name, type_="check")
            batch.create_check_constraint(name, sa.text(allowed))
    op.add_column("sources", sa.Column("state", sa.Text(), nullable=True))
    op.add_column(
        "preprints", sa.Column("stated", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.add_column("windows", sa.Column("token", sa.Text(), nullable=True))
    op.add_column("windows", sa.Column("token_ends", _moment(), nullable=True))
    op.add_column("windows", sa.Column("responded", _moment(), nullable=True))


def _histories() -> None:
    op.create_table(
        "revisions",
        sa.Column("preprint_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("submitted", _moment(), nullable=True),
        sa.Column("kilobytes", sa.Integer(), nullable=True),
        sa.Column("source_type", sa.String(length=10), nullable=True),
        sa.Column("licence", sa.Text(), nullable=True),
        sa.CheckConstraint("version >= 1", name=op.f("ck_revisions_version")),
        sa.ForeignKeyConstraint(
            ["preprint_id"], ["preprints.id"], name=op.f("fk_revisions_preprint_id_preprints")
        ),
        sa.PrimaryKeyConstraint("preprint_id", "version", name=op.f("pk_revisions")),
    )
    op.create_table(
        "primaries",
        sa.Column("preprint_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("last_seen", _moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["preprint_id"], ["preprints.id"], name=op.f("fk_primaries_preprint_id_preprints")
        ),
        sa.PrimaryKeyConstraint("preprint_id", "version", "category", name=op.f("pk_primaries")),
    )
    op.create_table(
        "absences",
        sa.Column("preprint_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("since", _moment(), nullable=False),
        sa.Column("last", _moment(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind IN ('deleted', 'unseen')", name=op.f("ck_absences_kind")),
        sa.PrimaryKeyConstraint("preprint_id", "kind", name=op.f("pk_absences")),
    )


def _announced() -> None:
    op.create_table(
        "announcements",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("preprint_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("announce_type", sa.String(length=20), nullable=False),
        sa.Column("announced", sa.Date(), nullable=False),
        sa.Column("first_seen", _moment(), nullable=False),
        sa.CheckConstraint(
            "announce_type IN ('new', 'cross', 'replace', 'replace-cross', 'absonly')",
            name=op.f("ck_announcements_announce_type"),
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["sources.id"], name=op.f("fk_announcements_source_id_sources")
        ),
        sa.PrimaryKeyConstraint(
            "source_id",
            "preprint_id",
            "version",
            "announce_type",
            name=op.f("pk_announcements"),
        ),
    )
    op.create_table(
        "notices",
        sa.Column("preprint_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("noticed", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("preprint_id", "version", "kind", name=op.f("pk_notices")),
    )


def _matched() -> None:
    op.create_table(
        "match_keys",
        sa.Column("ref", sa.String(length=60), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("doi", sa.Text(), nullable=True),
        sa.Column("title", sa.String(length=32), nullable=True),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_match_keys")),
    )
    op.create_index(op.f("ix_match_keys_doi"), "match_keys", ["doi"])
    op.create_index(op.f("ix_match_keys_title"), "match_keys", ["title"])
    op.create_table(
        "duplicates",
        sa.Column("one", sa.String(length=40), nullable=False),
        sa.Column("other", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=10), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("found_at", _moment(), nullable=False),
        sa.CheckConstraint("reason IN ('doi', 'title')", name=op.f("ck_duplicates_reason")),
        sa.PrimaryKeyConstraint("one", "other", "reason", name=op.f("pk_duplicates")),
    )

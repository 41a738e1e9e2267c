"""Public lists as sources, and what their rows say."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0001"

_NAME = "ck_sources_kind"


def upgrade() -> None:
    _allow_kind("list")
    op.create_table(
        "list_rows",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("arxiv_id", sa.String(length=40), nullable=True),
        sa.Column("links", sa.Text(), nullable=False),
        sa.Column("listed", sa.String(length=10), nullable=True),
        sa.Column("venue", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["source_id"], ["sources.id"], name=op.f("fk_list_rows_source_id_sources")
        ),
        sa.PrimaryKeyConstraint("source_id", "position", name=op.f("pk_list_rows")),
    )
    op.create_index(op.f("ix_list_rows_arxiv_id"), "list_rows", ["arxiv_id"])


def _allow_kind(kind: str) -> None:
    """Add ``kind`` to those that the constraint allows by now, whichever they are."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        _allow_on_sqlite(connection, kind)
        return
    checks = sa.inspect(connection).get_check_constraints("sources")
    text = next(str(check["sqltext"]) for check in checks if check["name"] == _NAME)
    kinds = [*re.findall(r"'([a-z]+)'", text), kind]
    allowed = ", ".join(f"'{name}'" for name in dict.fromkeys(kinds))
    op.drop_constraint(op.f(_NAME), "sources", type_="check")
    op.create_check_constraint(op.f(_NAME), "sources", f"kind IN ({allowed})")


def _allow_on_sqlite(connection: sa.Connection, kind: str) -> None:
    # SQLite alters no constraint, and other tables refer to this one, so it cannot be made anew
    # and renamed while foreign keys are on. A CHECK says nothing about what lies on the disk: the
    # text of the table may be edited, as https://sqlite.org/lang_altertable.html describes.
    found = connection.execute(
        sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'sources'")
    ).scalar_one()
    altered = re.sub(rf"({_NAME}\W+CHECK \(kind IN \([^)]*)\)", rf"\1, '{kind}')", str(found))
    version = connection.execute(sa.text("PRAGMA schema_version")).scalar_one()
    connection.execute(sa.text("PRAGMA writable_schema = ON"))
    connection.execute(
        sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = 'sources'"),
        {"sql": altered},
    )
    connection.execute(sa.text(f"PRAGMA schema_version = {int(version) + 1}"))
    connection.execute(sa.text("PRAGMA writable_schema = OFF"))
    if altered == found:
        raise RuntimeError(f"the table sources has no constraint {_NAME} to alter: {found}")

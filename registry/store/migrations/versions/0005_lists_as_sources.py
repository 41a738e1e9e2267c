"""What the rows of public lists say."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
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

"""Decisions of more kinds and of several reviewers, each undoable and with a name of its own."""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_KINDS = "'accept', 'reject', 'maybe', 'duplicate', 'retag', 'skip', 'undo'"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _alter_on_postgresql()
    else:
        _rebuild_on_sqlite()
    op.create_table(
        "passes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reviewer", sa.String(length=80), nullable=False),
        sa.Column("after", sa.Integer(), nullable=False),
        sa.Column("at", _moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passes")),
    )
    _append_only("passes")


def _moment() -> sa.String:
    return sa.String(32).with_variant(sa.DateTime(timezone=True), "postgresql")


def _uid(row: Any) -> str:
    # The same for the same row in every copy of the database that is migrated.
    said = f"{row.id}\0{row.preprint_id}\0{row.decision}\0{row.at}\0{row.reason}"
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _rebuild_on_sqlite() -> None:
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT * FROM decisions ORDER BY id")).all()
    op.execute("DROP TRIGGER decisions_no_update")
    op.execute("DROP TRIGGER decisions_no_delete")
    op.drop_index("ix_decisions_preprint_id", "decisions")
    op.rename_table("decisions", "decisions_before")
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("preprint_id", sa.String(length=40), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=False),
        sa.Column("at", _moment(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("reviewer", sa.String(length=80), nullable=True),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.CheckConstraint(f"decision IN ({_KINDS})", name=op.f("ck_decisions_decision")),
        sa.CheckConstraint(
            "(decision = 'undo') = (undoes IS NOT NULL)", name=op.f("ck_decisions_undoes")
        ),
        sa.ForeignKeyConstraint(
            ["preprint_id"], ["preprints.id"], name=op.f("fk_decisions_preprint_id_preprints")
        ),
        sa.ForeignKeyConstraint(
            ["undoes"], ["decisions.id"], name=op.f("fk_decisions_undoes_decisions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("uid", name=op.f("uq_decisions_uid")),
        sa.UniqueConstraint("undoes", name=op.f("uq_decisions_undoes")),
    )
    for row in rows:
        connection.execute(
            sa.text(
                "INSERT INTO decisions (id, preprint_id, decision, at, reason, detail, uid) "
                "VALUES (:id, :preprint_id, :decision, :at, :reason, :detail, :uid)"
            ),
            {**row._mapping, "uid": _uid(row)},
        )
    op.drop_table("decisions_before")
    op.create_index(op.f("ix_decisions_preprint_id"), "decisions", ["preprint_id"])
    _append_only("decisions")


def _alter_on_postgresql() -> None:
    connection = op.get_bind()
    op.drop_constraint(op.f("ck_decisions_decision"), "decisions")
    op.create_check_constraint(
        op.f("ck_decisions_decision"), "decisions", f"decision IN ({_KINDS})"
    )
    op.add_column("decisions", sa.Column("uid", sa.String(length=32), nullable=True))
    op.add_column("decisions", sa.Column("reviewer", sa.String(length=80), nullable=True))
    op.add_column("decisions", sa.Column("undoes", sa.Integer(), nullable=True))
    # The one change ever made to rows of the log: they are given the name they lacked.
    op.execute("ALTER TABLE decisions DISABLE TRIGGER decisions_append_only")
    for row in connection.execute(sa.text("SELECT * FROM decisions ORDER BY id")).all():
        connection.execute(
            sa.text("UPDATE decisions SET uid = :uid WHERE id = :id"),
            {"id": row.id, "uid": _uid(row)},
        )
    op.execute("ALTER TABLE decisions ENABLE TRIGGER decisions_append_only")
    op.alter_column("decisions", "uid", nullable=False)
    op.create_unique_constraint(op.f("uq_decisions_uid"), "decisions", ["uid"])
    op.create_unique_constraint(op.f("uq_decisions_undoes"), "decisions", ["undoes"])
    op.create_foreign_key(
        op.f("fk_decisions_undoes_decisions"), "decisions", "decisions", ["undoes"], ["id"]
    )
    op.create_check_constraint(
        op.f("ck_decisions_undoes"), "decisions", "(decision = 'undo') = (undoes IS NOT NULL)"
    )


def _append_only(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        return
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} BEGIN "
            f"SELECT RAISE(ABORT, '{table} is append-only'); END"
        )

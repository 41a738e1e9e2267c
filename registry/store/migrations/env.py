"""Alembic's entry: run by ``registry.store.migrations.upgrade`` on the store's own connection."""

from __future__ import annotations

from typing import Any

from alembic import context

from registry.store.history_schema import metadata


def _is_ours(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
    # FTS5 keeps shadow tables, and the tsvector column is generated: neither is in the metadata.
    if kind == "table":
        return not (name or "").startswith("documents_fts")
    return name not in ("vector", "ix_documents_vector")


def _run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_object=_is_ours,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


_run()

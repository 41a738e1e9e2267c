"""Alembic's entry: run by ``registry.store.migrations.upgrade`` on the store's own connection."""

from __future__ import annotations

from alembic import context

from registry.store.history_schema import metadata


def _run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


_run()

"""Rows that are put, not inserted: an existing row with the same key takes the new values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, bindparam

from registry.store.columns import UtcDateTime

T = TypeVar("T")

# SQLite refuses more than 32,766 variables in a statement; a list of ids goes in pieces.
PIECE = 500
_MANY = 50  # rows: for fewer the statement costs more than they do


def put(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert ``rows``; where the primary key is there already, replace every other column.

    All rows have the columns of the first one.
    """
    if not rows:
        return
    names = tuple(rows[0])
    key = [column.name for column in table.primary_key]
    statement = _insert(connection, table).values({name: bindparam(name) for name in names})
    changed = {name: statement.excluded[name] for name in names if name not in key}
    statement = (
        statement.on_conflict_do_update(index_elements=key, set_=changed)
        if changed
        else statement.on_conflict_do_nothing(index_elements=key)
    )
    if connection.dialect.name == "sqlite" and len(rows) >= _MANY:
        _put_many(connection, table, statement, rows)
    else:
        connection.execute(statement, list(rows))


def _put_many(
    connection: Connection, table: Table, statement: Any, rows: Sequence[Mapping[str, Any]]
) -> None:
    # What SQLAlchemy does for each row takes longer than what SQLite does: done by column here.
    compiled = statement.compile(dialect=connection.dialect)
    columns = []
    for name in compiled.positiontup:
        values: Iterable[Any] = map(itemgetter(name), rows)
        type_ = table.c[name].type.dialect_impl(connection.dialect)
        if process := type_.bind_processor(connection.dialect):
            # One file is seen at one moment: most moments of a batch are the same few.
            often = isinstance(table.c[name].type, UtcDateTime)
            values = map(cache(process) if often else process, values)
        columns.append(values)
    connection.exec_driver_sql(str(compiled), list(zip(*columns, strict=True)))


def _insert(connection: Connection, table: Table) -> Any:
    # Only the dialect in use: PostgreSQL's takes 50 ms to import, which a search must not pay.
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def pieces(items: Iterable[T], size: int = PIECE) -> Iterator[list[T]]:
    """``items`` in lists of at most ``size``."""
    piece: list[T] = []
    for item in items:
        piece.append(item)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece

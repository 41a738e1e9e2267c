"""Rows that are put, not inserted: an existing row with the same key takes the new values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, bindparam, func, select

T = TypeVar("T")

# SQLite refuses more than 32,766 variables in a statement; a list of ids goes in pieces.
PIECE = 500


def put(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert ``rows``; where the primary key is there already, replace every other column."""
    if not rows:
        return
    key = [column.name for column in table.primary_key]
    values = [name for name in rows[0] if name not in key]
    statement = _insert(connection, table)
    changed = {name: statement.excluded[name] for name in values}
    connection.execute(
        statement.on_conflict_do_update(index_elements=key, set_=changed)
        if changed
        else statement.on_conflict_do_nothing(index_elements=key),
        list(rows),
    )


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


def among(connection: Connection, column: ColumnElement[Any], items: Sequence[int | str]) -> Any:
    """The condition that ``column`` is one of ``items``, as one variable however many they are."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import ARRAY

        return column == func.any(bindparam(None, list(items), ARRAY(column.type), unique=True))
    listed = func.json_each(json.dumps(list(items))).table_valued("value")
    return column.in_(select(listed.c.value))

"""The condition that a column is one of many values, as one variable however many they are.

A statement with it is the same for any number of values: SQLAlchemy compiles it once, PostgreSQL
prepares it once, and SQLite's bound on variables is not met.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BindParameter, Boolean, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class Listed(TypeDecorator[Any]):
    """Values as one variable: a JSON array on SQLite, an array of ``item`` on PostgreSQL."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name != "postgresql":
            return dialect.type_descriptor(Text())
        from sqlalchemy.dialects.postgresql import ARRAY

        return dialect.type_descriptor(ARRAY(self.item))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return list(value) if dialect.name == "postgresql" else json.dumps(list(value))


class _Among(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> _Among:
        # A condition as it is: with "= 1" behind it, for want of booleans, SQLite uses no index.
        return self


@compiles(_Among)
def _on_sqlite(element: _Among, compiler: Any, **options: Any) -> str:
    column, listed = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({listed})))"  # noqa: S608  a parameter


@compiles(_Among, "postgresql")
def _on_postgresql(element: _Among, compiler: Any, **options: Any) -> str:
    column, listed = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} = ANY ({listed}))"


def among(
    column: ColumnElement[Any], items: Iterable[int | str] | BindParameter[Any]
) -> ColumnElement[bool]:
    """The condition that ``column`` is one of ``items``: values, or a parameter that names them."""
    listed = Listed(column.type)
    if isinstance(items, BindParameter):
        return _Among(column, bindparam(items.key, type_=listed))
    return _Among(column, bindparam(None, list(items), listed, unique=True))

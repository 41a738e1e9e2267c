"""One row as a source gives it, the checks of a single value, and how to complain about either."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from methods.engine.errors import DataError

MOST_NAMES = 20  # columns that an error names

# Every column that some layout reads; those that a source can leave unread are not read.
COLUMNS = frozenset(
    (
        *("prompt", "completion", "chosen", "rejected", "messages", "text", "answer", "label"),
        *("completions", "labels", "tools", "system"),
        *("instruction", "input", "output", "history", "conversations"),
    )
)


class BadRow(DataError):
    """One row is wrong; the rows after it may be right. It never leaves this package."""


@dataclass(frozen=True)
class Row:
    """One row of a source. ``place`` is what a person looks for: ``row 3``, ``line 7``."""

    source: str
    place: str
    values: Mapping[str, Any]
    nulls: tuple[str, ...] = ()  # columns that other rows fill and this one does not
    unread: tuple[str, ...] = ()  # columns that no layout reads
    cells: bool = False  # of a CSV file: every value is text
    names: Mapping[str, str] = field(default_factory=dict)  # after a conversion: ours to the file's

    def name(self, column: str) -> str:
        """What the source itself calls ``column``."""
        return self.names.get(column, column)

    def error(self, column: str, message: str) -> BadRow:
        """``file, row 3, column 'chosen': ...``"""
        where = f"{self.source}, {self.place}, column {show(self.name(column))}"
        return BadRow(f"{where}: {message}")

    def whole_error(self, message: str) -> BadRow:
        """``file, row 3: ...``"""
        return BadRow(f"{self.source}, {self.place}: {message}")

    def no_columns(self, needed: str) -> BadRow:
        """That no layout fits, with the columns that are there."""
        found = sorted(map(str, (*self.values, *self.unread)))
        more = f" and {len(found) - MOST_NAMES} more" if len(found) > MOST_NAMES else ""
        listed = ", ".join(plain(name) for name in found[:MOST_NAMES]) or "none"
        empty = f" (null here: {', '.join(sorted(self.nulls))})" if self.nulls else ""
        return self.whole_error(f"columns are {listed}{more}{empty}; needed: {needed}")


def text(row: Row, column: str, *, empty: bool = False) -> str:
    """The text in ``column``; blank only where ``empty``. Raises BadRow."""
    value = row.values[column]
    check_text(row, column, value, "")
    if not empty and not value.strip():
        found = "is only blanks" if value else "is empty"
        raise row.error(column, f"{found}; at least one visible character is needed")
    return str(value)


def check_text(row: Row, column: str, value: Any, what: str) -> None:
    """Raises BadRow where ``value`` is no text, or none that can be written down."""
    if not isinstance(value, str):
        raise row.error(column, f"{what}is {kind(value)}; allowed: text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise row.error(
            column, f"{what}has half a surrogate pair at character {error.start + 1}"
        ) from error


def flag(row: Row, column: str) -> bool:
    """True or false in ``column``; a CSV cell says it as a word."""
    value = row.values[column]
    if row.cells:
        word = value.strip().lower()
        if word not in ("true", "false"):
            raise row.error(column, f"is {show(value)}; allowed: true, false")
        return bool(word == "true")
    if not isinstance(value, bool):
        raise row.error(column, f"is {kind(value)}; allowed: true, false")
    return value


def listed(row: Row, column: str, of: str) -> list[Any]:
    """The list in ``column``, not empty; ``of`` says what of."""
    value = row.values[column]
    if row.cells:
        raise row.error(
            column, f"is text, as every CSV cell; a list of {of} needs JSONL, JSON or Parquet"
        )
    if not isinstance(value, list) or not value:
        found = "an empty list" if value == [] else kind(value)
        raise row.error(column, f"is {found}; allowed: a list of {of}, not empty")
    return value


def number_or_text(row: Row, column: str) -> str | None:
    """What ``column`` holds, as text; None where it holds nothing."""
    value = row.values.get(column)
    if value is None or (row.cells and value == ""):
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise row.error(column, f"is {value}; allowed: text or a finite number")
        return str(value)
    return text(row, column)


def kind(value: Any) -> str:
    """``value``'s type in a person's words."""
    kinds = {
        str: "text",
        list: "a list",
        dict: "an object",
        bool: "true or false",
        int: "a number",
        float: "a number",
        type(None): "null",
    }
    return kinds.get(type(value), type(value).__name__)


def plain(words: Any) -> str:
    """``words`` on one line, without what a terminal would obey, at most 200 characters."""
    line = " ".join(str(words).split())
    line = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)
    return line if len(line) <= 200 else line[:200] + "..."


def show(value: Any) -> str:
    """``value`` in quotes, for a message."""
    return repr(plain(value)) if isinstance(value, str) else plain(repr(value))

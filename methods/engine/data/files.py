"""Rows of JSONL, JSON and CSV files, plain or gzipped, read one after another.

A JSONL row is counted by its line, a CSV row by the line it begins on (the header is line 1).
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

from methods.engine.data.row import BadRow, Row, kind, plain
from methods.engine.errors import DataError

MOST_BYTES = 64 << 20  # of one line, or of one row of a JSON file
MOST_CELL = 16 << 20  # characters; an unclosed quote swallows no more than this
_CHUNK = 1 << 20  # characters


def jsonl_rows(path: Path) -> Iterator[Row | BadRow]:
    """One object a line; blank lines are skipped."""
    with _open(path) as handle:
        lines = _Lines(path, handle, "row")
        while True:
            try:
                line = next(lines)
            except StopIteration:
                return
            except BadRow as error:
                yield error
                continue
            if line.strip():
                yield _object_row(path, lines.number, line)


def csv_rows(path: Path) -> Iterator[Row | BadRow]:
    """One row a record under a header of column names; quotes as in RFC 4180, commas between."""
    with _open(path) as handle:
        csv.field_size_limit(MOST_CELL)
        lines = _Lines(path, handle, "line")
        records = csv.reader(lines, strict=True)
        header = _header(path, records)
        while True:
            place = f"line {lines.number + 1}"
            try:
                cells = next(records)
            except StopIteration:
                return
            except BadRow as error:
                yield error
                continue
            except csv.Error as error:
                yield BadRow(f"{path}, {place}: not CSV ({error})")
                continue
            if not cells:
                continue
            if len(cells) != len(header):
                yield BadRow(
                    f"{path}, {place}: {len(cells)} cells where the header names {len(header)} "
                    "columns; a cell with a comma or a line break needs double quotes around it"
                )
                continue
            yield Row(str(path), place, dict(zip(header, cells, strict=True)), cells=True)


def json_rows(path: Path) -> Iterator[Row | BadRow]:
    """The objects of one list, decoded one after another."""
    with _open(path) as handle:
        text = TextIOWrapper(handle, encoding="utf-8-sig")  # type: ignore[type-var]
        try:
            for number, value in enumerate(_elements(path, text), start=1):
                yield _row(path, number, value)
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: not UTF-8 ({error.reason})") from error


# Opening


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    try:
        zipped = path.name.lower().endswith(".gz")
        with gzip.open(path, "rb") if zipped else path.open("rb") as handle:
            yield handle
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: not a whole gzip file ({error})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


class _Lines:
    """The lines of a file as text. A line that is not UTF-8 raises BadRow; one may read on."""

    def __init__(self, path: Path, handle: IO[bytes], word: str) -> None:
        self.path, self.number, self._handle, self._word = path, 0, handle, word

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._handle.readline(MOST_BYTES + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > MOST_BYTES:
            raise DataError(
                f"{self.path}, line {self.number}: longer than {MOST_BYTES >> 20} MiB; each row "
                "stands on a line of its own (a list of rows in one goes into a .json file)"
            )
        try:
            return line.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            where = f"{self.path}, {self._word} {self.number}"
            raise BadRow(f"{where}: not UTF-8 (byte {error.start + 1} of the line)") from error


# JSON


def _object_row(path: Path, number: int, line: str) -> Row | BadRow:
    try:
        return _row(path, number, json.loads(line, object_pairs_hook=_object))
    except (ValueError, RecursionError) as error:
        return BadRow(f"{path}, row {number}: {_json_problem(error)}")


def _row(path: Path, number: int, value: Any) -> Row | BadRow:
    if not isinstance(value, dict):
        return BadRow(f"{path}, row {number}: {kind(value)}, not an object of columns")
    return Row(str(path), f"row {number}", value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Twice(f"the name '{plain(twice)}' stands twice in one object")
    return found


class _Twice(ValueError):
    pass


def _json_problem(error: Exception) -> str:
    if isinstance(error, _Twice):
        return str(error)
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON ({error.msg}, character {error.pos + 1})"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return f"not JSON that can be read ({error})"  # a number of thousands of digits


def _elements(path: Path, text: IO[str]) -> Iterator[Any]:
    """The elements of the list in ``text``, holding little more than one of them at a time."""
    decoder = json.JSONDecoder(object_pairs_hook=_object)
    held, at, number = text.read(_CHUNK), 0, 0
    if not held.strip():
        return

    def token() -> str:
        """The next character that is not blank, left where it is; "" at the end."""
        nonlocal held, at
        while True:
            at = _BLANK.match(held, at).end()  # type: ignore[union-attr]
            if at < len(held):
                return held[at]
            held, at = text.read(_CHUNK), 0
            if not held:
                return ""

    if token() != "[":
        raise DataError(f"{path}: not a list of rows; a file of one object a line is called .jsonl")
    at += 1
    if token() == "]":
        return
    while True:
        number += 1
        token()
        while True:
            try:
                value, end = decoder.raw_decode(held, at)
                if end < len(held):
                    break
                problem: Exception | None = None  # a number may go on in the next chunk
            except (ValueError, RecursionError) as error:
                problem = error
            more = "" if len(held) - at > MOST_BYTES else text.read(max(_CHUNK, len(held) - at))
            if not more:
                said = _json_problem(problem) if problem else "the list does not end"
                raise DataError(f"{path}, row {number}: {said}") from problem
            held, at = held[at:] + more, 0
        yield value
        at = end
        mark = token()
        at += 1
        if mark == "]":
            return
        if mark != ",":
            raise DataError(f"{path}, row {number}: not followed by a comma or the list's end")


_BLANK = re.compile(r"[ \t\r\n]*")


# CSV


def _header(path: Path, records: Iterator[list[str]]) -> list[str]:
    try:
        header = next(records, [])
    except csv.Error as error:
        raise DataError(f"{path}, line 1: not CSV ({error})") from error
    named = [name for name in header if name]  # an index column often has no name
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise DataError(
            f"{path}, line 1: the header names {', '.join(map(plain, twice))} more than once"
        )
    return header

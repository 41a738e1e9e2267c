"""Rows of a hub data set or a local folder of data files, read by the library ``datasets``.

Without ``:stream`` the library writes the whole split to its cache on disk and rows are read from
there; with it rows come over the network and nothing is kept. Neither holds the split in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from methods.engine.data.row import COLUMNS, BadRow, Row, plain
from methods.engine.data.sources import HUB_FORM, HubSet
from methods.engine.errors import DataError
from methods.engine.hub import without_retries


def hub_rows(source: str, wanted: HubSet) -> Iterator[Row | BadRow]:
    """The rows in order; a null is a column that the row lacks."""
    try:
        from datasets import load_dataset  # 1.3 s
    except ImportError as error:
        raise DataError(
            f"{source} needs the package datasets: pip install 'posttrain-registry[run]'"
        ) from error
    name, split, revision, stream = wanted
    with without_retries(needed=not Path(name).is_dir()) as problem:
        try:
            table = load_dataset(name, split=split, revision=revision, streaming=stream)
            names = table.column_names or []
            unread = tuple(column for column in names if column not in COLUMNS)
            read = [column for column in names if column in COLUMNS]
            if read and unread:
                table = table.select_columns(read)  # an image is not decoded for nothing
        # The library raises dozens of kinds, its own and those of its hub client.
        except Exception as error:
            raise _failure(source, error, problem) from error
        rows = iter(table)
        number = 0
        while True:
            try:
                values: dict[str, Any] | None = next(rows, None)
            except Exception as error:
                raise _failure(source, error, problem, number) from error
            if values is None:
                return
            number += 1
            filled = {column: value for column, value in values.items() if value is not None}
            nulls = tuple(column for column in values if column not in filled and column in COLUMNS)
            yield Row(source, f"row {number}", filled, nulls=nulls, unread=unread if read else ())


def _failure(
    source: str, error: Exception, problem: str | None, number: int | None = None
) -> DataError:
    said = plain((str(error).splitlines() or [""])[0])
    where = "cannot be loaded" if number is None else f"cannot be read past row {number}"
    why = f"; {problem}" if problem else ""
    return DataError(
        f"{source}: {where} ({type(error).__name__}: {said}{why}); allowed: {HUB_FORM}, with the "
        "hub in reach or the data in its cache"
    )

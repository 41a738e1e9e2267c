"""Rows of a Parquet file, read by batches, and of its columns only those that a layout reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from methods.engine.data.row import COLUMNS, BadRow, Row, plain
from methods.engine.errors import DataError

BATCH = 256  # rows held at a time
_BUFFER = 1 << 20  # bytes read at a time of each column, not a whole row group


def parquet_rows(path: Path) -> Iterator[Row | BadRow]:
    """The rows in order; a null is a column that the row lacks."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise DataError(
            f"{path} needs the package pyarrow: pip install 'posttrain-registry[run]'"
        ) from error
    try:
        with pq.ParquetFile(
            path, buffer_size=_BUFFER, pre_buffer=False, page_checksum_verification=True
        ) as file:
            names = file.schema_arrow.names
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise DataError(f"{path}: has more than one column {', '.join(map(plain, twice))}")
            read = [name for name in names if name in COLUMNS]
            unread = tuple(name for name in names if name not in COLUMNS)
            number = 0
            for batch in file.iter_batches(batch_size=BATCH, columns=read):
                for values in _objects(batch):
                    number += 1
                    place = f"row {number}"
                    if isinstance(values, UnicodeDecodeError):
                        yield BadRow(f"{path}, {place}: not UTF-8 ({values.reason})")
                        continue
                    filled = {name: value for name, value in values.items() if value is not None}
                    nulls = tuple(name for name in values if name not in filled)
                    yield Row(str(path), place, filled, nulls=nulls, unread=unread)
    except pa.ArrowException as error:
        raise DataError(f"{path}: not a whole Parquet file ({plain(error)})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or plain(error)})") from error


def _objects(batch: Any) -> Iterator[dict[str, Any] | UnicodeDecodeError]:
    """Each row of a batch as a dictionary; a row whose bytes are no text as the error."""
    if batch.num_columns == 0:
        yield from ({} for _ in range(batch.num_rows))
        return
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:  # raised before the first row: to_pylist makes the whole list
        for at in range(batch.num_rows):
            try:
                yield from batch.slice(at, 1).to_pylist()
            except UnicodeDecodeError as error:
                yield error

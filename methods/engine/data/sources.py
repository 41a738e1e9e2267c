"""Where rows come from: which reader takes a source, and what may follow its name.

A source is a path or ``hub:org/name[@revision][:split][:stream]``; either may end in ``#layout``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from methods.engine.data.row import BadRow, Row
from methods.engine.errors import DataError

HUB, STREAM = "hub:", ":stream"
HUB_FORM = "hub:org/name[@revision][:split][:stream]"
SUFFIXES = (
    ".jsonl", ".ndjson", ".json", ".csv", ".jsonl.gz", ".ndjson.gz", ".json.gz", ".csv.gz",
    ".parquet",
)  # fmt: skip
LAYOUTS = ("prompt", "messages", "text", "alpaca", "sharegpt")


class HubSet(NamedTuple):
    """A data set of the hub, or a local folder in its place."""

    name: str
    split: str
    revision: str | None
    stream: bool


def rows_of(source: str) -> Iterator[Row | BadRow]:
    """The rows of ``source`` one after another; a row that cannot be read comes as a BadRow.

    Raises DataError, at the first row or later, where the source as a whole cannot be read.
    """
    source, _ = parse_layout(source)
    if source.startswith(HUB):
        from methods.engine.data.hub_rows import hub_rows

        return hub_rows(source, parse_hub(source))
    path = Path(source)
    name = path.name.lower()
    if name.endswith(".parquet"):
        from methods.engine.data.parquet import parquet_rows

        return parquet_rows(path)
    if name.endswith(SUFFIXES):
        from methods.engine.data import files

        stem = name.removesuffix(".gz")
        if stem.endswith(".csv"):
            return files.csv_rows(path)
        return files.json_rows(path) if stem.endswith(".json") else files.jsonl_rows(path)
    raise DataError(
        f"{path}: not a kind of file that can be read; allowed: a path ending in "
        f"{', '.join(SUFFIXES)}, or {HUB_FORM}"
    )


def parse_layout(source: str) -> tuple[str, str | None]:
    """The source itself, and the layout that was asked for behind a ``#``.

    >>> parse_layout("hub:org/name#alpaca"), parse_layout("odd#name.jsonl")
    (('hub:org/name', 'alpaca'), ('odd#name.jsonl', None))
    """
    rest, _, layout = source.rpartition("#")
    if rest and layout in LAYOUTS:
        return rest, layout
    return source, None


def parse_hub(source: str) -> HubSet:
    """Name, split, revision of ``hub:...``, and whether to stream it.

    >>> parse_hub("hub:org/name@abc123:test")
    HubSet(name='org/name', split='test', revision='abc123', stream=False)
    >>> parse_hub("hub:./folder:stream")
    HubSet(name='./folder', split='train', revision=None, stream=True)
    """
    rest = source.removeprefix(HUB)
    stream = rest.endswith(STREAM)
    rest, _, split = rest.removesuffix(STREAM).partition(":")
    name, _, revision = rest.partition("@")
    if not name:
        raise DataError(f"'{source}' names no data set; allowed: {HUB_FORM}")
    if stream and "[" in split:
        raise DataError(f"{source}: a slice of a split cannot be streamed; drop {STREAM} or [...]")
    return HubSet(name, split or "train", revision or None, stream)

"""A row of a table: what its columns say by their heads, and what its cells say anyhow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from registry.core.escape import one_line
from registry.ingest.lists.document import Row, Skipped, When
from registry.ingest.lists.rows import rows_in, with_bare_links
from registry.ingest.lists.title import title_in
from registry.ingest.lists.walker import Item, Span
from registry.ingest.lists.wording import date_in, reads_as_title, venue_in

_TITLE_COLUMN = re.compile(r"\b(?:title|papers?|work|article|publication|reference)s?\b", re.I)
_NAME_COLUMN = re.compile(r"\b(?:name|method|model|approach|benchmark|dataset|algorithm)s?\b", re.I)
_DATE_COLUMN = re.compile(r"\b(?:date|time|year|month|published|released?)\b", re.I)
_VENUE_COLUMN = re.compile(r"\b(?:venue|conference|pub|publisher|journal|published)\b", re.I)


def rows_of_table(item: Item) -> Iterator[Row | Skipped]:
    """The papers that a row of a table names, or why it names none."""
    cells = [with_bare_links(cell) for cell in item.cells]
    spans = [span for cell in cells for span in cell]
    column = _column(item.header, _TITLE_COLUMN, cells)
    if column is None:
        column = _column(item.header, _NAME_COLUMN, cells)
    title = _title_of_cell(cells[column]) if column is not None else None
    if title is not None and not any(span.url for span in spans):
        yield Row(item.line, item.section, title, None, when=_when_in(item, cells))
        return
    found = list(rows_in(spans, replace(item, spans=spans), [], title))
    for row in found:
        if isinstance(row, Row):
            when = _when_in(item, cells) or row.when
            yield replace(row, when=when, venue=_venue_in(item, cells) or row.venue)
        else:
            yield row


def _column(
    header: tuple[str, ...], wanted: re.Pattern[str], cells: list[list[Span]]
) -> int | None:
    for number, name in enumerate(header[: len(cells)]):
        if wanted.search(name) and _title_of_cell(cells[number]) is not None:
            return number
    return None


def _title_of_cell(cell: list[Span]) -> str | None:
    title = title_in(cell)
    return title if title and reads_as_title(title, 1) else None


def _when_in(item: Item, cells: list[list[Span]]) -> When | None:
    for name, cell in zip(item.header, cells, strict=False):
        text = " ".join(span.text for span in cell)
        if _DATE_COLUMN.search(name) and len(text) < 40 and (when := date_in(text)):
            return when
    return None


def _venue_in(item: Item, cells: list[list[Span]]) -> str | None:
    for name, cell in zip(item.header, cells, strict=False):
        text = one_line(" ".join(span.text for span in cell))
        if _VENUE_COLUMN.search(name) and (venue := venue_in(text)):
            return venue
    return None

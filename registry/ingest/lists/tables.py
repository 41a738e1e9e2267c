"""A row of a table: what its columns say by their heads, and what its cells say anyhow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from registry.core.escape import one_line
from registry.ingest.lists.addresses import kind_of
from registry.ingest.lists.document import Row, Skipped, When
from registry.ingest.lists.items import Item, Span
from registry.ingest.lists.people import are_names
from registry.ingest.lists.rows import rows_in, with_bare_links
from registry.ingest.lists.title import is_titled, title_in
from registry.ingest.lists.wording import clean_title, date_in, reads_as_title, venue_in

_TITLE_COLUMN = re.compile(
    r"\b(?:title|papers?|work|article|publication|reference)s?\b|\u6807\u9898|\u8bba\u6587|\u9898\u76ee",
    re.I,
)
_PAPERS_COLUMN = re.compile(r"\bpapers\b", re.I)
_NAME_COLUMN = re.compile(r"\b(?:name|method|model|approach|benchmark|dataset|algorithm)s?\b", re.I)
_DATE_COLUMN = re.compile(
    r"\b(?:date|time|year|month|published|released?)\b|\u65e5\u671f|\u65f6\u95f4|\u5e74\u4efd", re.I
)
_VENUE_COLUMN = re.compile(
    r"\b(?:venue|conference|pub|publisher|journal|published)\b|\u4f1a\u8bae|\u671f\u520a", re.I
)
_OTHER_COLUMN = re.compile(
    r"\b(?:authors?|institut\w+|affiliations?|organi[sz]ations?|abstract|summary|tl;?dr|notes?|"
    r"descriptions?|ideas?|contributions?|takeaways?|highlights?|remarks?|comments?)\b|\u4f5c\u8005",
    re.I,
)


def rows_of_table(item: Item) -> Iterator[Row | Skipped]:
    """The papers that a row of a table names, or why it names none."""
    item = _under_shared_cells(item)
    cells = [with_bare_links(cell) for cell in item.cells]
    spans = [span for cell in cells for span in cell]
    column = _title_column(item.header, cells)
    title = _title_of_cell(cells[column]) if column is not None else None
    part = _part(item.header, cells, column)
    item = replace(item, section=(*item.section, part)) if part else item
    several = list(rows_in(cells[column], item, [])) if column is not None else []
    if len(several) > 1:
        found = several
    else:
        found = list(rows_in(spans, replace(item, spans=spans), [], title))
    when, venue = _when_in(item, cells), _venue_in(item, cells)
    for row in found:
        if isinstance(row, Row):
            yield replace(row, when=when or row.when, venue=venue or row.venue)
        elif title is not None and not any(span.url for span in spans):
            yield Row(item.line, item.section, title, None, when=when, venue=venue)
        else:
            yield row


def _under_shared_cells(item: Item) -> Item:
    """``item`` with what stands beside several rows and is no date, venue or title as a section."""
    cells, section = list(item.cells), item.section
    for column in sorted(item.shared & set(range(len(cells)))):
        text = one_line(" ".join(span.text for span in cells[column]))
        name = item.header[column] if column < len(item.header) else ""
        fact = any(kind.search(name) for kind in (_TITLE_COLUMN, _DATE_COLUMN, _VENUE_COLUMN))
        if text and len(text) <= 100 and not fact and not any(s.url for s in cells[column]):
            section = (*section, text)
            cells[column] = []
    return replace(item, cells=cells, section=section)


def _part(header: tuple[str, ...], cells: list[list[Span]], column: int | None) -> str | None:
    """What the first cell says of all papers of the row, where the row is headed as several's."""
    if not column or column >= len(header) or not _PAPERS_COLUMN.search(header[column]):
        return None
    kinds = (_TITLE_COLUMN, _NAME_COLUMN, _DATE_COLUMN, _VENUE_COLUMN, _OTHER_COLUMN)
    if any(kind.search(header[0]) for kind in kinds):
        return None
    text = clean_title(" ".join(span.text for span in cells[0]))
    return (
        text
        if text and len(text) <= 100 and not any(_leads_to_paper(span) for span in cells[0])
        else None
    )


def _title_column(header: tuple[str, ...], cells: list[list[Span]]) -> int | None:
    """The column with the title: by its head, else by its cell; one linked to a paper is best."""
    for wanted in (_TITLE_COLUMN, _NAME_COLUMN):
        if (column := _column(header, wanted, cells)) is not None:
            return column
    rated = []
    for number, cell in enumerate(cells):
        name = header[number] if number < len(header) else ""
        text = _title_of_cell(cell, 3)
        if text is not None and not are_names(text) and not _OTHER_COLUMN.search(name):
            linked = any(is_titled(span) and _leads_to_paper(span) for span in cell)
            rated.append((not linked, not any(s.bold for s in cell), number))
    return min(rated)[-1] if rated else None


def _leads_to_paper(span: Span) -> bool:
    return span.url is not None and kind_of(span.url, span.text) in ("paper", "published")


def _column(
    header: tuple[str, ...], wanted: re.Pattern[str], cells: list[list[Span]]
) -> int | None:
    for number, name in enumerate(header[: len(cells)]):
        if wanted.search(name) and _title_of_cell(cells[number]) is not None:
            return number
    return None


def _title_of_cell(cell: list[Span], words: int = 1) -> str | None:
    title = title_in(cell)
    return title if title and reads_as_title(title, words) else None


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

"""A table by rows and columns: cells that take several of them, heads, and parts of the table."""

from __future__ import annotations

from registry.core.escape import one_line
from registry.ingest.lists.events import Event
from registry.ingest.lists.items import Item, Span

_MOST = 100  # rows or columns that a cell may take


class Grid:
    """The rows of one table; a row of one filled cell among several columns names a part of it."""

    def __init__(self, section: tuple[str, ...]) -> None:
        self.rows: list[Item] = []
        self.cells: list[list[Span]] = []
        self._section, self._part = section, ""
        self._header: tuple[str, ...] = ()
        self._heads = 0
        self._line = 0
        self._sizes: list[tuple[int, int]] = []  # of each cell: rows, columns
        self._reaching: dict[int, tuple[int, str]] = {}  # by column: rows left, text of the cell

    def start_row(self, line: int) -> None:
        self.end_row()
        self._line, self._heads = line, 0

    def start_cell(self, event: Event) -> None:
        self._line = self._line or event.line
        self.cells.append([])
        self._heads += event.name == "th"
        self._sizes.append(
            (_size(event.attributes.get("rowspan")), _size(event.attributes.get("colspan")))
        )

    def end_row(self) -> None:
        own = [text for cell in self.cells if (text := _text(cell))]
        all_heads = bool(self.cells) and self._heads == len(self.cells)
        linked = any(span.url for cell in self.cells for span in cell)
        alone = len(self.cells) == 1  # which only a cell over several columns is in a table of them
        cells, shared = self._spread()
        texts = tuple(map(_text, cells))
        several = len(self._header) > 1 or (alone and len(texts) > 1)
        if len(own) == 1 and not linked and not shared and several:
            self._part = own[0]
        elif all_heads and not linked:
            self._header = texts
        elif own or linked:
            section = (*self._section, self._part) if self._part else self._section
            self.rows.append(
                Item("table", self._line, section, cells=cells, header=self._header, shared=shared)
            )
        self._line = 0

    def _spread(self) -> tuple[list[list[Span]], frozenset[int]]:
        """The cells of the row by column, with those of rows above that reach down to it.

        Of those the text is repeated, without links: what they name is named once.
        """
        own, sizes = self.cells, self._sizes
        self.cells, self._sizes = [], []
        spread: list[list[Span]] = []
        shared: set[int] = set()
        for spans, (rows, columns) in zip(own, sizes, strict=True):
            self._fill_in(spread, shared)
            if spans:
                spans[-1].ends_line = True
            if rows > 1:
                shared.add(len(spread))
                text = "" if any(span.url for span in spans) else _text(spans)
                self._reaching[len(spread)] = (rows - 1, text)
            spread += [spans, *([] for _ in range(columns - 1))]
        if own:
            self._fill_in(spread, shared)
        return spread, frozenset(shared)

    def _fill_in(self, spread: list[list[Span]], shared: set[int]) -> None:
        while (column := len(spread)) in self._reaching and column not in shared:
            left, text = self._reaching.pop(column)
            if left > 1:
                self._reaching[column] = (left - 1, text)
            shared.add(column)
            spread.append([Span(text, self._line, ends_line=True)] if text else [])


def _text(spans: list[Span]) -> str:
    return one_line(" ".join(span.text for span in spans))


def _size(said: str | None) -> int:
    """How many rows or columns a cell says that it takes, within reason."""
    return min(max(int(said), 1), _MOST) if said and len(said) < 4 and said.isdecimal() else 1

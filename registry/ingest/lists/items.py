"""What the parts of a list are made of: stretches of text, and items that may name papers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from registry.core.escape import one_line

Kind = Literal["bullet", "table", "paragraph", "heading"]


@dataclass
class Span:
    """A stretch of text, linked or not; ``pictures`` are the addresses of images within it."""

    text: str
    line: int
    url: str | None = None
    bold: bool = False
    pictures: list[str] = field(default_factory=list)
    ends_line: bool = False


@dataclass
class Item:
    """What may name papers: its spans, and the items nested below it.

    ``cells`` are the spans of each column where it is a row of a table, under ``header``; the cells
    of the columns ``shared`` stand beside other rows too. ``title`` is the paper's where a heading
    or another paragraph has said it.
    """

    kind: Kind
    line: int
    section: tuple[str, ...]
    spans: list[Span] = field(default_factory=list)
    children: list[Item] = field(default_factory=list)
    cells: list[list[Span]] = field(default_factory=list)
    header: tuple[str, ...] = ()
    shared: frozenset[int] = frozenset()
    title: str | None = None

    @property
    def text(self) -> str:
        """The words of the item itself, in one line."""
        spans = [span for cell in self.cells for span in cell] or self.spans
        return one_line(" ".join(span.text for span in spans))

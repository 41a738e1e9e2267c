"""The stream of events as items: bullets, rows of tables, paragraphs, under their sections."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from registry.ingest.lists.events import Event
from registry.ingest.lists.grid import Grid
from registry.ingest.lists.items import Item, Span

_DEEPEST = 30  # bullets within bullets; deeper ones count as beside each other
_HEADING = re.compile(r"h([1-6])")


@dataclass
class Walk:
    """The outcome of a walk: items in order, and the headings and jumps of the document.

    ``hidden`` are lines that no reader sees: where, why and what.
    """

    items: list[Item] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    jumps: list[tuple[int, str]] = field(default_factory=list)
    hidden: list[tuple[int, str, str]] = field(default_factory=list)


def walk(stream: Iterable[Event]) -> Walk:
    """Gather the items of ``stream``."""
    walker = _Walker()
    for event in stream:
        walker.take(event)
    walker.flush()
    return walker.walk


def anchor_of(heading: str, seen: dict[str, int] | None = None) -> str:
    """The anchor that GitHub gives a heading; ``seen`` counts those given already.

    >>> anchor_of("LLMs & Reward Models (PRM)")
    'llms--reward-models-prm'
    """
    kept = "".join(c for c in heading.strip().lower() if c in " -_" or _is_word(c))
    slug = kept.replace(" ", "-")
    if seen is None:
        return slug
    seen[slug] = seen.get(slug, -1) + 1
    return f"{slug}-{seen[slug]}" if seen[slug] else slug


def _is_word(character: str) -> bool:
    # Marks count as letters do: the selector behind an emoji stays when the emoji goes.
    return unicodedata.category(character)[0] in "LNM" or character == "\u200d"


class _Walker:
    """Takes events one by one. Tags that do not match are forgiven, as browsers do."""

    def __init__(self) -> None:
        self.walk = Walk()
        self._headings: list[tuple[int, str]] = []
        self._seen: dict[str, int] = {}
        self._open: list[Item] = []  # bullets, the outermost first
        self._loose: Item | None = None  # a paragraph or a heading
        self._tables: list[Grid] = []
        self._link: Span | None = None
        self._bold = 0
        self._summary = False
        self._term = False  # the innermost bullet is a term of a list of definitions

    # -- the stream ---------------------------------------------------------------------------

    def take(self, event: Event) -> None:
        if event.kind == "text":
            self._text(event)
        elif event.kind == "break":
            self._break(event)
        elif event.kind == "hidden":
            self.walk.hidden.append((event.line, event.attributes["why"], event.name))
        elif event.kind == "open":
            self._opened(event)
        else:
            self._closed(event)

    def flush(self) -> None:
        self._end_loose()
        while self._tables:
            self._end_table()
        while self._open:
            self._end_bullet()

    def _opened(self, event: Event) -> None:
        name = event.name
        for anchor in (event.attributes.get("id"), event.attributes.get("name")):
            if anchor:
                self.walk.anchors.add(anchor)
        if name == "a":
            self._start_link(event)
        elif name == "img":
            self._picture(event)
        elif name in ("b", "strong"):
            self._bold += 1
        elif name == "summary":
            self._summary = True
        elif name == "li":
            self._start_bullet(event.line)
        elif match := _HEADING.fullmatch(name):
            self._end_loose()
            self._loose = Item("heading", event.line, self._section(int(match[1])))
        elif name in ("table", "tr", "td", "th"):
            self._open_table_part(event)
        elif name == "dt":
            self._end_term()
            self._start_bullet(event.line)
            self._term = True
        elif name == "dd":
            self._line_ends()
        elif name in ("p", "div", "details", "ul", "ol", "blockquote", "hr", "center"):
            self._end_loose()

    def _closed(self, event: Event) -> None:
        name = event.name
        if name == "a":
            self._link = None
        elif name in ("b", "strong"):
            self._bold = max(0, self._bold - 1)
        elif name == "summary":
            self._summary = False
            self._end_loose()
        elif name == "li" and self._open and not self._tables:
            self._end_bullet()
        elif match := _HEADING.fullmatch(name):
            self._end_heading(int(match[1]))
        elif name == "dl":
            self._end_term()
        elif name == "table" and self._tables:
            self._end_table()
        elif name == "tr" and self._tables:
            self._tables[-1].end_row()
        elif name == "p":
            self._line_ends()
            self._end_loose()
        elif name in ("div", "details", "blockquote", "center"):
            self._end_loose()

    # -- text, links and pictures -------------------------------------------------------------

    def _text(self, event: Event) -> None:
        if self._link is not None:
            self._link.text += event.name
        elif event.name.strip() or self._spans_here():
            spans = self._spans(event.line)
            last = spans[-1] if spans else None
            bold = self._bold > 0
            if last and last.url is None and last.bold == bold and not last.ends_line:
                last.text += event.name
            else:
                spans.append(Span(event.name, event.line, bold=bold))

    def _break(self, event: Event) -> None:
        if self._link is not None:
            self._link.text += " "
        else:
            self._line_ends()

    def _line_ends(self) -> None:
        if spans := self._spans_here():
            spans[-1].ends_line = True

    def _start_link(self, event: Event) -> None:
        self._link = None
        url = event.attributes.get("href")
        if url is None:
            return
        if url.startswith("#"):
            self.walk.jumps.append((event.line, url[1:]))
        self._link = Span("", event.line, url=url.strip(), bold=self._bold > 0)
        self._spans(event.line).append(self._link)

    def _picture(self, event: Event) -> None:
        source = event.attributes.get("src", "")
        if self._link is not None:
            self._link.pictures.append(source)
        else:
            self._spans(event.line).append(Span("", event.line, pictures=[source]))

    def _spans(self, line: int) -> list[Span]:
        """Where a span that begins at ``line`` belongs; a new paragraph where nothing is open."""
        here = self._spans_here()
        if here is not None:
            return here
        self._loose = Item("paragraph", line, self._section())
        return self._loose.spans

    def _spans_here(self) -> list[Span] | None:
        if self._loose is not None:
            return self._loose.spans
        if self._tables and self._tables[-1].cells:
            return self._tables[-1].cells[-1]
        return self._open[-1].spans if self._open else None

    # -- items --------------------------------------------------------------------------------

    def _start_bullet(self, line: int) -> None:
        if self._tables and self._tables[-1].cells:  # a bullet in a cell is a line of the cell
            self._line_ends()
            return
        self._end_loose()
        if len(self._open) >= _DEEPEST:
            self._end_bullet()
        self._open.append(Item("bullet", line, self._section()))

    def _end_bullet(self) -> None:
        self._end_loose()
        item = self._open.pop()
        (self._open[-1].children if self._open else self.walk.items).append(item)

    def _end_term(self) -> None:
        if self._term and self._open:
            self._end_bullet()
        self._term = False

    def _end_loose(self) -> None:
        item, self._loose = self._loose, None
        if item is None or not any(s.text.strip() or s.pictures or s.url for s in item.spans):
            return
        if item.kind == "paragraph" and self._is_pseudo_heading(item):
            self._push(7 if not self._summary else 8, item.text)
        elif self._open:
            self._open[-1].spans.extend(item.spans)
        else:
            self.walk.items.append(item)

    def _is_pseudo_heading(self, item: Item) -> bool:
        spans = [span for span in item.spans if span.text.strip() or span.url]
        if self._open or any(span.url or span.pictures for span in item.spans):
            return False
        named = self._summary or all(span.bold for span in spans)
        return named and 0 < len(item.text) <= 100

    def _end_heading(self, level: int) -> None:
        item, self._loose = self._loose, None
        if item is None:
            return
        self.walk.anchors.add(anchor_of("".join(s.text for s in item.spans), self._seen))
        if any(span.url and not span.url.startswith("#") for span in item.spans):
            self.walk.items.append(item)
        self._push(level, item.text)

    def _push(self, level: int, text: str) -> None:
        self._headings = [(at, name) for at, name in self._headings if at < level]
        if text:
            self._headings.append((level, text))

    def _section(self, above: int = 9) -> tuple[str, ...]:
        return tuple(name for level, name in self._headings if level < above)

    # -- tables -------------------------------------------------------------------------------

    def _open_table_part(self, event: Event) -> None:
        self._end_loose()
        if event.name == "table" or not self._tables:
            self._tables.append(Grid(self._section()))
        if event.name == "tr":
            self._tables[-1].start_row(event.line)
        elif event.name in ("td", "th"):
            self._tables[-1].start_cell(event)

    def _end_table(self) -> None:
        self._end_loose()
        table = self._tables.pop()
        table.end_row()
        (self._open[-1].children if self._open else self.walk.items).extend(table.rows)

"""Markdown and HTML as one stream of tags and text, each with its line.

Lists mix both: tables in Markdown and in HTML, ``<br>`` in cells, ``<a>`` beside ``[...](...)``,
Markdown within HTML that no renderer shows. Tokens of the Markdown parser and of the HTML parser
come out in one shape here, so that what follows reads either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

VOID = frozenset(["br", "hr", "img", "input", "meta", "link", "source", "col", "wbr"])
_DEEPEST = 3  # blocks of code within each other that are read as lists
_RAW = frozenset(["pre", "script", "style"])  # their text is no text of the list


@dataclass(frozen=True)
class Event:
    """``open`` and ``close`` name a tag, ``text`` carries text, ``break`` ends a line.

    ``hidden`` carries a line that no reader sees as part of the list: of code, or of a comment,
    as ``why`` says.
    """

    kind: Literal["open", "close", "text", "break", "hidden"]
    name: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)


def events(text: str) -> Iterator[Event]:
    """The tags and the text of a Markdown document; lines count from 1."""
    markdown = _markdown()
    raw = 0
    for event in _blocks(markdown, markdown.parse(text)):
        if event.name in _RAW and event.kind in ("open", "close"):
            raw = max(0, raw + (1 if event.kind == "open" else -1))
        elif not raw:
            yield event


def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")


def _blocks(markdown: MarkdownIt, tokens: Iterable[Token], deep: int = 0) -> Iterator[Event]:
    line = 1
    for token in tokens:
        line = token.map[0] + 1 if token.map else line
        if token.type == "html_block":
            yield from _html(markdown, token.content, line)
        elif token.type == "inline":
            yield from _inline(markdown, token.children or [], line)
        elif token.type == "code_block" and "](" in token.content and deep < _DEEPEST:
            # Bullets that are indented too far: renderers show code, their author meant a list.
            for event in _blocks(markdown, markdown.parse(token.content), deep + 1):
                yield replace(event, line=event.line + line - 1)
        elif token.type in ("fence", "code_block"):
            first = line + (token.type == "fence")
            yield from _hidden(token.content, first, "in a block of code")
        elif token.nesting == 1:
            yield Event("open", token.tag, line, _attributes(token))
        elif token.nesting == -1:
            yield Event("close", token.tag, line)


def _inline(markdown: MarkdownIt, tokens: list[Token], line: int) -> Iterator[Event]:
    for token in tokens:
        if token.type in ("text", "code_inline", "text_special"):
            yield Event("text", token.content, line)
        elif token.type in ("softbreak", "hardbreak"):
            line += 1
            yield Event("break", "", line)
        elif token.type == "html_inline":
            yield from _html(markdown, token.content, line)
        elif token.type == "image":
            shown = "".join(child.content for child in token.children or [])
            yield Event("open", "img", line, _attributes(token) | {"alt": shown})
        elif token.nesting == 1:
            yield Event("open", token.tag, line, _attributes(token))
        elif token.nesting == -1:
            yield Event("close", token.tag, line)


def _attributes(token: Token) -> dict[str, str]:
    return {name: str(value) for name, value in token.attrs.items()}


def _html(markdown: MarkdownIt, text: str, line: int) -> Iterator[Event]:
    parser = _Tags(line)
    parser.feed(text)
    parser.close()
    for event in parser.found:
        if event.kind == "text" and "](" in event.name:
            # Markdown within HTML: renderers show it as it is, its author meant a link.
            yield from _lines_of_markdown(markdown, event)
        elif event.kind == "text":
            yield from _lines_of_text(event)
        else:
            yield event


def _lines_of_markdown(markdown: MarkdownIt, event: Event) -> Iterator[Event]:
    for number, one in enumerate(event.name.split("\n")):
        line = event.line + number
        if number:
            yield Event("break", "", line)
        for token in markdown.parseInline(one):
            yield from _inline(markdown, token.children or [], line)


def _lines_of_text(event: Event) -> Iterator[Event]:
    for number, one in enumerate(event.name.split("\n")):
        if number:
            yield Event("break", "", event.line + number)
        if one:
            yield Event("text", one, event.line + number)


def _hidden(text: str, line: int, why: str) -> Iterator[Event]:
    for number, one in enumerate(text.splitlines()):
        if one.strip():
            yield Event("hidden", one, line + number, {"why": why})


class _Tags(HTMLParser):
    """Collects the events of a piece of HTML that may begin or end anywhere."""

    def __init__(self, line: int) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Event] = []
        self._first = line

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.found.append(Event("break", "", self._line))
            return
        if tag in ("http:", "https:"):  # an address in angle brackets, as Markdown has them
            url = (self.get_starttag_text() or "").strip("<>")
            self.found += [
                Event("open", "a", self._line, {"href": url}),
                Event("text", url, self._line),
                Event("close", "a", self._line),
            ]
            return
        values = {name: value or "" for name, value in attrs}
        self.found.append(Event("open", tag, self._line, values))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self.found.append(Event("close", tag, self._line))

    def handle_comment(self, data: str) -> None:
        self.found += _hidden(data, self._line, "in a comment")

    def handle_data(self, data: str) -> None:
        self.found.append(Event("text", data, self._line))

    @property
    def _line(self) -> int:
        return self._first + self.getpos()[0] - 1

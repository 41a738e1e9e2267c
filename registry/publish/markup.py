"""HTML that cannot carry a stranger's markup, and the Markdown file a page becomes.

``Html`` is text in which everything is already escaped. ``el`` makes an element and escapes each
child that is not ``Html``, so that forgetting to escape is not possible by leaving something out.

A page's blocks are single lines. Python-Markdown keeps a block-level element at the start of a
line as it is, to its end; a line break inside could begin a fence or a list, so ``verbatim`` writes
it as an entity.
"""

from __future__ import annotations

import json
import posixpath
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from registry.core.escape import attribute, http_url, markdown

_VOID = frozenset({"br", "hr", "img", "input", "meta"})
_BIDI = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Html(str):
    """Markup in which everything that came from elsewhere is escaped."""

    __slots__ = ()


Child = str | Html | None


def text(value: str) -> Html:
    """``value`` as text that shows exactly it, in HTML and in Markdown.

    Blanks run together; one at either end stays, since it parts the text from its neighbour.
    """
    before = " " if value[:1].isspace() else ""
    after = " " if value[-1:].isspace() and value.strip() else ""
    return Html(f"{before}{markdown(value)}{after}")


def verbatim(value: str) -> Html:
    """``value`` for a ``pre`` element: lines and blanks kept, on one line of source."""
    return Html(_UNKEPT.sub(lambda found: _kept(found[0]), value.replace("\r\n", "\n")))


# What is no letter, digit, blank, comma or semicolon of ASCII, and no plain letter beyond it.
_UNKEPT = re.compile(r"[^A-Za-z0-9 ,;]")


def _kept(letter: str) -> str:
    if letter in "\n\t":
        return f"&#{ord(letter)};"
    if letter in _BIDI or unicodedata.category(letter) in ("Cc", "Zl", "Zp", "Cs"):
        return ""
    return f"&#{ord(letter)};" if letter.isascii() else letter


def el(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Html:
    """The element ``name``; ``class_`` is ``class`` and ``data_value`` is ``data-value``.

    A child that is not ``Html`` is escaped. An attribute that is None or False is left out.
    """
    said = "".join(
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{attribute(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Html(f"<{name}{said}>")
    return Html(f"<{name}{said}>{join(children)}</{name}>")


def join(children: Iterable[Child], between: Html = Html("")) -> Html:  # noqa: B008  frozen
    """The children one after another, those that are not ``Html`` escaped."""
    parts = (c if isinstance(c, Html) else text(c) for c in children if c is not None)
    return Html(between.join(parts))


def heading(level: int, title: str) -> Html:
    """A Markdown heading, so that it stands in the page's table of contents."""
    return Html(f"{'#' * level} {text(title)}")


def paragraph(*children: Child, class_: str | None = None) -> Html:
    """A paragraph."""
    return el("p", *children, class_=class_)


def outward(url: str, label: Child = None) -> Html:
    """A link out of the site, or the bare text where the address is not plain http(s)."""
    safe = http_url(url)
    if safe is None:
        return text(url) if label is None else join([label])
    return el("a", safe if label is None else label, href=safe, rel="noopener noreferrer")


def inward(here: str, target: str, label: Child, class_: str | None = None) -> Html:
    """A link from the page of folder ``here`` to the page of folder ``target`` ("" is home)."""
    return el("a", label, href=address(here, target), class_=class_)


def address(here: str, target: str) -> str:
    """The relative address of the page in folder ``target``; ``target`` may end in ``#anchor``."""
    folder, mark, anchor = target.partition("#")
    path = posixpath.relpath(posixpath.join("/", folder, "index.html"), posixpath.join("/", here))
    return path + mark + anchor


def items(children: Iterable[Child], class_: str | None = None) -> Html:
    """A bulleted list."""
    return el("ul", *(el("li", child) for child in children), class_=class_)


def facts(rows: Iterable[tuple[str, Child]], class_: str = "facts") -> Html:
    """Names and their values; a value that is None is left out."""
    pairs = [el("div", el("dt", name), el("dd", said)) for name, said in rows if said is not None]
    return el("dl", *pairs, class_=class_)


@dataclass(frozen=True)
class Column:
    """A column's head; ``sort`` is ``text`` or ``number`` where a reader may sort by it."""

    title: str
    key: str = ""
    sort: str | None = None
    sorted: str | None = None  # how it is sorted when the page is opened
    class_: str | None = None


@dataclass(frozen=True)
class Cell:
    """A cell with the value it sorts by."""

    content: Child
    value: str | None = None


def table(
    columns: Sequence[Column | str],
    rows: Iterable[Sequence[Child | Cell]],
    *,
    caption: str | None = None,
    id_: str | None = None,
    class_: str = "plain",  # the theme lays out a table without a class its own way
    row_data: Sequence[Mapping[str, str]] | None = None,
) -> Html:
    """A table inside a box that scrolls, so that a narrow page does not.

    With ``id_`` it is live: sorted and filtered by the reader's browser where scripts run.
    """
    heads = [c if isinstance(c, Column) else Column(c) for c in columns]
    top = el("tr", *(_head(column) for column in heads))
    body = []
    for index, row in enumerate(rows):
        data = {f"data_{k}": v for k, v in (row_data[index] if row_data else {}).items()}
        cells = (_cell(c, heads[i]) for i, c in enumerate(row))
        body.append(el("tr", *cells, **data))
    inner = el(
        "table",
        el("caption", caption) if caption else None,
        el("thead", top),
        el("tbody", *body),
        id=id_,
        class_=class_,
        data_live=id_ is not None,
    )
    return el("div", inner, class_="scroll")


def _head(column: Column) -> Html:
    return el(
        "th",
        column.title,
        scope="col",
        class_=column.class_,
        data_key=column.key or None,
        data_sort=column.sort,
        aria_sort=column.sorted,
    )


def _cell(cell: Child | Cell, column: Column) -> Html:
    if isinstance(cell, Cell):
        return el("td", cell.content, class_=column.class_, data_value=cell.value)
    return el("td", cell, class_=column.class_)


def code(value: str) -> Html:
    """A short piece of code inside a sentence."""
    return el("code", value)


def listing(value: str, id_: str | None = None) -> Html:
    """Lines to be copied: a command, a BibTeX entry."""
    return el("div", el("pre", el("code", verbatim(value), id=id_)), class_="highlight")


def when(day: date | str) -> Html:
    """A date that machines can read too; a month is written ``2024-02``."""
    return el("time", str(day), datetime=str(day))


def badge(label: str, kind: str) -> Html:
    """A word in a coloured box; the word alone says it all."""
    return el("span", label, class_=f"badge badge-{kind}")


def math(latex: str) -> Html:
    """An equation, drawn by KaTeX; its LaTeX where scripts do not run."""
    # data-tex keeps what text() would fold: LaTeX has no line breaks that matter.
    return el("div", el("code", latex), class_="math", data_tex=latex)


@dataclass(frozen=True)
class Page:
    """A page; ``folder`` is its address: ``papers/2402.03300``, "" for home."""

    folder: str
    title: str
    description: str
    blocks: tuple[Html, ...]
    math: bool = False
    wide: bool = False  # no table of contents beside it
    citation: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The file below the folder of pages."""
        return posixpath.join(self.folder, "index.md")

    def render(self) -> str:
        """The Markdown file. Front matter is escaped too: the theme prints it as it is."""
        hidden = ["navigation", "toc"] if self.wide else ["navigation"]
        meta = [
            f"title: {_quoted(self.title)}",
            f"description: {_quoted(self.description)}",
            f"hide: {json.dumps(hidden)}",
        ]
        if self.math:
            meta.append("math: true")
        if self.citation:
            cited = {
                key: attribute(v) if isinstance(v, str) else [attribute(one) for one in v]
                for key, v in self.citation.items()
            }
            meta.append(f"citation: {json.dumps(cited, ensure_ascii=False)}")
        body = "\n\n".join(block for block in self.blocks if block)
        return "---\n" + "\n".join(meta) + f"\n---\n\n{body}\n"


def _quoted(value: str) -> str:
    # A JSON string is a YAML string; non-ASCII stays, since YAML knows no surrogate pairs.
    return json.dumps(attribute(value), ensure_ascii=False)

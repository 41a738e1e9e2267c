"""An item as the papers it names, or the reason why it names none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from registry.ingest.lists.addresses import kind_of, mentioned_in
from registry.ingest.lists.document import Row, Skipped
from registry.ingest.lists.items import Item, Span
from registry.ingest.lists.people import title_among
from registry.ingest.lists.rows import SHOWN, rows_in, with_bare_links
from registry.ingest.lists.tables import rows_of_table
from registry.ingest.lists.title import is_titled
from registry.ingest.lists.together import leads_with_title, names_paper, title_above, together
from registry.ingest.lists.wording import clean_title, is_label, reads_as_title

_DAY = re.compile(r"\W*20[0-9]{2}[-/.][0-9]{1,2}[-/.][0-9]{1,2}(?![0-9])")
_NEWS_SECTION = re.compile(
    r"\b(?:news|updates?|announcements?|change ?log|what's new)\b", re.IGNORECASE
)
_NEWS = re.compile(
    r"\b(?:released?|launch(?:ed)?|accepted|announced?|updated?|uploaded|added|[Ww]e|[Oo]ur|"
    r"release of|now available|is available|is out)\b"
)


def recover(items: Iterable[Item]) -> Iterator[Row | Skipped]:
    """Every paper that ``items`` and what is nested in them name.

    What might have named one and does not comes out as ``Skipped``, with the reason.
    """
    for item in together(items):
        yield from _recover(item)


def _recover(item: Item) -> Iterator[Row | Skipped]:
    if item.title is not None:
        yield from rows_in(item.spans, item, [], item.title)
    elif item.kind == "table":
        yield from rows_of_table(item)
    elif item.kind in ("paragraph", "heading"):
        yield from _of_paragraph(item)
    else:
        yield from _of_bullet(item)


# -- bullets -------------------------------------------------------------------------------------


def _of_bullet(item: Item) -> Iterator[Row | Skipped]:
    spans = with_bare_links(item.spans)
    if _is_prose(spans) or _is_news(item, spans):
        addresses = " ".join(span.url or "" for span in spans if span.url)
        yield Skipped(item.line, "prose that names a paper", f"{item.text[:SHOWN]} {addresses}")
        return
    if names_paper(spans) and (title := title_above(replace(item, spans=spans))) is not None:
        under = replace(item, section=item.section[:-1])
        yield from rows_in(spans, under, _spans_of(item.children), title)
        return
    below = [one for child in item.children for one in _recover(child)]
    details = _details(item.children, below) if names_paper(spans) else []
    if names_paper(spans):
        own = {span.line for child in details for span in child.spans}
        yield from rows_in(spans, item, _spans_of(details))
        # A row made of what only adds to this one (its code, its authors) is no row of its own.
        yield from (one for one in below if one.line not in own)
        return
    if any(isinstance(one, Row) for one in below):
        name = clean_title(item.text)
        for one in below:
            if isinstance(one, Row) and name and len(name) <= 100:
                one = replace(one, section=_under(one, item, name))
            yield one
        return
    rows = list(rows_in(spans, item, _spans_of(item.children)))
    yield from rows
    if not rows or isinstance(rows[0], Skipped):
        yield from below


def _under(row: Row, item: Item, name: str) -> tuple[str, ...]:
    depth = len(item.section)
    return (*row.section[:depth], name, *row.section[depth:])


def _details(children: list[Item], below: Iterable[Row | Skipped]) -> list[Item]:
    """The nested items that add to the row above: those that name no paper of their own."""
    papers = {row.line for row in below if isinstance(row, Row) and _is_paper(row)}
    return [
        child
        for child in children
        if child.kind == "bullet" and not any(child.line <= at <= _last(child) for at in papers)
    ]


def _spans_of(items: Iterable[Item]) -> list[Span]:
    return [span for item in items for span in with_bare_links(item.spans)]


def _last(item: Item) -> int:
    lines = [item.line, *(span.line for span in item.spans), *map(_last, item.children)]
    return max(lines)


def _is_paper(row: Row) -> bool:
    linked = any(link.kind in ("paper", "published") for link in row.links)
    return (row.arxiv_id is not None or linked) and reads_as_title(row.title)


def _is_prose(spans: list[Span]) -> bool:
    """True where the papers are linked from within a sentence, by words that are no title."""
    linked = [n for n, span in enumerate(spans) if span.url and not span.url.startswith("#")]
    titled = [n for n in linked if is_titled(spans[n])]
    if not linked or titled[:1] == linked[:1]:
        first = spans[titled[0]].text if titled else ""
        before = "".join(s.text for s in spans[: titled[0]]) if titled else ""
        small = sum(word[0].islower() for word in first.split() if word[0].isalpha())
        return bool(titled) and len(before.split()) > 3 and small * 2 > len(first.split())
    before = "".join(s.text for s in spans[: linked[0]])
    label = spans[linked[0]].text
    after = spans[linked[0] + 1].text if linked[0] + 1 < len(spans) else ""
    sentence = re.match(r"\s+[a-z]{2,}\s+[a-z]{2,}\s", after)
    return bool(sentence) and not is_label(label) and len(before.split()) > 3


def _is_news(item: Item, spans: list[Span]) -> bool:
    """True for what happened on a day, with a link such as "[paper]" to what it is about."""
    if any(span.url and is_titled(span) for span in spans) or not any(s.url for s in spans):
        return False
    # A sentence about a paper has its verb in small letters; a title has few of those words.
    dated = _DAY.match(item.text) is not None
    named = bool(item.section) and _NEWS_SECTION.search(item.section[-1]) is not None
    return (dated or named) and _NEWS.search(item.text) is not None


# -- paragraphs ----------------------------------------------------------------------------------


def _of_paragraph(item: Item) -> Iterator[Row | Skipped]:
    details = _spans_of(item.children)
    groups = list(_groups(_lines(with_bare_links(item.spans))))
    for number, group in enumerate(groups, start=1):
        part = replace(item, spans=group, line=group[0].line, kind="paragraph")
        below = details if number == len(groups) else []
        papers = [s for s in group if s.url and kind_of(s.url, s.text) in ("paper", "published")]
        cites = not papers and mentioned_in(part.text)
        if cites and _begins_citation(part.text):
            yield from rows_in(group, part, below)
        elif cites:
            yield Skipped(part.line, "prose that names a paper", part.text[:SHOWN])
        elif not papers:
            if leads_with_title(group) and _has_link(group):
                yield Skipped(part.line, "no paper", part.text[:SHOWN])
            # else prose; nothing in it names a paper
        elif text := _table_line(group):
            yield from rows_in(group, part, below, text)
        elif leads_with_title(group):
            yield from rows_in(group, part, below)
        elif (title := title_above(part)) is not None:
            yield from rows_in(group, replace(part, section=part.section[:-1]), below, title)
        else:
            addresses = " ".join(span.url or "" for span in papers)
            text = f"{part.text[:SHOWN]} {addresses}".strip()
            yield Skipped(part.line, "prose that names a paper", text)


def _begins_citation(text: str) -> bool:
    """True for a line of a bibliography: with a number before it, or authors beside the title."""
    return title_among(text) != text.strip()


def _lines(spans: list[Span]) -> Iterator[list[Span]]:
    line: list[Span] = []
    for span in spans:
        line.append(span)
        if span.ends_line:
            yield line
            line = []
    if line:
        yield line


def _groups(lines: Iterable[list[Span]]) -> Iterator[list[Span]]:
    """Lines that belong together: a new row begins at a line that leads with a title."""
    group: list[Span] = []
    for line in lines:
        blank = not any(s.text.strip() or s.url or s.pictures for s in line)
        if group and not blank and leads_with_title(line) and _has_link(group):
            yield group
            group = []
        if not blank:
            group = [*group, *line]
    if group:
        yield group


def _has_link(spans: list[Span]) -> bool:
    return any(span.url and not span.url.startswith("#") for span in spans)


def _table_line(spans: list[Span]) -> str | None:
    """The title in a line that was meant as a row of a table and has no table around it."""
    text = "".join(span.text if span.url is None else f"[{span.text}]" for span in spans)
    if not text.lstrip().startswith("|"):
        return None
    cells = [clean_title(cell.strip("[] ")) for cell in text.split("|")]
    return next((cell for cell in cells if reads_as_title(cell)), None)

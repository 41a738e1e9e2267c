"""An item as the papers it names, or the reason why it names none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from registry.core.escape import one_line
from registry.ingest.lists.addresses import arxiv_in, is_social, kind_of, mentioned_in, same_address
from registry.ingest.lists.document import Fault, ListedLink, Row, Skipped, When
from registry.ingest.lists.title import is_titled, title_in
from registry.ingest.lists.walker import Item, Span
from registry.ingest.lists.wording import (
    badge_text,
    clean_title,
    date_in,
    is_label,
    reads_as_title,
    venue_in,
)

_BARE_URL = re.compile(r"https?://[^\s<>\"'|]+[^\s<>\"'|.,;:!?)\]}]")
_TITLE_COLUMN = re.compile(r"\b(?:title|papers?|work|article|publication|reference)s?\b", re.I)
_NAME_COLUMN = re.compile(r"\b(?:name|method|model|approach|benchmark|dataset|algorithm)s?\b", re.I)
_DATE_COLUMN = re.compile(
    r"\b(?:date|time|year|month|published|release[d]?|publication date)\b", re.I
)
_VENUE_COLUMN = re.compile(r"\b(?:venue|conference|pub|publisher|journal|published)\b", re.I)
_DETAIL = re.compile(r"\W*[^\W\d_][\w &/-]{0,30}:(?:\s|$)")
_SHOWN = 160  # characters of what was passed over


@dataclass
class _Facts:
    """What the spans of one row say beside its title."""

    links: list[ListedLink] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    badges: list[str] = field(default_factory=list)


def recover(items: Iterable[Item]) -> Iterator[Row | Skipped]:
    """Every paper that ``items`` and what is nested in them name.

    What might have named one and does not comes out as ``Skipped``, with the reason.
    """
    for item in _with_details(items):
        yield from _recover(item)


def _recover(item: Item) -> Iterator[Row | Skipped]:
    if item.kind == "table":
        yield from _of_table(item)
    elif item.kind in ("paragraph", "heading"):
        yield from _of_paragraph(item)
    else:
        yield from _of_bullet(item)


def _with_details(items: Iterable[Item]) -> Iterator[Item]:
    """``items``, bullets such as "Authors: ..." under the title that they add to."""
    titled: Item | None = None
    for item in items:
        if titled is not None and item.kind == "bullet" and _is_detail(item):
            titled.children.append(item)
            continue
        if titled is not None:
            yield titled
        titled = item if item.kind in ("paragraph", "heading") and _heads(item) else None
        if titled is None:
            yield item
    if titled is not None:
        yield titled


def _heads(item: Item) -> bool:
    return _leads_with_title(item.spans) and _names_paper(item.spans)


def _is_detail(item: Item) -> bool:
    named = any(span.url and is_titled(span) for span in item.spans)
    return bool(_DETAIL.match(item.text)) and not named and not item.children


# -- bullets -------------------------------------------------------------------------------------


def _of_bullet(item: Item) -> Iterator[Row | Skipped]:
    spans = _with_bare_links(item.spans)
    if _is_prose(spans):
        addresses = " ".join(span.url or "" for span in spans if span.url)
        yield Skipped(item.line, "prose that names a paper", f"{item.text[:_SHOWN]} {addresses}")
        return
    below = [one for child in item.children for one in _recover(child)]
    details = _details(item.children, below) if _names_paper(spans) else []
    if _names_paper(spans):
        own = {span.line for child in details for span in child.spans}
        yield from _split(spans, item, _spans_of(details))
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
    rows = list(_split(spans, item, _spans_of(item.children)))
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
    return [span for item in items for span in _with_bare_links(item.spans)]


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


def _names_paper(spans: list[Span]) -> bool:
    return any(
        span.url and (kind_of(span.url, span.text) in ("paper", "published") or is_titled(span))
        for span in spans
    )


# -- paragraphs ----------------------------------------------------------------------------------


def _of_paragraph(item: Item) -> Iterator[Row | Skipped]:
    details = _spans_of(item.children)
    groups = list(_groups(_lines(_with_bare_links(item.spans))))
    for number, group in enumerate(groups, start=1):
        part = replace(item, spans=group, line=group[0].line, kind="paragraph")
        below = details if number == len(groups) else []
        papers = [s for s in group if s.url and kind_of(s.url, s.text) in ("paper", "published")]
        if not papers:
            continue  # prose; nothing in it names a paper
        if text := _table_line(group):
            yield from _split(group, part, [], text)
        elif _leads_with_title(group):
            yield from _split(group, part, below)
        elif (title := _title_above(part)) is not None:
            yield from _split(group, replace(part, section=part.section[:-1]), below, title)
        else:
            addresses = " ".join(span.url or "" for span in papers)
            text = f"{part.text[:_SHOWN]} {addresses}".strip()
            yield Skipped(part.line, "prose that names a paper", text)


def _title_above(item: Item) -> str | None:
    """The heading above, where the paragraph is a link to the paper that the heading names."""
    if len(item.section) < 2 or not is_label(item.text.replace(":", " ")):
        return None
    title = clean_title(item.section[-1])
    return title if reads_as_title(title) else None


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
        if group and not blank and _leads_with_title(line) and _has_link(group):
            yield group
            group = []
        if not blank:
            group = [*group, *line]
    if group:
        yield group


def _has_link(spans: list[Span]) -> bool:
    return any(span.url and not span.url.startswith("#") for span in spans)


def _leads_with_title(spans: list[Span]) -> bool:
    """True where the first words are a title, linked, bold or followed by a link at once."""
    words = [s for s in spans if s.text.strip() and clean_title(s.text)]
    while words and is_label(words[0].text) and len(words) > 1 and not words[0].url:
        words = words[1:]
    if not words:
        return False
    first = words[0]
    if first.url is not None or first.bold:
        return reads_as_title(first.text)
    sentence = re.search(
        r"[a-z][.!?]\s+[A-Z]|\b(?:our|we|this|these|please|see)\b", first.text, re.I
    )
    follows = len(words) > 1 and words[1].url is not None and is_label(words[1].text)
    return reads_as_title(first.text) and follows and not sentence and len(first.text) < 250


def _table_line(spans: list[Span]) -> str | None:
    """The title in a line that was meant as a row of a table and has no table around it."""
    text = "".join(span.text if span.url is None else f"[{span.text}]" for span in spans)
    if not text.lstrip().startswith("|"):
        return None
    cells = [clean_title(cell.strip("[] ")) for cell in text.split("|")]
    return next((cell for cell in cells if reads_astitle_in(cell)), None)


# -- tables --------------------------------------------------------------------------------------


def _of_table(item: Item) -> Iterator[Row | Skipped]:
    cells = [_with_bare_links(cell) for cell in item.cells]
    spans = [span for cell in cells for span in cell]
    column = _column(item.header, _TITLE_COLUMN, cells)
    if column is None:
        column = _column(item.header, _NAME_COLUMN, cells)
    title = _title_of_cell(cells[column]) if column is not None else None
    if title is not None and not any(span.url for span in spans):
        yield Row(item.line, item.section, title, None, when=_when_in(item, cells))
        return
    found = list(_split(spans, replace(item, spans=spans), [], title))
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


# -- one row or several --------------------------------------------------------------------------


def _split(
    spans: list[Span], item: Item, details: list[Span], title: str | None = None
) -> Iterator[Row | Skipped]:
    """The rows in ``spans``: one, or one for each linked title where several papers are linked."""
    starts = [
        n
        for n, span in enumerate(spans)
        if span.url and is_titled(span) and kind_of(span.url, span.text) in ("paper", "published")
    ]
    addresses = {same_address(spans[n].url or "") for n in starts}
    if title is None and len(starts) > 1 and len(addresses) == len(starts):
        ends = [*starts[1:], len(spans)]
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            own = spans[0 if number == 0 else start : end]
            rest = details if end == len(spans) else []
            yield _row(own, rest, item, clean_title(spans[start].text))
        return
    yield _row(spans, details, item, title)


def _row(spans: list[Span], details: list[Span], item: Item, title: str | None) -> Row | Skipped:
    line = item.line if item.kind != "paragraph" else spans[0].line if spans else item.line
    facts = _facts([*spans, *details])
    title = title or title_in(spans)
    if reason := _no_row(spans, facts, title):
        return Skipped(line, reason, item.text[:_SHOWN])
    if len(set(facts.ids)) > 1:
        facts.faults.append(Fault("two-ids", ", ".join(dict.fromkeys(facts.ids))))
    words = " ".join(span.text for span in spans if span.url is None or is_label(span.text))
    said = [*facts.badges, words, " ".join(span.text for span in details)]
    return Row(
        line=line,
        section=item.section,
        title=title or "",
        arxiv_id=facts.ids[0] if facts.ids else None,
        links=tuple(facts.links),
        when=next((when for text in said if (when := date_in(text))), None),
        venue=next((venue for text in said if (venue := venue_in(text))), None),
        faults=tuple(facts.faults),
    )


def _no_row(spans: list[Span], facts: _Facts, title: str | None) -> str | None:
    """Why the spans are no row, or None where they are one."""
    urls = [span.url for span in spans if span.url is not None]
    if urls and all(url.startswith("#") for url in urls):
        return "table of contents"
    if not urls and not facts.ids and not facts.links:
        pictures = any(span.pictures for span in spans)
        return "only a picture" if pictures and not title else "no link"
    if not facts.ids and not facts.faults and all(is_social(link.url) for link in facts.links):
        return "only links to posts, people or this page"
    if not title:
        return "no title"
    named = any(link.kind not in ("other", "list") for link in facts.links)
    return None if named or facts.ids or reads_as_title(title) else "no paper"


def _facts(spans: list[Span]) -> _Facts:
    facts = _Facts()
    said: list[str] = []
    for span in spans:
        label = one_line(span.text)
        pictured = [text for source in span.pictures if (text := badge_text(source))]
        facts.badges += pictured
        said += [id_ for text in (*pictured, label) if (id_ := mentioned_in(text))]
        if span.url is not None and not span.url.startswith("#"):
            if span.url or label:  # a badge that leads nowhere is only a badge
                _add_link(facts, span.url, label or " ".join(pictured))
    # What an address says comes before what a badge or the text says.
    facts.ids = list(dict.fromkeys([*facts.ids, *said]))
    return facts


def _add_link(facts: _Facts, url: str, label: str) -> None:
    if not url:
        facts.faults.append(Fault("empty-link", label))
        return
    found = arxiv_in(url)
    if found is not None and found.id is None:
        facts.faults.append(Fault("malformed-id", found.raw))
    elif found is not None and found.id is not None:
        facts.ids.append(found.id)
        if found.repaired:
            facts.faults.append(Fault("repaired-id", url))
    elif not re.match(r"(?:https?:)?//|mailto:", url):
        # An address without its scheme, or a file of the list's own repository.
        facts.faults.append(Fault("bad-address", url))
    link = ListedLink(kind_of(url, label), url, label)
    if all(link.url != other.url for other in facts.links):
        facts.links.append(link)


def _with_bare_links(spans: list[Span]) -> list[Span]:
    """``spans`` with the addresses that stand in text as links of their own."""
    found: list[Span] = []
    for span in spans:
        if span.url is not None or "http" not in span.text:
            found.append(span)
            continue
        at = 0
        for match in _BARE_URL.finditer(span.text):
            if before := span.text[at : match.start()]:
                found.append(Span(before, span.line, bold=span.bold))
            found.append(Span("", span.line, url=match[0]))
            at = match.end()
        rest = Span(span.text[at:], span.line, None, span.bold, span.pictures, span.ends_line)
        found.append(rest)
    return found

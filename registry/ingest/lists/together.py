"""Items that are one paper's: a title, and what stands below it and adds to it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, pairwise

from registry.ingest.lists.addresses import kind_of, same_address
from registry.ingest.lists.items import Item, Span
from registry.ingest.lists.people import are_names, is_names
from registry.ingest.lists.rows import with_bare_links
from registry.ingest.lists.title import is_titled
from registry.ingest.lists.wording import clean_title, is_label, reads_as_title, venue_in

_SENTENCE = re.compile(r"[a-z][.!?]\s+[A-Z]|\b(?:our|we|this|these|please|see)\b", re.IGNORECASE)
_DETAIL = re.compile(r"\W*[^\W\d_][\w &/-]{0,30}:(?:\s|$)")
_LEAD = re.compile(r"\W*(?:\w+\W+){0,3}\w+\s*:\W*")  # "Survey paper: "
_LONGEST = 250  # characters of a title in running text
_TIMES = 2  # a shape that prose may have by chance counts where it stands so often


def together(items: Iterable[Item]) -> Iterator[Item]:
    """``items``, what is one paper's as one."""
    return _with_details(_with_title_before(_under_titles(list(items))))


def names_paper(spans: list[Span]) -> bool:
    """True where a paper is linked."""
    return any(
        span.url and (kind_of(span.url, span.text) in ("paper", "published") or is_titled(span))
        for span in spans
    )


def title_above(item: Item) -> str | None:
    """The heading above, where the item is no more than a link to the paper that it names."""
    if len(item.section) < 2 or not is_label(item.text.replace(":", " ")):
        return None
    title = clean_title(item.section[-1])
    return title if reads_as_title(title) else None


def leads_with_title(spans: list[Span]) -> bool:
    """True where the first words are a title, linked, bold or followed by a link at once."""
    words = [s for s in spans if s.text.strip() and clean_title(s.text)]
    while words and is_label(words[0].text) and len(words) > 1 and not words[0].url:
        words = words[1:]
    if len(words) > 1 and _LEAD.fullmatch(words[0].text) and words[1].url:
        words = words[1:]
    if not words:
        return False
    first = words[0]
    if first.url is not None or first.bold:
        return reads_as_title(first.text) or (first.bold and _has_byline_below(first, spans))
    if not _SENTENCE.search(first.text) and _has_byline_below(first, spans):
        return reads_as_title(first.text)
    sentence = _SENTENCE.search(first.text)
    follows = len(words) > 1 and words[1].url is not None and is_label(words[1].text)
    return reads_as_title(first.text) and follows and not sentence and len(first.text) < _LONGEST


def _has_byline_below(first: Span, spans: list[Span]) -> bool:
    """True where authors stand in the lines below ``first``, and then a link to the paper."""
    below = spans[spans.index(first) :]
    at = next((n for n, s in enumerate(below) if s.url and is_label(s.text)), 0)
    ends = next((n for n, s in enumerate(below[:at], start=1) if s.ends_line), at)
    rest = " ".join(span.text for span in below[1:ends])
    between = " ".join(span.text for span in below[ends:at])
    return not rest.strip() and bool(between.strip()) and _is_byline(between)


# -- a title that is a heading -------------------------------------------------------------------


def _under_titles(items: list[Item]) -> Iterator[Item]:
    """``items``, those under a heading that is a title as one, where several headings are."""
    groups = [(section, list(its)) for section, its in groupby(items, lambda item: item.section)]
    titles = [_title_of_group(section, its) for section, its in groups]
    named = [(section[:-1], title) for (section, _), title in zip(groups, titles, strict=True)]
    full = Counter(above for above, title in named if title and reads_as_title(title))
    short = Counter(above for above, title in named if title and not reads_as_title(title))
    repeated = Counter(titles)
    for (section, its), title in zip(groups, titles, strict=True):
        above = section[:-1]
        # A heading such as "Click for the abstract" stands above many papers.
        is_shape = full[above] >= max(_TIMES, 2 * short[above])
        if title is None or not is_shape or repeated[title] > 1:
            yield from its
        else:
            spans = [span for item in its for span in _all_spans(item)]
            yield _titled(title, its[0].line, section[:-1], spans)


def _title_of_group(section: tuple[str, ...], items: list[Item]) -> str | None:
    """The heading, where it is a title and all that is linked below it as a paper is one paper."""
    title = clean_title(section[-1]) if section else ""
    if not reads_as_title(title, 1) or any(item.kind in ("table", "heading") for item in items):
        return None
    spans = [span for item in items for span in _all_spans(item)]
    papers = [s for s in spans if s.url and kind_of(s.url, s.text) in ("paper", "published")]
    addresses = {same_address(span.url or "") for span in papers}
    ids = {address for address in addresses if address.startswith("arxiv:")}
    if len(ids or addresses) != 1 or not all(is_label(span.text) for span in papers):
        return None
    return title if all(_is_byline(_before(item, papers)) for item in items) else None


def _before(item: Item, papers: list[Span]) -> str:
    """What stands before the link to a paper in ``item``; nothing where it has none."""
    spans = _all_spans(item)
    at = next((n for n, span in enumerate(spans) if span in papers), 0)
    return " ".join(span.text for span in spans[:at] if span.url is None)


def _is_byline(text: str) -> bool:
    """True for authors, a venue, a date and labels: what stands under a title beside its link."""
    parts = [part for part in re.split(r"[.;|()\n]|(?<=\w):\s", text) if part.strip()]
    return all(
        is_label(part)
        or are_names(part)
        or (is_names(part) and len(part.split()) == 2)
        or (venue_in(part) and len(part.split()) < 5)
        for part in parts
    )


def _all_spans(item: Item) -> list[Span]:
    return [*with_bare_links(item.spans), *(s for c in item.children for s in _all_spans(c))]


def _titled(title: str, line: int, section: tuple[str, ...], spans: list[Span]) -> Item:
    return Item("bullet", line, section, spans, title=title)


# -- a title in a paragraph of its own -----------------------------------------------------------


def _with_title_before(items: Iterable[Item]) -> Iterator[Item]:
    """``items``, a paragraph that is only a title as one with the links of the next."""
    all_items = list(items)
    pairs = {
        n: item.section
        for n, (item, following) in enumerate(pairwise(all_items))
        if _is_bare_title(item) and _is_bare_link(following) and item.section == following.section
    }
    times = Counter(pairs.values())
    for n, item in enumerate(all_items):
        if times[pairs.get(n, ())] >= _TIMES and n in pairs:
            title, following = clean_title(item.text), all_items[n + 1]
            yield _titled(title, item.line, item.section, with_bare_links(following.spans))
        elif n - 1 not in pairs or times[pairs[n - 1]] < _TIMES:
            yield item


def _is_bare_title(item: Item) -> bool:
    if item.kind != "paragraph" or any(span.url or span.pictures for span in item.spans):
        return False
    text = item.text
    is_sentence = _SENTENCE.search(text) or text.endswith((".", ":"))
    return reads_as_title(text) and not is_sentence and len(text) < _LONGEST


def _is_bare_link(item: Item) -> bool:
    spans = with_bare_links(item.spans)
    return item.kind == "paragraph" and is_label(item.text) and names_paper(spans)


# -- details below a title -----------------------------------------------------------------------


def _with_details(items: Iterable[Item]) -> Iterator[Item]:
    """``items``, those such as "Authors: ..." under the title that they add to."""
    titled: Item | None = None
    for item in items:
        if titled is not None and _is_detail(item) and _below(item, titled):
            titled.children.append(item)
            continue
        if titled is not None:
            yield titled
        titled = item if _heads(item) else None
        if titled is None:
            yield item
    if titled is not None:
        yield titled


def _below(item: Item, titled: Item) -> bool:
    own = (*titled.section, titled.text) if titled.kind == "heading" else titled.section
    return item.section == own


def _heads(item: Item) -> bool:
    if item.title is not None:
        return False
    spans = with_bare_links(item.spans)
    above = title_above(replace(item, spans=spans)) is not None
    if item.kind in ("paragraph", "heading"):
        return (above or leads_with_title(spans)) and names_paper(spans)
    return item.kind == "bullet" and above and names_paper(spans)


def _is_detail(item: Item) -> bool:
    if item.title is not None:
        return False
    spans = with_bare_links(item.spans)
    named = any(span.url and is_titled(span) for span in spans)
    if item.kind == "paragraph":  # a bullet may repeat the paper's address, a paragraph is prose
        named = named or names_paper(spans)
    elif names_paper(spans):  # "Name: a title [pdf]" is a paper of its own
        at = next(n for n, span in enumerate(spans) if span.url)
        before = "".join(span.text for span in spans[:at]).partition(":")[2]
        named = named or (reads_as_title(before) and not is_names(before))
    return bool(_DETAIL.match(item.text)) and not named and not item.children

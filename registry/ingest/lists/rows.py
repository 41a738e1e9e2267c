"""A row from its spans: title, identifier, links, date and venue, or the reason why it is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from registry.core.escape import one_line
from registry.ingest.lists.addresses import arxiv_in, is_social, kind_of, mentioned_in, same_address
from registry.ingest.lists.document import Fault, ListedLink, Row, Skipped
from registry.ingest.lists.items import Item, Span
from registry.ingest.lists.people import are_names
from registry.ingest.lists.title import is_titled, title_in
from registry.ingest.lists.wording import (
    badge_text,
    clean_title,
    date_in,
    is_label,
    reads_as_title,
    venue_in,
)

SHOWN = 160  # characters of what was passed over
_PAPER = ("paper", "published")
_LABEL_BEFORE = re.compile(
    r"(?:^|[^\w&-])([^\W\d_]+(?: (?:link|url))?)\W{0,3}[:\uff1a]\W{0,3}$", re.IGNORECASE
)
# A page of the list's own repository: no scheme, no host, and no PDF, which may be a paper.
_FILE = re.compile(
    r"(?!\W*[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|ai|cc|edu|dev)\b)(?!.*\.pdf$)"
    r"\.{0,2}/?[\w%.-]+(?:/|\.\w+(?:#|$))"
)
BARE_URL = re.compile(r"https?://[^\s<>\"'|]+[^\s<>\"'|.,;:!?)\]}]")


@dataclass
class _Facts:
    """What the spans of one row say beside its title."""

    links: list[ListedLink] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    badges: list[str] = field(default_factory=list)


def rows_in(
    spans: list[Span], item: Item, details: list[Span], title: str | None = None
) -> Iterator[Row | Skipped]:
    """The rows in ``spans``: one, or one for each title where several papers are linked."""
    starts = [] if title is not None else _starts(spans)
    if len(starts) < 2:
        yield _row(spans, details, item, title)
        return
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(spans)], strict=True)):
        own = spans[0 if number == 0 else start : end]
        named = clean_title(spans[start].text) if spans[start].url else None
        yield _row(own, details if end == len(spans) else [], item, named)


def _starts(spans: list[Span]) -> list[int]:
    """Where the papers begin, if several are named: each of another address."""
    papers = [n for n, s in enumerate(spans) if s.url and kind_of(s.url, s.text) in _PAPER]
    titled = [n for n in papers if is_titled(spans[n])]
    if titled:
        starts = titled
    elif any(span.bold and span.url is None and _is_name_of_one(span.text) for span in spans):
        return []
    elif not any(is_label(spans[n].text) for n in papers):
        before = "".join(span.text for span in spans[: papers[0]]).strip() if papers else ""
        starts = [] if _is_name_of_one(before) else papers
    else:
        return _labelled_starts(spans, papers)
    addresses = {same_address(spans[n].url or "") for n in starts}
    return starts if len(addresses) == len(starts) else []


def _is_name_of_one(text: str) -> bool:
    """True for a title; what ends in a colon names the papers that follow."""
    return reads_as_title(text) and not text.rstrip(" *\"'\u201d").endswith(":")


def _labelled_starts(spans: list[Span], papers: list[int]) -> list[int]:
    """Where titles begin that each stand before a link such as "[paper]" to another paper."""
    starts: list[int] = []
    last, before = -1, None
    for n in papers:
        found = arxiv_in(spans[n].url or "")
        if found is None or found.id is None or found.id == before:
            continue
        # Behind the link of the paper before, what stands in its brackets and its remarks come
        # first: the title is what is nearest to the link.
        title = next((m for m in range(n - 1, last, -1) if _begins_title(spans[m])), None)
        if title is None:
            return []
        starts.append(title)
        last, before = n, found.id
    return starts


def _begins_title(span: Span) -> bool:
    text = span.text.strip().lstrip("[](){},;|/\u00b7 ")
    if span.url is not None or not text or text[0].islower() or are_names(text):
        return False
    return reads_as_title(text) and not re.search(r"[a-z][.!?]\s+[A-Z]", text)


def _row(spans: list[Span], details: list[Span], item: Item, title: str | None) -> Row | Skipped:
    line = item.line if item.kind != "paragraph" else spans[0].line if spans else item.line
    facts = _facts([*spans, *details])
    title = title or title_in(spans)
    if reason := _no_row(spans, facts, title):
        shown = item.text[:SHOWN]
        more = [link.url for link in facts.links[:2] if link.url not in shown]
        return Skipped(line, reason, " ".join([shown, *more]).strip())
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
    if not facts.ids and facts.links and all(_FILE.match(link.url) for link in facts.links):
        return "only links to files beside the list"
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
        # A badge that leads nowhere is only a badge.
        if span.url is not None and not span.url.startswith("#") and (span.url or label):
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


def with_bare_links(spans: list[Span]) -> list[Span]:
    """``spans`` with the addresses that stand in text as links, called what stands before them."""
    found: list[Span] = []
    for span in spans:
        if span.url is not None or "http" not in span.text:
            found.append(span)
            continue
        at = 0
        for match in BARE_URL.finditer(span.text):
            if before := span.text[at : match.start()]:
                found.append(Span(before, span.line, bold=span.bold))
            found.append(Span(_label_before(found), span.line, url=match[0]))
            at = match.end()
        rest = replace(span, text=span.text[at:])
        found.append(rest)
    return found


def _label_before(spans: list[Span]) -> str:
    """The label that ends ``spans``, such as "Paper:"; nothing where none does."""
    text = "".join(span.text for span in spans[-2:] if span.url is None)
    match = _LABEL_BEFORE.search(text[-40:])
    return match[1] if match and is_label(match[1]) else ""

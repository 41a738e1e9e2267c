"""The title among the spans of an item: how lists write one, the surest way first."""

from __future__ import annotations

import re

from registry.ingest.lists.addresses import kind_of
from registry.ingest.lists.walker import Span
from registry.ingest.lists.wording import clean_title, is_label, quoted, reads_as_title

_REMARK = re.compile(r"\s*[-\u2013\u2014:,;(|\u00b7]")


def title_in(spans: list[Span]) -> str | None:
    """The title among ``spans``, or None."""
    ways = (
        _linked_to_paper,
        _bold,
        _quoted,
        _before_link,
        _titled,
        _after_link,
        _linked,
        _anything,
    )
    for way in ways:
        text = way(spans)
        if text and (title := clean_title(text)) and not is_label(title):
            return title
    return None


def is_titled(span: Span) -> bool:
    """True for a link whose text is a title, not a label."""
    return span.url is not None and reads_as_title(span.text)


def _linked_to_paper(spans: list[Span]) -> str | None:
    kinds = ("paper", "published")
    return next(
        (s.text for s in spans if s.url and is_titled(s) and kind_of(s.url, s.text) in kinds), None
    )


def _bold(spans: list[Span]) -> str | None:
    found = (s.text for s in spans if s.bold and s.url is None and reads_as_title(s.text))
    return next(found, None)


def _quoted(spans: list[Span]) -> str | None:
    text = " ".join(s.text for s in spans if s.url is None)
    found = quoted(text)
    return found if found and reads_as_title(found) and len(found) > 0.3 * len(text) else None


def _before_link(spans: list[Span]) -> str | None:
    """The text before a link that names it; badges and labels may come first."""
    words: list[str] = []
    for span in spans:
        linked = span.url is not None or bool(span.pictures)
        if words and linked:
            break
        if linked and not is_label(span.text):
            return None
        if not linked and (words or clean_title(span.text)):
            words.append(span.text)
            if span.ends_line and reads_as_title("".join(words)):
                break
    text = "".join(words)
    return text if reads_as_title(text) else None


def _titled(spans: list[Span]) -> str | None:
    return next((s.text for s in spans if is_titled(s)), None)


def _linked(spans: list[Span]) -> str | None:
    found = [s.text for s in spans if s.url and not s.url.startswith("#") and not is_label(s.text)]
    return next(iter(found), None)


def _after_link(spans: list[Span]) -> str | None:
    link: Span | None = None
    for span in spans:
        if span.url is not None:
            link = link or span
        elif link is not None and reads_as_title(span.text):
            # "[Name](...) - what it does": the name is the title, not what is said of it.
            remark = _REMARK.match(span.text) and not is_label(link.text)
            return None if remark else span.text
    return None


def _anything(spans: list[Span]) -> str | None:
    return next((s.text for s in spans if s.text.strip() and not is_label(s.text)), None)


_WAYS = (
    _linked_to_paper, _bold, _quoted, _before_link, _titled, _after_link, _linked, _anything,
)  # fmt: skip

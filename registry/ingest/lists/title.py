"""The title among the spans of an item: how lists write one, the surest way first."""

from __future__ import annotations

import re
from itertools import zip_longest

from registry.ingest.lists.addresses import kind_of
from registry.ingest.lists.items import Span
from registry.ingest.lists.people import title_among
from registry.ingest.lists.wording import clean_title, is_label, quoted, reads_as_title

_REMARK = re.compile(r"\s*[-\u2013\u2014:,;(|\u00b7]")


def title_in(spans: list[Span]) -> str | None:
    """The title among ``spans``, or None."""
    for way in _WAYS:
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


def _short_bold(spans: list[Span]) -> str | None:
    """A bold name of a word or two, where what follows in brackets says that it is all of it."""
    words = [s for s in spans if s.text.strip()]
    if len(words) < 2 or not words[0].bold or words[0].url is not None:
        return None
    stands_alone = words[1].url is None and words[1].text.lstrip().startswith("(")
    return words[0].text if stands_alone and reads_as_title(words[0].text, 1) else None


def _quoted(spans: list[Span]) -> str | None:
    text = " ".join(s.text for s in spans if s.url is None)
    found = quoted(text)
    return found if found and reads_as_title(found) and len(found) > 0.3 * len(text) else None


def _before_link(spans: list[Span]) -> str | None:
    """The text before a link that names it; badges and labels may come first."""
    words: list[str] = []
    for span, following in zip_longest(spans, spans[1:]):
        linked = span.url is not None or bool(span.pictures)
        if words and linked:
            break
        if linked and not is_label(span.text):
            return None
        if not linked and (words or clean_title(span.text)):
            words.append(f"{span.text} " if span.ends_line else span.text)
            goes_on = following is not None and _goes_on(span.text, following.text)
            if span.ends_line and not goes_on and reads_as_title("".join(words)):
                break
    text = _without_name(spans, "".join(words))
    return title_among(text) if reads_as_title(text) else None


def _without_name(spans: list[Span], text: str) -> str:
    """``text`` without a bold name that a dash sets apart from the title."""
    name = next((s for s in spans if s.text.strip()), None)
    if name is None or not name.bold or not text.startswith(name.text):
        return text
    rest = text[len(name.text) :]
    dash = re.match(r"\s*[-\u2013\u2014]\s+(?=[A-Z])", rest)
    return rest[dash.end() :] if dash and reads_as_title(rest) else text


def _goes_on(line: str, following: str) -> bool:
    """True where a line ends within a sentence."""
    return following.lstrip()[:1].islower() and line.rstrip()[-1:].isalnum()


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
            return None if remark else title_among(span.text)
    return None


def _anything(spans: list[Span]) -> str | None:
    return next((s.text for s in spans if s.text.strip() and not is_label(s.text)), None)


_WAYS = (
    _linked_to_paper, _bold, _short_bold, _quoted, _before_link, _titled, _after_link, _linked,
    _anything,
)  # fmt: skip

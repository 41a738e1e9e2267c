"""From an entry of arXiv's feed to a preprint of the store: cleaned, checked, typed."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from registry.core.errors import ArxivError, UsageError
from registry.core.escape import one_line
from registry.core.ids import ArxivId
from registry.store.preprints import Preprint

if TYPE_CHECKING:
    import arxiv

_WITHDRAWN = re.compile(
    r"^\W*withdrawn\b"
    r"|\b(?:paper|article|submission|manuscript|preprint|work|version)\b[^.;]{0,40}"
    r"\b(?:is|was|has been|have been|being)\s+(?:temporarily\s+)?withdrawn\b"
    r"|\bwithdrawn by\b[^.;]{0,40}\b(?:author|admin)",
    re.IGNORECASE,
)


def preprint_of(entry: arxiv.Result, seen_at: datetime) -> Preprint:
    """The preprint in a feed's entry. Raises ArxivError where the entry names none.

    The feed gives no version to an entry only when it is malformed, so none is an error too.
    """
    try:
        id_ = ArxivId.parse(entry.entry_id)
    except UsageError as error:
        raise ArxivError(f"an entry of the feed has a wrong id: {error}") from None
    if id_.version is None:
        raise ArxivError(f"the entry {entry.entry_id!r} of the feed names no version")
    title = one_line(entry.title)
    authors = tuple(name for a in entry.authors if (name := one_line(a.name)))
    if not title or not authors:
        raise ArxivError(f"the entry {entry.entry_id!r} of the feed has no title or no authors")
    abstract, comment = one_line(entry.summary), _text(entry.comment)
    return Preprint(
        id=id_.base,
        version=id_.version,
        title=title,
        abstract=abstract,
        authors=authors,
        categories=_categories(entry.primary_category, entry.categories),
        published=entry.published,
        updated=entry.updated,
        seen_at=seen_at,
        comment=comment,
        journal_ref=_text(entry.journal_ref),
        doi=_text(entry.doi),
        withdrawn=withdrawn_words(comment, abstract) or _no_pdf(entry),
    )


def withdrawn_words(comment: str | None, abstract: str) -> str | None:
    """The words that say a preprint is withdrawn, or None.

    The query API has no flag: the reason stands in the comment, or instead of the abstract. A
    long abstract that mentions a withdrawal is about something else.

    >>> withdrawn_words("This paper has been withdrawn by the authors", "We study x.")
    'paper has been withdrawn'
    >>> withdrawn_words("Supersedes an earlier, withdrawn draft", "We study x.") is None
    True
    """
    for text in (comment or "", abstract if len(abstract) <= 600 else ""):
        if match := _WITHDRAWN.search(text):
            return match[0].strip()
    return None


def _no_pdf(entry: arxiv.Result) -> str | None:
    """What an entry says whose other links are there: a version that was withdrawn has no PDF."""
    return "arXiv has no PDF of it" if entry.links and entry.pdf_url is None else None


def _categories(primary: str, terms: list[str]) -> tuple[str, ...]:
    # One term may carry several classes: "68T07, 68T50".
    split = [one_line(part) for term in (primary, *terms) for part in re.split(r"[,;]", term)]
    return tuple(dict.fromkeys(part for part in split if part))


def _text(value: str | None) -> str | None:
    return one_line(value) or None if value else None

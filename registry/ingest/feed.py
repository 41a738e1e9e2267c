"""An Atom answer of arXiv's API, read strictly: whole and well-formed, or a typed error.

The `arxiv` package reads entries out of anything: of half a body it takes the complete half, of a
page of HTML nothing, and an entry without a date it skips; all in silence. Here the first two are
errors, and the entry keeps its place and says why it cannot be read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import arxiv
from lxml import etree

from registry.core.errors import ArxivError
from registry.core.escape import one_line
from registry.ingest.http import FeedError, RefusedError
from registry.ingest.moments import iso_moment
from registry.ingest.record import preprint_of
from registry.ingest.strict_xml import parse_xml
from registry.store.preprints import Preprint

_ATOM = "{http://www.w3.org/2005/Atom}"
_ARXIV = "{http://arxiv.org/schemas/atom}"
_OPENSEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"


@dataclass(frozen=True)
class Unread:
    """An entry that lacks what every entry has: its id as it stands there, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Feed:
    """One page: what its head says, and every entry on it."""

    title: str  # echoes the query as the service understood it
    updated: datetime | None
    total: int  # unreliable for a list of ids
    start: int
    per_page: int
    entries: tuple[arxiv.Result | Unread, ...]

    @property
    def unread(self) -> tuple[Unread, ...]:
        """The entries that nobody can read."""
        return tuple(entry for entry in self.entries if isinstance(entry, Unread))


def read_feed(content: bytes) -> Feed:
    """The feed in ``content``.

    Raises FeedError for anything but one whole, well-formed feed without a DTD, and RefusedError
    for the feed that carries an error instead of results.
    """
    root = _parse(content)
    _refuse_error_feed(root)
    return Feed(
        title=one_line(root.findtext(f"{_ATOM}title") or ""),
        updated=_moment(root.findtext(f"{_ATOM}updated")),
        total=_number(root, "totalResults"),
        start=_number(root, "startIndex"),
        per_page=_number(root, "itemsPerPage"),
        entries=tuple(_entry(element) for element in root.findall(f"{_ATOM}entry")),
    )


def described(entry: arxiv.Result | Unread, seen_at: datetime) -> Preprint | Unread:
    """The preprint in a feed's entry, or why nobody can read it."""
    if isinstance(entry, Unread):
        return entry
    try:
        return preprint_of(entry, seen_at)
    except ArxivError as error:
        return Unread(one_line(entry.entry_id)[:80], str(error))


def _parse(content: bytes) -> etree._Element:
    root = parse_xml(content)
    if root.tag != f"{_ATOM}feed":
        raise FeedError(f"arXiv's answer is a <{etree.QName(root).localname}>, not an Atom feed")
    return root


def _refuse_error_feed(root: etree._Element) -> None:
    for entry in root.findall(f"{_ATOM}entry"):
        if "/api/errors" in (entry.findtext(f"{_ATOM}id") or ""):
            reason = one_line(entry.findtext(f"{_ATOM}summary") or "no reason given")
            raise RefusedError(f"arXiv refuses the request: {reason}. Mend the query or the ids.")


def _entry(element: etree._Element) -> arxiv.Result | Unread:
    id_ = _text(element, f"{_ATOM}id").strip()
    published = _moment(_text(element, f"{_ATOM}published"))
    updated = _moment(_text(element, f"{_ATOM}updated"))
    if not id_ or published is None or updated is None:
        name = one_line(id_)[:80] or "without an id"
        return Unread(
            name, f"the entry {name} of arXiv's feed lacks <id>, <published> or <updated>"
        )
    primary = next(element.iterchildren(f"{_ARXIV}primary_category"), None)
    return arxiv.Result(
        entry_id=id_,
        updated=updated,
        published=published,
        title=_text(element, f"{_ATOM}title"),
        authors=[
            arxiv.Result.Author(_text(author, f"{_ATOM}name"))
            for author in element.iterchildren(f"{_ATOM}author")
        ],
        summary=_text(element, f"{_ATOM}summary"),
        comment=_text(element, f"{_ARXIV}comment"),
        journal_ref=_text(element, f"{_ARXIV}journal_ref"),
        doi=_text(element, f"{_ARXIV}doi"),
        primary_category="" if primary is None else primary.get("term", ""),
        categories=[c.get("term", "") for c in element.iterchildren(f"{_ATOM}category")],
        links=[
            arxiv.Result.Link(link.get("href", ""), link.get("title"), link.get("rel"))
            for link in element.iterchildren(f"{_ATOM}link")
        ],
    )


def _text(parent: etree._Element, name: str) -> str:
    # All of it: `.text` alone ends at the first child, as in `a <i>b</i> c`. By `find` it takes
    # three times as long.
    element = next(parent.iterchildren(name), None)
    if element is None:
        return ""
    return "".join(element.itertext()) if len(element) else element.text or ""


def _number(root: etree._Element, name: str) -> int:
    text = (root.findtext(f"{_OPENSEARCH}{name}") or "").strip()
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise FeedError(f"arXiv's feed says {name} {text!r} where a whole number was expected")
    return int(text)


def _moment(text: str | None) -> datetime | None:
    try:
        return iso_moment(text or "")
    except ValueError:
        return None

"""Records of arXiv's OAI-PMH, in each format it speaks, as arrivals.

``arXivRaw`` tells every version with its date and kind, and the authors as one string. ``arXiv``
splits the names and tells no version; neither does ``oai_dc``, nor ``arXivOld``. Namespaces are
not looked at: some archives of records have lost them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time

from lxml import etree

from registry.core.errors import UsageError
from registry.core.escape import one_line
from registry.core.ids import ArxivId
from registry.ingest.http import FeedError
from registry.ingest.moments import iso_moment, mail_moment
from registry.ingest.names import split_authors, untex
from registry.ingest.record import withdrawn_words
from registry.ingest.strict_xml import child_of, local_name, text_of, texts_of
from registry.store.arrivals import MOST_VERSIONS, Arrival, Revision
from registry.store.preprints import Preprint

FORMATS = ("arXivRaw", "arXiv")  # that we ask for; more are read
_SIZE = re.compile(r"\s*(\d+)")


@dataclass(frozen=True, slots=True)
class Gone:
    """A record that arXiv deleted."""

    id: str


def oai_record(record: etree._Element, seen_at: datetime) -> Arrival | Gone:
    """What a ``<record>`` says. Raises FeedError where it lacks what every record has."""
    header, body = child_of(record, "header"), child_of(record, "metadata")
    if header is None:
        raise FeedError("a record of arXiv's answer has no header")
    name = text_of(header, "identifier").strip()
    id_ = _id(name)
    if header.get("status") == "deleted":
        return Gone(id_)
    said = next(iter(body), None) if body is not None else None
    if said is None or local_name(said) not in _READERS:
        raise FeedError(f"the record {name} has no metadata in a format known here")
    try:
        arrival = _READERS[local_name(said)](said, id_, header, seen_at)
    except (ValueError, TypeError) as error:
        raise FeedError(f"the record {name} has a date or number that is none: {error}") from None
    found = arrival.preprint
    if not found.title or not found.authors:
        raise FeedError(f"the record {name} has no title or no authors")
    return arrival


def _raw(said: etree._Element, id_: str, _: etree._Element, seen_at: datetime) -> Arrival:
    fields = texts_of(said)
    told = (_revision(element) for element in said.iterchildren("{*}version"))
    history = tuple(sorted(told, key=lambda revision: revision.version))
    if not history:
        raise FeedError(f"the record of {id_} tells no version")
    newest = history[-1]
    submitted = [revision.submitted for revision in history if revision.submitted]
    comment, abstract = _text(fields, "comments"), _plain(fields, "abstract")
    words = withdrawn_words(comment, abstract)
    preprint = Preprint(
        id=id_,
        version=newest.version,
        title=_plain(fields, "title"),
        abstract=abstract,
        authors=split_authors(fields.get("authors", "")),
        categories=_categories(fields),
        published=submitted[0],
        updated=submitted[-1],
        seen_at=seen_at,
        comment=comment,
        journal_ref=_text(fields, "journal-ref"),
        doi=_text(fields, "doi"),
        withdrawn=words,
    )
    return Arrival(preprint, history, _text(fields, "license"))


def _revision(element: etree._Element) -> Revision:
    name = element.get("version", "")
    if not (name[:1] == "v" and name[1:].isdecimal() and 0 < int(name[1:]) < MOST_VERSIONS):
        raise FeedError(f"a record names a version {name!r}")
    told = texts_of(element)
    size = _SIZE.match(told.get("size", ""))
    return Revision(
        version=int(name[1:]),
        submitted=_moment(told.get("date", "")),
        kilobytes=int(size[1]) if size else None,
        source_type=told.get("source_type", "").strip() or None,
    )


def _arxiv(said: etree._Element, id_: str, _: etree._Element, seen_at: datetime) -> Arrival:
    fields = texts_of(said)
    listed = child_of(said, "authors")
    if listed is not None and len(listed):
        authors = tuple(name for author in listed if (name := _name(author)))
    else:  # arXivOld: one string
        authors = split_authors(fields.get("authors", ""))
    comment, abstract = _text(fields, "comments"), _plain(fields, "abstract")
    created = _day(fields.get("created") or fields.get("updated") or "") or seen_at
    preprint = Preprint(
        id=id_,
        version=1,
        title=_plain(fields, "title"),
        abstract=abstract,
        authors=authors,
        categories=_categories(fields),
        published=created,
        updated=_day(fields.get("updated", "")) or created,
        seen_at=seen_at,
        comment=comment,
        journal_ref=_text(fields, "journal-ref"),
        doi=_text(fields, "doi"),
        withdrawn=withdrawn_words(comment, abstract),
    )
    return Arrival(preprint, licence=_text(fields, "license"), stated=False)


def _dublin(said: etree._Element, id_: str, header: etree._Element, seen_at: datetime) -> Arrival:
    texts: dict[str, list[str]] = {}
    for child in said:
        if isinstance(child.tag, str):
            texts.setdefault(local_name(child), []).append(
                untex(one_line("".join(child.itertext())))
            )
    descriptions = texts.get("description", [])
    comment = next((t for t in descriptions[1:]), None)
    comment = re.sub(r"^Comment:\s*", "", comment) if comment else None
    abstract = descriptions[0] if descriptions else ""
    dates = sorted(filter(None, (_day(text) for text in texts.get("date", []))))
    others = texts.get("identifier", [])
    dois = [text[4:] for text in others if text.lower().startswith("doi:")]
    preprint = Preprint(
        id=id_,
        version=1,
        title=" ".join(texts.get("title", [])),
        abstract=abstract,
        authors=tuple(_turned(name) for name in texts.get("creator", [])),
        categories=tuple(dict.fromkeys(_category_of(e) for e in header if _is_set(e))),
        published=dates[0] if dates else seen_at,
        updated=dates[-1] if dates else seen_at,
        seen_at=seen_at,
        comment=comment,
        journal_ref=next((t for t in others if not re.match(r"https?:|doi:", t)), None),
        doi=dois[0] if dois else None,
        withdrawn=withdrawn_words(comment, abstract),
    )
    return Arrival(preprint, stated=False)


_READERS = {"arXivRaw": _raw, "arXiv": _arxiv, "arXivOld": _arxiv, "dc": _dublin}


def _id(name: str) -> str:
    try:
        return ArxivId.parse(name.removeprefix("oai:arXiv.org:")).base
    except UsageError as error:
        raise FeedError(f"a record of arXiv's answer has a wrong id: {error}") from None


def _plain(fields: dict[str, str], name: str) -> str:
    return untex(one_line(fields.get(name, "")))


def _text(fields: dict[str, str], name: str) -> str | None:
    return _plain(fields, name) or None


def _categories(fields: dict[str, str]) -> tuple[str, ...]:
    """arXiv's own, the primary one first, then the classes of the ACM and the AMS."""
    listed = fields.get("categories", "").split()
    for name in ("acm-class", "msc-class"):
        if name in fields:
            listed += re.split(r"[,;]", fields[name])
    return tuple(dict.fromkeys(text for part in listed if (text := one_line(part))))


def _name(author: etree._Element) -> str:
    parts = (text_of(author, tag) for tag in ("forenames", "keyname", "suffix"))
    return untex(one_line(" ".join(parts)))


def _turned(name: str) -> str:
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}" if comma else name


def _is_set(element: etree._Element) -> bool:
    return isinstance(element.tag, str) and local_name(element) == "setSpec"


def _category_of(element: etree._Element) -> str:
    """``cs:cs:LG`` is cs.LG, ``physics:hep-th`` is hep-th, ``math`` stays an archive."""
    parts = one_line(element.text or "").split(":")
    return ".".join(parts[1:]) if len(parts) == 3 else parts[-1]


def _moment(text: str) -> datetime:
    try:
        return mail_moment(text)
    except ValueError:
        return iso_moment(text)


def _day(text: str) -> datetime | None:
    value = text.strip()
    return datetime.combine(datetime.fromisoformat(value).date(), time(), UTC) if value else None

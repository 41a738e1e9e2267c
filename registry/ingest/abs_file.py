"""arXiv's own metadata files (``.abs``): one paper a file, every version with its date."""

from __future__ import annotations

import re
from datetime import datetime

from registry.core.errors import UsageError
from registry.core.escape import one_line
from registry.core.ids import ArxivId
from registry.ingest.http import FeedError
from registry.ingest.moments import mail_moment
from registry.ingest.names import split_authors, untex
from registry.ingest.record import withdrawn_words
from registry.store.arrivals import Arrival, Revision
from registry.store.preprints import Preprint

_RULE = re.compile(r"^-{20,}\s*$", re.MULTILINE)
_FIELD = re.compile(r"^(?P<name>[A-Za-z][A-Za-z-]*(?: \(revised v\d+\))?):[ \t]*", re.MULTILINE)
_DATE = re.compile(r"(?P<moment>[^(]+?)\s*\((?P<size>\d+)kb(?:,(?P<kind>[A-Za-z]+))?\)")


def looks_like_abs(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is one of arXiv's metadata files."""
    lines = head.decode("utf-8", "replace").lstrip().splitlines()
    return len(lines) > 1 and lines[0].startswith("----------") and lines[1].strip() == "\\\\"


def abs_record(content: bytes, seen_at: datetime) -> Arrival:
    """The paper in ``content``. Raises FeedError where it is no such file."""
    text = _RULE.sub("", content.decode("utf-8", "replace"))
    parts = re.split(r"^\\\\[ \t]*$", text, flags=re.MULTILINE)
    if len(parts) < 3:
        raise FeedError("a metadata file of arXiv has fields and an abstract between lines of \\\\")
    fields = _fields(parts[1])
    try:
        id_ = ArxivId.parse(fields.get("arXiv") or fields.get("Paper", "")).base
    except UsageError as error:
        raise FeedError(str(error)) from None
    history = _history(fields, id_)
    title, comment = _plain(fields, "Title"), _plain(fields, "Comments") or None
    authors = split_authors(fields.get("Authors") or fields.get("Author", ""))
    if not title or not authors:
        raise FeedError(f"the metadata file of {id_} has no title or no authors")
    abstract = untex(one_line(parts[2]))
    first, newest = history[0], history[-1]
    preprint = Preprint(
        id=id_,
        version=newest.version,
        title=title,
        abstract=abstract,
        authors=authors,
        categories=_categories(fields),
        published=first.submitted or seen_at,
        updated=newest.submitted or seen_at,
        seen_at=seen_at,
        comment=comment,
        journal_ref=_plain(fields, "Journal-ref") or None,
        doi=_plain(fields, "DOI") or None,
        withdrawn=withdrawn_words(comment, abstract),
    )
    return Arrival(preprint, history, _plain(fields, "License") or None)


def _fields(text: str) -> dict[str, str]:
    pieces = _FIELD.split(text)
    # What stands before the first name is blank; then names and values take turns.
    return {name: one_line(value) for name, value in zip(pieces[1::2], pieces[2::2], strict=True)}


def _history(fields: dict[str, str], id_: str) -> tuple[Revision, ...]:
    found = []
    for name, value in fields.items():
        if not name.startswith("Date"):
            continue
        number = re.search(r"v(\d+)\)", name)
        match = _DATE.match(value)
        if match is None:
            raise FeedError(f"the metadata file of {id_} has a date {value!r}")
        found.append(
            Revision(
                version=int(number[1]) if number else 1,
                submitted=_moment(match["moment"], id_),
                kilobytes=int(match["size"]),
                source_type=match["kind"],
            )
        )
    if not found:
        raise FeedError(f"the metadata file of {id_} tells no version")
    return tuple(sorted(found, key=lambda revision: revision.version))


def _categories(fields: dict[str, str]) -> tuple[str, ...]:
    classes = f"{fields.get('ACM-class', '')};{fields.get('MSC-class', '')}"
    listed = [*fields.get("Categories", "").split(), *re.split(r"[,;]", classes)]
    return tuple(dict.fromkeys(text for part in listed if (text := one_line(part))))


def _plain(fields: dict[str, str], name: str) -> str:
    return untex(fields.get(name, ""))


def _moment(text: str, id_: str) -> datetime:
    try:
        return mail_moment(text)
    except ValueError:
        raise FeedError(f"the metadata file of {id_} has a date {text!r}") from None

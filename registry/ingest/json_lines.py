"""arXiv's metadata as JSON lines: the form of the public dumps, and plainer ones.

A dump's line has every version with its date (``versions``); a plain line has a title and an
abstract and says no version. Of a line the id and the title are needed, the rest where it is there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from registry.core.errors import UsageError
from registry.core.escape import one_line
from registry.core.ids import ArxivId
from registry.ingest.http import FeedError
from registry.ingest.moments import iso_moment, mail_moment
from registry.ingest.names import split_authors, untex
from registry.ingest.record import withdrawn_words
from registry.store.arrivals import MOST_VERSIONS, Arrival, Revision
from registry.store.preprints import Preprint


def json_array(content: bytes) -> list[object]:
    """What stands in the JSON array ``content``. Raises FeedError where it is none."""
    said = _loaded(content)
    if not isinstance(said, list):
        raise FeedError("not a JSON array")
    return said


def json_record(said: object, seen_at: datetime) -> Arrival:
    """The paper in one line or object, seen at ``seen_at`` where it does not say when.

    Raises FeedError for a line that is no object, or names no paper.
    """
    if isinstance(said, bytes):
        said = _loaded(said)
    if not isinstance(said, dict):
        raise FeedError("not a JSON object")
    try:
        id_ = ArxivId.parse(str(said.get("id", "")))
    except UsageError as error:
        raise FeedError(str(error)) from None
    try:
        return _arrival(said, id_, seen_at)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FeedError(f"{id_}: a field is of another kind than expected: {error}") from None


def _loaded(text: bytes) -> object:
    try:
        # Control characters within a text are cleaned away, like all others.
        return json.loads(text, strict=False)
    except ValueError as error:
        raise FeedError(f"not JSON: {error}") from None
    except RecursionError:
        raise FeedError("not JSON of a paper: nested too deep") from None


def _arrival(said: Mapping[str, Any], id_: ArxivId, seen_at: datetime) -> Arrival:
    history = _history(said.get("versions") or [])
    version = history[-1].version if history else _version(said, id_)
    title = _text(said, "title")
    if not title:
        raise FeedError(f"{id_} has no title")
    submitted = [revision.submitted for revision in history if revision.submitted]
    first = submitted[0] if submitted else _first(said, id_)
    comment = _text(said, "comments") or _text(said, "comment")
    abstract = _text(said, "abstract") or _text(said, "summary")
    seen = [moment for name in ("update_date", "first_seen") if (moment := _moment(said, name))]
    updated = submitted[-1] if submitted else _moment(said, "updated") or first
    preprint = Preprint(
        id=id_.base,
        version=version or 1,
        title=title,
        abstract=abstract,
        authors=_authors(said),
        categories=_categories(said.get("categories") or []),
        published=first,
        updated=updated,
        seen_at=min(max(seen[0], updated) if seen else seen_at, seen_at),
        comment=comment or None,
        journal_ref=_text(said, "journal-ref") or _text(said, "journal_ref") or None,
        doi=_text(said, "doi") or None,
        withdrawn=withdrawn_words(comment, abstract),
    )
    licence = _text(said, "license") or None
    return Arrival(preprint, history, licence, stated=version is not None)


def _history(versions: list[Mapping[str, Any]]) -> tuple[Revision, ...]:
    found = [Revision(_number(v["version"]), mail_moment(str(v["created"]))) for v in versions]
    return tuple(sorted(found, key=lambda revision: revision.version))


def _version(said: Mapping[str, Any], id_: ArxivId) -> int | None:
    stated = said.get("version")
    if stated is None or stated == "":
        return id_.version
    return _number(stated)


def _number(version: object) -> int:
    number = int(str(version).removeprefix("v"))
    if not 0 < number < MOST_VERSIONS:
        raise ValueError(f"version {version!r}")
    return number


def _first(said: Mapping[str, Any], id_: ArxivId) -> datetime:
    for name in ("published", "created", "first_seen"):
        if found := _moment(said, name):
            return found
    # An id names the month it was announced in; nothing else is known.
    match = re.match(r"(?:[a-z-]+/)?(\d\d)(\d\d)", id_.base)
    year, month = (int(part) for part in match.groups()) if match else (91, 8)
    return datetime((1900 if year > 90 else 2000) + year, month, 1, tzinfo=UTC)


def _authors(said: Mapping[str, Any]) -> tuple[str, ...]:
    parsed = said.get("authors_parsed")
    if parsed:  # [last, first, suffix]
        names = (" ".join([*p, "", "", ""][i] for i in (1, 0, 2)) for p in parsed)
        return tuple(name for text in names if (name := untex(one_line(text))))
    listed = said.get("authors") or []
    if isinstance(listed, str):
        return split_authors(listed)
    texts = (a.get("name", "") if isinstance(a, dict) else str(a) for a in listed)
    return tuple(name for text in texts if (name := untex(one_line(text))))


def _categories(said: str | list[str]) -> tuple[str, ...]:
    listed = said.split() if isinstance(said, str) else said
    return tuple(dict.fromkeys(text for part in listed if (text := one_line(str(part)))))


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return untex(one_line(str(value))) if value is not None else ""


def _moment(said: Mapping[str, Any], name: str) -> datetime | None:
    value = said.get(name)
    return iso_moment(str(value)) if value else None

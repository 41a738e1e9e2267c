"""Which preprints may be the same paper: suggested with a reason, never merged by themselves.

Two with one DOI are the same; two with one title, one first author and years at most one apart may
be. Keys are derived from the newest text of each preprint and from the catalog's entries, and only
what has changed since the last time is looked at again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, delete, or_, select

from registry.core.clock import now
from registry.store.history_schema import duplicates, match_keys
from registry.store.index import words
from registry.store.rows import PIECE, pieces, put
from registry.store.schema import papers, preprints, versions

_MOST_OF_ONE_DOI = 4  # more share it: it is of a volume, not of a paper
_LEAST_WORDS = 3  # "Introduction" by one author twice says little


@dataclass(frozen=True)
class Suggestion:
    """Two ids that may be one paper, and what speaks for it."""

    one: str
    other: str
    reason: Literal["doi", "title"]
    detail: dict[str, Any]
    found_at: datetime


def suggest_duplicates(connection: Connection) -> list[Suggestion]:
    """Look for duplicates among what is new or changed; the pairs not suggested before."""
    found: list[Suggestion] = []
    for keys in _stale_keys(connection):
        found += _suggest(connection, keys)
    return found


def suggestions(connection: Connection, ids: Iterable[str] | None = None) -> list[Suggestion]:
    """The pairs suggested, those of ``ids`` or all, by id."""
    query = select(duplicates).order_by(duplicates.c.one, duplicates.c.other, duplicates.c.reason)
    if ids is None:
        return [_suggestion(row) for row in connection.execute(query)]
    found: dict[tuple[str, str, str], Suggestion] = {}
    for piece in pieces(sorted(set(ids))):
        one_of = or_(duplicates.c.one.in_(piece), duplicates.c.other.in_(piece))
        for row in connection.execute(query.where(one_of)):
            found[(row.one, row.other, row.reason)] = _suggestion(row)
    return [found[place] for place in sorted(found)]


def _stale_keys(connection: Connection) -> Iterator[list[dict[str, Any]]]:
    """The keys to write anew, piece by piece in the order of the ids."""
    last = ""
    newest = (versions.c.preprint_id == preprints.c.id) & (versions.c.version == preprints.c.newest)
    columns = (versions.c.preprint_id, versions.c.sha256, versions.c.title, versions.c.doi)
    base = (
        select(*columns, versions.c.authors, versions.c.published)
        .join(preprints, newest)
        .outerjoin(match_keys, match_keys.c.ref == versions.c.preprint_id)
        .where(or_(match_keys.c.ref.is_(None), match_keys.c.sha256 != versions.c.sha256))
        .order_by(versions.c.preprint_id)
        .limit(PIECE)
    )
    while rows := connection.execute(base.where(versions.c.preprint_id > last)).all():
        last = rows[-1].preprint_id
        yield [
            _keys(row.preprint_id, row.sha256, row.title, row.doi, row.authors, row.published)
            for row in rows
        ]
    unseen = papers.c.id.not_in(select(preprints.c.id))
    known = {row.ref: row.sha256 for row in connection.execute(select(match_keys))}
    curated = connection.execute(select(papers).where(unseen).order_by(papers.c.id)).all()
    entries = (
        _keys(row.id, _digest(repr(row)), row.title, row.doi, row.authors, row.submitted)
        for row in curated
    )
    yield from pieces(keys for keys in entries if known.get(keys["ref"]) != keys["sha256"])


def _keys(
    ref: str, sha256: str, title: str, doi: str | None, authors: Sequence[str], day: date
) -> dict[str, Any]:
    folded = words(title)
    first = words(authors[0])[-1:] if authors else []
    usable = len(folded) >= _LEAST_WORDS and first
    return {
        "ref": ref,
        "sha256": sha256,
        "doi": _doi(doi),
        "title": _digest(" ".join([*folded, *first]))[:32] if usable else None,
        "year": day.year,
    }


def _doi(text: str | None) -> str | None:
    first = (text or "").split()[:1]
    name = re.sub(r"^(https?://(dx\.)?doi\.org/|doi:)", "", first[0].lower()) if first else ""
    # arXiv's own DOI is another way to write the id.
    return None if not name.startswith("10.") or name.startswith("10.48550/") else name


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _suggest(connection: Connection, keys: list[dict[str, Any]]) -> list[Suggestion]:
    refs = [row["ref"] for row in keys]
    put(connection, match_keys, keys)
    of_these = or_(duplicates.c.one.in_(refs), duplicates.c.other.in_(refs))
    before = {
        (row.one, row.other, row.reason): row
        for row in connection.execute(select(duplicates).where(of_these))
    }
    moment = now()
    rows = {
        (row["one"], row["other"], row["reason"]): row
        for row in (*_by_doi(connection, keys), *_by_title(connection, keys))
    }
    connection.execute(delete(duplicates).where(of_these))
    stored = [
        {**row, "found_at": before[place].found_at if place in before else moment}
        for place, row in sorted(rows.items())
    ]
    put(connection, duplicates, stored)
    return [
        Suggestion(**row)
        for row in stored
        if (row["one"], row["other"], row["reason"]) not in before
    ]


def _by_doi(connection: Connection, keys: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row, others in _sharing(connection, keys, "doi"):
        if len(others) < _MOST_OF_ONE_DOI:
            for other in others:
                yield _pair(row["ref"], other.ref, "doi", {"doi": row["doi"]})


def _by_title(connection: Connection, keys: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row, others in _sharing(connection, keys, "title"):
        for other in others:
            if abs(other.year - row["year"]) <= 1:
                years = sorted((row["year"], other.year))
                yield _pair(row["ref"], other.ref, "title", {"years": years})


def _sharing(
    connection: Connection, keys: list[dict[str, Any]], name: str
) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    """Each of ``keys`` with the other refs that have the same value of ``name``."""
    column = match_keys.c[name]
    values = sorted({row[name] for row in keys if row[name]})
    same: dict[str, list[Any]] = {}
    for known in connection.execute(select(match_keys).where(column.in_(values))):
        same.setdefault(getattr(known, name), []).append(known)
    for row in keys:
        others = [other for other in same.get(row[name] or "", ()) if other.ref != row["ref"]]
        if others:
            yield row, others


def _pair(ref: str, other: str, reason: str, detail: dict[str, Any]) -> dict[str, Any]:
    one, two = sorted((ref, other))
    return {"one": one, "other": two, "reason": reason, "detail": detail}


def _suggestion(row: Any) -> Suggestion:
    return Suggestion(row.one, row.other, row.reason, row.detail, row.found_at)

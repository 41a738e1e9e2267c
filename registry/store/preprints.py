"""What arXiv says about a preprint: every version seen, and what changed between them.

Records may arrive in any order, from any source, any number of times: the rows come out the same.
Of two different records of one version the one seen later stands.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, select

from registry.store.among import among
from registry.store.events import derive_events
from registry.store.index import index_papers
from registry.store.rows import pieces, put
from registry.store.schema import papers, preprints, sightings, versions


@dataclass(frozen=True)
class Preprint:
    """One version of one preprint as a source described it; moments are aware."""

    id: str  # versionless, canonical
    version: int
    title: str
    abstract: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]  # the primary one first; ACM and MSC classes may follow
    published: datetime  # of version 1
    updated: datetime  # of this version
    seen_at: datetime
    comment: str | None = None
    journal_ref: str | None = None
    doi: str | None = None
    withdrawn: str | None = None  # the words that say so, None where none do

    @cached_property
    def sha256(self) -> str:
        """A hash of what is said, not of when it was seen."""
        said = {name: getattr(self, name) for name in _SAID}
        return hashlib.sha256(_as_json(said).encode()).hexdigest()


_as_json = json.JSONEncoder(default=str).encode
_FIELDS = tuple(field.name for field in fields(Preprint))
_SAID = tuple(sorted(name for name in _FIELDS if name != "seen_at"))


@dataclass(frozen=True)
class Counts:
    """What a batch did to the store; ``catalogued`` of them are papers of the catalog."""

    new: int = 0
    updated: int = 0
    unchanged: int = 0
    catalogued: int = 0
    withdrawn: int = 0
    retitled: int = 0

    def __add__(self, other: Counts) -> Counts:
        theirs = asdict(other)
        return Counts(**{name: mine + theirs[name] for name, mine in asdict(self).items()})


def put_preprints(connection: Connection, records: Iterable[Preprint], source_id: int) -> Counts:
    """Store ``records`` as seen in a source. Twice the same changes nothing."""
    counts = Counts()
    for piece in pieces(records):
        counts += _put_piece(connection, piece, source_id)
    return counts


def _put_piece(connection: Connection, records: list[Preprint], source_id: int) -> Counts:
    seen = _seen(records)
    ids = list(seen)
    known = {
        row.id: row
        for row in connection.execute(select(preprints).where(among(preprints.c.id, ids)))
    }
    stored = _stored(connection, list(known))
    best = _best(records)
    changed = {k: r for k, r in best.items() if k not in stored or stored[k].sha256 != r.sha256}
    # A record that was seen earlier than the one stored says nothing new.
    winners = {k: r for k, r in best.items() if k not in stored or _key(r) > _row_key(stored[k])}
    put(connection, preprints, [_preprint_row(id_, seen[id_], known.get(id_)) for id_ in ids])
    put(connection, versions, [_version_row(r) for r in winners.values()])
    _put_sightings(connection, seen, source_id)
    touched = {id_ for id_, _ in changed.keys() & winners.keys()}
    several = touched & known.keys() | {r.id for r in winners.values() if r.withdrawn}
    # One version that says nothing of a withdrawal has no events.
    retitled = derive_events(connection, several | {i for i in touched if seen[i].versions > 1})
    index_papers(connection, touched)
    in_catalog = select(papers.c.id).where(among(papers.c.id, ids))
    return Counts(
        new=len(seen.keys() - known.keys()),
        updated=len(touched & known.keys()),
        unchanged=len(known.keys() - touched),
        catalogued=len(connection.execute(in_catalog).all()),
        withdrawn=len({r.id for r in changed.values() if r.withdrawn}),
        retitled=retitled,
    )


@dataclass
class _Seen:
    """What the records of one preprint have in common."""

    newest: int
    first: datetime
    last: datetime
    versions: int = 1


def _seen(records: Iterable[Preprint]) -> dict[str, _Seen]:
    """By id, in the order of the ids."""
    found: dict[str, _Seen] = {}
    for r in records:
        if (one := found.get(r.id)) is None:
            found[r.id] = _Seen(r.version, r.seen_at, r.seen_at)
        else:
            one.newest, one.versions = max(one.newest, r.version), one.versions + 1
            one.first, one.last = min(one.first, r.seen_at), max(one.last, r.seen_at)
    return dict(sorted(found.items()))


def _stored(connection: Connection, ids: Sequence[str]) -> dict[tuple[str, int], Row[Any]]:
    """The hashes of the versions of ``ids``, and when they were seen; their texts stay there."""
    columns = versions.c.preprint_id, versions.c.version, versions.c.seen_at, versions.c.sha256
    query = select(*columns).where(among(versions.c.preprint_id, ids))
    rows: Iterable[Row[Any]] = connection.execute(query)
    return {(row.preprint_id, row.version): row for row in rows}


def _key(record: Preprint) -> tuple[datetime, str]:
    return record.seen_at, record.sha256


def _row_key(row: Row[Any]) -> tuple[datetime, str]:
    return row.seen_at, row.sha256


def _best(records: list[Preprint]) -> dict[tuple[str, int], Preprint]:
    best: dict[tuple[str, int], Preprint] = {}
    for record in records:
        place = (record.id, record.version)
        if place not in best or _key(record) > _key(best[place]):
            best[place] = record
    return best


def _preprint_row(id_: str, seen: _Seen, known: Row[Any] | None) -> dict[str, Any]:
    return {
        "id": id_,
        "newest": max(seen.newest, known.newest) if known else seen.newest,
        "first_seen": min(seen.first, known.first_seen) if known else seen.first,
        "last_seen": max(seen.last, known.last_seen) if known else seen.last,
    }


def _version_row(record: Preprint) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in _FIELDS}
    row["preprint_id"] = row.pop("id")
    return {**row, "sha256": record.sha256}


def _put_sightings(connection: Connection, seen: Mapping[str, _Seen], source_id: int) -> None:
    query = select(sightings).where(
        sightings.c.source_id == source_id, among(sightings.c.preprint_id, list(seen))
    )
    known = {row.preprint_id: row for row in connection.execute(query)}
    rows = []
    for id_, mine in seen.items():
        moments = [mine.first, mine.last]
        if id_ in known:
            moments += [known[id_].first_seen, known[id_].last_seen]
        rows.append(
            {
                "preprint_id": id_,
                "source_id": source_id,
                "first_seen": min(moments),
                "last_seen": max(moments),
            }
        )
    put(connection, sightings, rows)

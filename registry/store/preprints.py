"""What arXiv says about a preprint: every version seen, and what changed between them.

Records may arrive in any order, from any source, any number of times: the rows come out the same.
Of two different records of one version the one seen later stands.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

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

    @property
    def sha256(self) -> str:
        """A hash of what is said, not of when it was seen."""
        said = {k: v for k, v in asdict(self).items() if k != "seen_at"}
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


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
    ids = sorted({r.id for r in records})
    known = {
        row.id: row for row in connection.execute(select(preprints).where(preprints.c.id.in_(ids)))
    }
    stored = {
        (row.preprint_id, row.version): row
        for row in connection.execute(select(versions).where(versions.c.preprint_id.in_(ids)))
    }
    best = _best(records)
    changed = {k: r for k, r in best.items() if k not in stored or stored[k].sha256 != r.sha256}
    # A record that was seen earlier than the one stored says nothing new.
    winners = {k: r for k, r in best.items() if k not in stored or _key(r) > _row_key(stored[k])}
    put(connection, preprints, [_preprint_row(id_, records, known.get(id_)) for id_ in ids])
    put(connection, versions, [_version_row(r) for r in winners.values()])
    _put_sightings(connection, records, source_id)
    touched = {id_ for id_, _ in changed.keys() & winners.keys()}
    retitled = derive_events(connection, touched)
    index_papers(connection, touched)
    in_catalog = select(papers.c.id).where(papers.c.id.in_(ids))
    return Counts(
        new=len(set(ids) - known.keys()),
        updated=len(touched & known.keys()),
        unchanged=len((set(ids) - touched) & known.keys()),
        catalogued=len(connection.execute(in_catalog).all()),
        withdrawn=len({r.id for r in changed.values() if r.withdrawn}),
        retitled=retitled,
    )


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


def _preprint_row(id_: str, records: list[Preprint], known: Row[Any] | None) -> dict[str, Any]:
    mine = [r for r in records if r.id == id_]
    seen = [r.seen_at for r in mine] + ([known.first_seen, known.last_seen] if known else [])
    return {
        "id": id_,
        "newest": max([r.version for r in mine] + ([known.newest] if known else [])),
        "first_seen": min(seen),
        "last_seen": max(seen),
    }


def _version_row(record: Preprint) -> dict[str, Any]:
    row = asdict(record)
    row["preprint_id"] = row.pop("id")
    return {**row, "sha256": record.sha256}


def _put_sightings(connection: Connection, records: list[Preprint], source_id: int) -> None:
    ids = sorted({r.id for r in records})
    query = select(sightings).where(
        sightings.c.source_id == source_id, sightings.c.preprint_id.in_(ids)
    )
    known = {row.preprint_id: row for row in connection.execute(query)}
    rows = []
    for id_ in ids:
        seen = [r.seen_at for r in records if r.id == id_]
        if id_ in known:
            seen += [known[id_].first_seen, known[id_].last_seen]
        rows.append(
            {
                "preprint_id": id_,
                "source_id": source_id,
                "first_seen": min(seen),
                "last_seen": max(seen),
            }
        )
    put(connection, sightings, rows)

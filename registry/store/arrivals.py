"""What a source brings, put into the store: texts, histories of versions, absences, hints.

``Arrival`` is the one record of all sources. Arrivals may come in any order, from any source, any
number of times: the rows come out the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, select, update

from registry.store.among import among
from registry.store.events import WITHDRAWN_TYPE, derive_events, is_withdrawn_type, primary_of
from registry.store.history_schema import absences, primaries, revisions
from registry.store.preprints import Counts, Preprint, put_preprints
from registry.store.rows import pieces, put
from registry.store.schema import preprints, sightings, versions

MOST_VERSIONS = 10_000  # of one preprint; a greater number is no version
_MOST_KB = 2**31  # what a column holds; a greater size is none
_LETTERS = 10  # of a kind of source


@dataclass(frozen=True, slots=True)
class Revision:
    """When a version came and what it is; facts that do not change, whoever states them."""

    version: int
    submitted: datetime | None = None
    kilobytes: int | None = None
    source_type: str | None = None  # arXiv's letters; I: withdrawn


@dataclass(frozen=True, slots=True)
class Arrival:
    """A preprint as one source described it.

    ``stated`` is False where the source does not say which version the text is of. Such a text
    counts as version 1 until a source states one, and changes nothing once one has.
    """

    preprint: Preprint
    revisions: tuple[Revision, ...] = ()
    licence: str | None = None  # of the version described
    stated: bool = True


def put_arrivals(connection: Connection, arrivals: Iterable[Arrival], source_id: int) -> Counts:
    """Store ``arrivals`` as seen in a source. Twice the same changes nothing."""
    counts = Counts()
    for piece in pieces(arrivals):
        counts += _put_piece(connection, piece, source_id)
    return counts


def note_absence(
    connection: Connection, ids: Iterable[str], kind: Literal["deleted", "unseen"], at: datetime
) -> None:
    """Write down that arXiv deleted ``ids``, or did not return them. Nothing is removed."""
    for piece in pieces(sorted(set(ids))):
        query = select(absences).where(absences.c.preprint_id.in_(piece), absences.c.kind == kind)
        known = {row.preprint_id: row for row in connection.execute(query)}
        rows = [_absence_row(id_, kind, at, known.get(id_)) for id_ in piece]
        put(connection, absences, rows)
        here = select(preprints.c.id).where(preprints.c.id.in_(piece))
        derive_events(connection, connection.execute(here).scalars().all())


def see(connection: Connection, seen: Mapping[str, datetime], source_id: int) -> None:
    """Write down that a source saw preprints that are here already: when, by id."""
    for piece in pieces(sorted(seen)):
        query = select(sightings).where(
            sightings.c.source_id == source_id, sightings.c.preprint_id.in_(piece)
        )
        known = {row.preprint_id: row for row in connection.execute(query)}
        rows = []
        for id_ in piece:
            moments = [seen[id_]]
            if id_ in known:
                moments += [known[id_].first_seen, known[id_].last_seen]
            place = {"preprint_id": id_, "source_id": source_id}
            rows.append({**place, "first_seen": min(moments), "last_seen": max(moments)})
        put(connection, sightings, rows)
        _widen(connection, {id_: seen[id_] for id_ in piece})


def _widen(connection: Connection, seen: Mapping[str, datetime]) -> None:
    """Let the time in which preprints were seen at all hold these moments too."""
    query = select(preprints).where(preprints.c.id.in_(sorted(seen)))
    for row in connection.execute(query).all():
        moment = seen[row.id]
        if not row.first_seen <= moment <= row.last_seen:
            first, last = min(row.first_seen, moment), max(row.last_seen, moment)
            here = update(preprints).where(preprints.c.id == row.id)
            connection.execute(here.values(first_seen=first, last_seen=last))


def _absence_row(id_: str, kind: str, at: datetime, known: Row[Any] | None) -> dict[str, Any]:
    same = known is not None and known.last == at
    return {
        "preprint_id": id_,
        "kind": kind,
        "since": min(known.since, at) if known else at,
        "last": max(known.last, at) if known else at,
        "times": (known.times if known else 0) + (0 if same else 1),
    }


def _put_piece(connection: Connection, arrivals: list[Arrival], source_id: int) -> Counts:
    ids = sorted({a.preprint.id for a in arrivals})
    query = select(preprints.c.id, preprints.c.stated).where(among(preprints.c.id, ids))
    known = {row.id: bool(row.stated) for row in connection.execute(query)}
    now_stated = {a.preprint.id for a in arrivals if a.stated}
    _drop_assumed(connection, sorted(id_ for id_ in now_stated if known.get(id_) is False))
    settled = now_stated | {id_ for id_, stated in known.items() if stated}
    texts = [a.preprint for a in arrivals if a.stated or a.preprint.id not in settled]
    passed = [a.preprint for a in arrivals if not a.stated and a.preprint.id in settled]
    certain = [a.preprint for a in arrivals if a.stated]
    reclassified = _reclassified(connection, [i for i in ids if known.get(i)], certain)
    counts = put_preprints(connection, texts, source_id)
    counts += Counts(unchanged=len({p.id for p in passed} - now_stated))
    by_time = sorted(passed, key=lambda text: text.seen_at)
    for ordered in (by_time, by_time[::-1]):  # the last sighting counts, and the first
        see(connection, {text.id: text.seen_at for text in ordered}, source_id)
    _mark_assumed(connection, sorted({p.id for p in texts} - settled))
    put(connection, primaries, reclassified)
    withdrawn, changed = _put_revisions(connection, known.keys(), arrivals)
    counts += Counts(withdrawn=len(withdrawn - {p.id for p in texts if p.withdrawn}))
    _flag(connection, _withdrawn_versions(connection, list(known), arrivals))
    changed |= withdrawn | _return(connection, ids) | {row["preprint_id"] for row in reclassified}
    derive_events(connection, changed)
    return counts


def _drop_assumed(connection: Connection, ids: Sequence[str]) -> None:
    # A text of no stated version gives way to the first one that has a version.
    if ids:
        connection.execute(delete(versions).where(among(versions.c.preprint_id, ids)))
        connection.execute(update(preprints).where(among(preprints.c.id, ids)).values(stated=True))


def _mark_assumed(connection: Connection, ids: Sequence[str]) -> None:
    if ids:
        connection.execute(update(preprints).where(among(preprints.c.id, ids)).values(stated=False))


def _withdrawn_versions(
    connection: Connection, ids: Sequence[str], arrivals: Sequence[Arrival]
) -> set[tuple[str, int]]:
    found = {
        (a.preprint.id, revision.version)
        for a in arrivals
        for revision in a.revisions
        if is_withdrawn_type(revision.source_type)
    }
    if not ids:
        return found
    query = select(revisions.c.preprint_id, revisions.c.version).where(
        among(revisions.c.preprint_id, ids), revisions.c.source_type.like("%I%")
    )
    return found | {(row.preprint_id, row.version) for row in connection.execute(query)}


def _flag(connection: Connection, withdrawn: set[tuple[str, int]]) -> None:
    """Mark the versions known to be withdrawn whose texts do not say so.

    What a text says stays as it is, and so does its hash: the flag is not its own.
    """
    ids = sorted({id_ for id_, _ in withdrawn})
    silent = among(versions.c.preprint_id, ids) & versions.c.withdrawn.is_(None)
    columns = (versions.c.preprint_id, versions.c.version)
    rows = connection.execute(select(*columns).where(silent)).all() if ids else []
    for id_, version in rows:
        if (id_, version) in withdrawn:
            place = (versions.c.preprint_id == id_) & (versions.c.version == version)
            connection.execute(update(versions).where(place).values(withdrawn=WITHDRAWN_TYPE))


def _reclassified(
    connection: Connection, known: Sequence[str], texts: Sequence[Preprint]
) -> list[dict[str, Any]]:
    """Both primary categories of each version that now comes with another one than is stored."""
    columns = (versions.c.preprint_id, versions.c.version, versions.c.categories)
    stored = select(*columns, versions.c.seen_at).where(among(versions.c.preprint_id, known))
    noted = select(primaries).where(among(primaries.c.preprint_id, known))
    told: list[tuple[str, int, str, datetime]] = []
    if known:
        told += [(r[0], r[1], primary_of(r[2]), r[3]) for r in connection.execute(stored)]
        told += [tuple(row) for row in connection.execute(noted)]
    told += [(t.id, t.version, primary_of(t.categories), t.seen_at) for t in texts]
    seen: dict[tuple[str, int], dict[str, datetime]] = {}
    for id_, version, category, moment in told:
        here = seen.setdefault((id_, version), {})
        here[category] = max(here.get(category, moment), moment)
    return [
        {"preprint_id": id_, "version": version, "category": category, "last_seen": last}
        for (id_, version), here in sorted(seen.items())
        if len(here) > 1
        for category, last in sorted(here.items())
    ]


def _put_revisions(
    connection: Connection, known: Collection[str], arrivals: Sequence[Arrival]
) -> tuple[set[str], set[str]]:
    """Store the histories. The ids newly withdrawn, and those that may tell other events."""
    stated = [a for a in arrivals if a.revisions or a.licence]
    if not stated:
        return set(), set()
    query = select(revisions).where(among(revisions.c.preprint_id, known))
    rows = connection.execute(query) if known else ()
    before = {(row.preprint_id, row.version): dict(row._mapping) for row in rows}
    after: dict[tuple[str, int], dict[str, Any]] = {}
    for arrival in stated:
        for row in _revision_rows(arrival):
            place = (row["preprint_id"], row["version"])
            after[place] = _merged(row, after.get(place) or before.get(place))
    new = {place: row for place, row in sorted(after.items()) if row != before.get(place)}
    put(connection, revisions, list(new.values()))
    withdrawn = {id_ for (id_, _), row in new.items() if is_withdrawn_type(row["source_type"])}
    # A preprint that comes once, whole and for the first time has nothing else to tell.
    count = Counter(arrival.preprint.id for arrival in arrivals)
    told = [a.preprint.id for a in stated if a.preprint.id in known or count[a.preprint.id] > 1]
    more = {a.preprint.id for a in stated if _tells_more(a)}
    return withdrawn, more | {id_ for id_, version in new if version > 1} & {*told}


def _tells_more(arrival: Arrival) -> bool:
    """Whether the history tells an event of its own: a gap, or what came after a withdrawal."""
    text = arrival.preprint
    numbers = {revision.version for revision in arrival.revisions} | {text.version}
    newest = max(numbers)
    return bool(text.withdrawn) or newest > text.version or newest - min(numbers) >= len(numbers)


def _revision_rows(arrival: Arrival) -> list[dict[str, Any]]:
    preprint = arrival.preprint
    rows: dict[int, dict[str, Any]] = {
        revision.version: {
            "preprint_id": preprint.id,
            "version": revision.version,
            "submitted": revision.submitted,
            "kilobytes": revision.kilobytes if (revision.kilobytes or 0) < _MOST_KB else None,
            "source_type": (revision.source_type or "")[:_LETTERS] or None,
            "licence": None,
        }
        for revision in arrival.revisions
    }
    if arrival.licence and arrival.stated:
        blank: dict[str, Any] = dict.fromkeys(("submitted", "kilobytes", "source_type"))
        place = {"preprint_id": preprint.id, "version": preprint.version}
        row = rows.setdefault(preprint.version, {**place, **blank})
        row["licence"] = arrival.licence
    return list(rows.values())


def _merged(row: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any]:
    """Both statements of one version in one; of two that differ the greater, in any order."""
    if known is None:
        return row
    return {
        name: value if known[name] is None else _greater(value, known[name])
        for name, value in row.items()
    }


def _greater(one: Any, other: Any) -> Any:
    return other if one is None else max(one, other)


def _return(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Forget that ``ids`` were absent, now that they are here; those that were."""
    here = among(absences.c.preprint_id, ids)
    back = set(connection.execute(select(absences.c.preprint_id).where(here)).scalars())
    if back:
        connection.execute(delete(absences).where(here))
    return back

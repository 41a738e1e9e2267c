"""What changed between the versions of a preprint, derived anew whenever something is learnt.

Nothing is remembered here: the events follow from the versions whose text was seen, from the
history of versions, from the primary categories a version was seen under, and from absences. So
they do not depend on the order in which all that arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Row, delete, func, or_, select

from registry.store.history_schema import absences, primaries, revisions
from registry.store.index import words
from registry.store.rows import pieces
from registry.store.schema import events, preprints, versions

_LONGEST = 40  # characters of a category; some typed a sentence there
WITHDRAWN_TYPE = "arXiv marks the source as withdrawn"


@dataclass
class _History:
    """All that is known of one preprint."""

    newest: int
    texts: dict[int, Row[Any]] = field(default_factory=dict)
    dates: dict[int, Row[Any]] = field(default_factory=dict)
    primaries: list[Row[Any]] = field(default_factory=list)
    absences: list[Row[Any]] = field(default_factory=list)


def primary_of(categories: Sequence[str]) -> str:
    """The first of ``categories``, no longer than a category is; empty where there is none."""
    return categories[0][:_LONGEST] if categories else ""


def is_withdrawn_type(source_type: str | None) -> bool:
    """Whether arXiv's letters for a version's source say that it is withdrawn."""
    return "I" in (source_type or "")


def derive_events(connection: Connection, ids: Iterable[str]) -> int:
    """Write down again what changed upstream in ``ids``; how many of their titles did."""
    retitled = 0
    for piece in pieces(sorted(set(ids))):
        connection.execute(delete(events).where(events.c.preprint_id.in_(piece)))
        eventful = _eventful(connection, piece)
        if not eventful:
            continue
        rows = [
            row
            for id_, history in _histories(connection, eventful).items()
            for row in _events_of(id_, history)
        ]
        if rows:
            connection.execute(events.insert(), rows)
        retitled += sum(row["kind"] == "title" for row in rows)
    return retitled


def _eventful(connection: Connection, ids: Sequence[str]) -> list[str]:
    # Most preprints have one version and nothing to tell: their texts are not read again.
    counted = (
        select(versions.c.preprint_id)
        .where(versions.c.preprint_id.in_(ids))
        .group_by(versions.c.preprint_id)
        .having(or_(func.count() > 1, func.count(versions.c.withdrawn) > 0))
    )
    dated = select(revisions.c.preprint_id).where(
        revisions.c.preprint_id.in_(ids), or_(revisions.c.version > 1, _withdrawn_types())
    )
    found = set(connection.execute(counted).scalars())
    for query in (
        dated,
        select(primaries.c.preprint_id).where(primaries.c.preprint_id.in_(ids)),
        select(absences.c.preprint_id).where(absences.c.preprint_id.in_(ids)),
    ):
        found.update(connection.execute(query).scalars())
    return sorted(found)


def _withdrawn_types() -> Any:
    return revisions.c.source_type.like("%I%")


def _histories(connection: Connection, ids: Sequence[str]) -> dict[str, _History]:
    newest = select(preprints.c.id, preprints.c.newest).where(preprints.c.id.in_(ids))
    found = {row.id: _History(row.newest) for row in connection.execute(newest)}
    for row in connection.execute(select(versions).where(versions.c.preprint_id.in_(ids))):
        found[row.preprint_id].texts[row.version] = row
    for row in connection.execute(select(revisions).where(revisions.c.preprint_id.in_(ids))):
        found[row.preprint_id].dates[row.version] = row
    seen_under = select(primaries).order_by(primaries.c.last_seen, primaries.c.category)
    for row in connection.execute(seen_under.where(primaries.c.preprint_id.in_(ids))):
        found[row.preprint_id].primaries.append(row)
    for row in connection.execute(select(absences).where(absences.c.preprint_id.in_(ids))):
        if row.preprint_id in found:
            found[row.preprint_id].absences.append(row)
    return found


def _events_of(id_: str, history: _History) -> list[dict[str, Any]]:
    rows = [
        *_text_events(history),
        *_withdrawals(history),
        *_gaps(history),
        *_primary_changes(history),
        *(_absence(history, row) for row in history.absences),
    ]
    return [{"preprint_id": id_, **row} for row in rows]


def _text_events(history: _History) -> list[dict[str, Any]]:
    found = []
    for old, new in pairwise(history.texts[v] for v in sorted(history.texts)):
        at = new.updated
        if old.title != new.title:
            found.append(_event(new.version, "title", at, {"from": old.title, "to": new.title}))
        if old.abstract != new.abstract:
            # autojunk would call the commonest words of a long abstract noise.
            pair = words(old.abstract), words(new.abstract)
            same = SequenceMatcher(None, *pair, autojunk=False).ratio()
            found.append(_event(new.version, "abstract", at, {"changed": round(1 - same, 2)}))
    return found


def _withdrawals(history: _History) -> list[dict[str, Any]]:
    found, before = [], False
    for version in _known(history):
        evidence = _evidence(history, version)
        if evidence and not before:
            detail = {"evidence": evidence}
            found.append(_event(version, "withdrawn", _date(history, version), detail))
        elif before and not evidence:
            found.append(_event(version, "restored", _date(history, version), {}))
        before = evidence is not None
    return found


def _gaps(history: _History) -> list[dict[str, Any]]:
    return [
        _event(new, "gap", _date(history, new), {"missing": list(range(old + 1, new))})
        for old, new in pairwise(_known(history))
        if new - old > 1
    ]


def _primary_changes(history: _History) -> list[dict[str, Any]]:
    found = []
    before: str | None = None
    for version in sorted(history.texts):
        text = history.texts[version]
        seen = [row for row in history.primaries if row.version == version]
        now = primary_of(text.categories)
        others = [row.category for row in seen if row.category not in (now, "")]
        first = before or (others[-1] if others else None)
        if first and now and first != now:
            at = max((row.last_seen for row in seen), default=text.updated)
            found.append(_event(version, "primary", at, {"from": first, "to": now}))
        elif others and now:  # another one for a while
            at = max(row.last_seen for row in seen)
            found.append(_event(version, "primary", at, {"from": others[-1], "to": now}))
        before = now or before
    return found


def _absence(history: _History, row: Row[Any]) -> dict[str, Any]:
    detail = {"since": row.since.isoformat(), "times": row.times}
    return _event(history.newest, row.kind, row.last, detail)


def _known(history: _History) -> list[int]:
    return sorted(history.texts.keys() | history.dates.keys())


def _evidence(history: _History, version: int) -> str | None:
    text, date = history.texts.get(version), history.dates.get(version)
    if text is not None and text.withdrawn:
        return str(text.withdrawn)
    return WITHDRAWN_TYPE if date is not None and is_withdrawn_type(date.source_type) else None


def _date(history: _History, version: int) -> datetime:
    text, date = history.texts.get(version), history.dates.get(version)
    if text is not None:
        return text.updated  # type: ignore[no-any-return]
    if date is not None and date.submitted is not None:
        return date.submitted  # type: ignore[no-any-return]
    newest: datetime = max(row.updated for row in history.texts.values())
    return newest


def _event(version: int, kind: str, at: datetime, detail: Mapping[str, Any]) -> dict[str, Any]:
    return {"version": version, "kind": kind, "at": at, "detail": dict(detail)}

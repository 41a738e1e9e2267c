"""The papers near one paper, among all that the store holds, with what the score is made of.

The text part is how much of what one paper says the other says too: of each telling term the
smaller of its two weights, over the weights in the paper asked about; 1 is the same text. Leaves
and methods are compared as sets; citations count fully where one paper cites the other, else by
what both cite. Everything follows from the rows, so a rebuild gives the same numbers; what is known
of no side is left out of the mean, not counted as nought.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, func, select

from registry.store.among import among
from registry.store.engine import Store
from registry.store.index import compose, indexed
from registry.store.schema import citations, document_tags, documents, paper_leaves, paper_methods
from registry.store.terms import KEYS, STOP_WORDS, split

if TYPE_CHECKING:
    from registry.store.segments import Array

WEIGHTS = {"text": 0.6, "leaves": 0.2, "methods": 0.1, "citations": 0.1}
LEAST = 0.02  # what is less near than this is not related
_WEIGHED = 300  # papers whose score is worked out in full
_LIKE = 6_000  # papers whose text is near enough for something else to bring them up
_COMMON = 20  # a term in more than one text of twenty tells little ...
_LONG = 10_000  # ... and where they are many, its list is not read

# Built once: building a statement takes SQLAlchemy longer than SQLite takes to answer it.
_PLACES = select(documents.c.id).where(
    documents.c.kind.in_(("paper", "candidate")), among(documents.c.ref, bindparam("refs"))
)
_DOCUMENTS = select(documents.c.id, documents.c.ref, documents.c.title, documents.c.status).where(
    among(documents.c.id, bindparam("numbers"))
)
_FACTS = {
    name: select(key, value).where(among(key, bindparam("refs")))
    for name, key, value in (
        ("leaves", paper_leaves.c.paper_id, paper_leaves.c.leaf),
        ("methods", paper_methods.c.paper_id, paper_methods.c.method),
        ("cites", citations.c.citing, citations.c.cited),
        ("cited_by", citations.c.cited, citations.c.citing),
    )
}


@dataclass(frozen=True)
class Relation:
    """A paper near another. Parts lie between 0 and 1; None where nothing is known of the asked."""

    id: str
    title: str
    status: str  # active, candidate ...
    score: float  # the mean of the parts known, weighted
    text: float
    leaves: float | None
    methods: float | None
    citations: float | None
    shared_leaves: tuple[str, ...] = ()
    shared_methods: tuple[str, ...] = ()
    cites: bool = False  # the asked paper cites this one
    cited_by: bool = False  # this one cites the asked paper


@dataclass(frozen=True)
class _Facts:
    leaves: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    cites: frozenset[str] = frozenset()
    cited_by: frozenset[str] = frozenset()


def combined(parts: Mapping[str, float | None]) -> float:
    """The score of the parts, by ``WEIGHTS``; those that are None do not count."""
    known = {name: part for name, part in parts.items() if part is not None}
    total = sum(WEIGHTS[name] for name in known)
    return sum(WEIGHTS[name] * part for name, part in known.items()) / total if total else 0.0


def overlap(mine: Collection[str], theirs: Collection[str]) -> float | None:
    """What two sets share, of all they hold; None where the first is empty."""
    if not mine:
        return None
    return len(set(mine) & set(theirs)) / len(set(mine) | set(theirs))


def relations(store: Store, id_: str, limit: int = 10) -> list[Relation] | None:
    """The ``limit`` papers and candidates nearest to ``id_``, best first, ties by identifier.

    None where the store has neither a paper nor a candidate of that identifier.
    """
    with indexed(store) as connection:
        asked = compose(connection, [id_])
        number = connection.execute(_PLACES, {"refs": [id_]}).scalar()
        if not asked or number is None:
            return None
        mine = _facts(connection, [id_])[id_]
        heading, _, summary, body = asked[0].texts
        likeness = _likeness(connection, number, " ".join((heading, summary, body)))
        bound = _bounds(connection, likeness, mine)
        bound.pop(number, None)
        near = sorted(bound, key=lambda n: (-bound[n], n))[:_WEIGHED]
        found = _weighed(connection, near, likeness, mine, id_)
    found.sort(key=lambda one: (-one.score, one.id))
    return [one for one in found if one.score >= LEAST][:limit]


def _weighed(
    connection: Connection,
    numbers: Sequence[int],
    likeness: Mapping[int, float],
    mine: _Facts,
    asked: str,
) -> list[Relation]:
    rows = connection.execute(_DOCUMENTS, {"numbers": numbers}).all()
    facts = _facts(connection, [row.ref for row in rows])
    found = []
    for row in rows:
        theirs = facts[row.ref]
        parts = {
            "text": round(likeness.get(row.id, 0.0), 4),
            "leaves": overlap(mine.leaves, theirs.leaves),
            "methods": overlap(mine.methods, theirs.methods),
            "citations": _linked(mine, theirs, asked, row.ref),
        }
        found.append(
            Relation(
                id=row.ref,
                title=row.title,
                status=row.status,
                score=round(combined(parts), 4),
                shared_leaves=tuple(sorted(mine.leaves & theirs.leaves)),
                shared_methods=tuple(sorted(mine.methods & theirs.methods)),
                cites=row.ref in mine.cites,
                cited_by=row.ref in mine.cited_by,
                **parts,  # type: ignore[arg-type]
            )
        )
    return found


def _linked(mine: _Facts, theirs: _Facts, asked: str, ref: str) -> float | None:
    if not (mine.cites or mine.cited_by):
        return None
    if ref in mine.cites or ref in mine.cited_by:
        return 1.0
    if not mine.cites or not theirs.cites:
        return 0.0
    return len(mine.cites & theirs.cites) / math.sqrt(len(mine.cites) * len(theirs.cites))


def _facts(connection: Connection, ids: Sequence[str]) -> dict[str, _Facts]:
    found: dict[str, dict[str, set[str]]] = {id_: {} for id_ in ids}
    for name, query in _FACTS.items():
        for id_, item in connection.execute(query, {"refs": ids}):
            found[id_].setdefault(name, set()).add(item)
    return {
        id_: _Facts(**{name: frozenset(items) for name, items in of.items()})
        for id_, of in found.items()
    }


def _bounds(
    connection: Connection, likeness: Mapping[int, float], mine: _Facts
) -> dict[int, float]:
    """For each document that may be near the most that its score can be."""
    bound = {n: WEIGHTS["text"] * part for n, part in likeness.items()}
    tag = document_tags.c.tag
    shared = (
        select(document_tags.c.document_id, func.count())
        .where(among(tag, sorted(mine.leaves)))
        .group_by(document_tags.c.document_id)
    )
    for number, count in connection.execute(shared) if mine.leaves else ():
        bound[number] = bound.get(number, 0.0) + WEIGHTS["leaves"] * count / len(mine.leaves)
    of_paper = (documents.c.ref == paper_methods.c.paper_id) & (documents.c.kind == "paper")
    using = (
        select(documents.c.id, func.count(paper_methods.c.method.distinct()))
        .join(paper_methods, of_paper)
        .where(among(paper_methods.c.method, sorted(mine.methods)))
        .group_by(documents.c.id)
    )
    for number, count in connection.execute(using) if mine.methods else ():
        bound[number] = bound.get(number, 0.0) + WEIGHTS["methods"] * count / len(mine.methods)
    for number in _coupled(connection, mine):
        bound[number] = bound.get(number, 0.0) + WEIGHTS["citations"]
    return bound


def _coupled(connection: Connection, mine: _Facts) -> list[int]:
    """The documents that cite, are cited by, or cite what the asked paper cites."""
    near = set(mine.cites | mine.cited_by)
    if mine.cites:
        also = select(citations.c.citing).where(among(citations.c.cited, sorted(mine.cites)))
        near.update(connection.execute(also).scalars())
    if not near:
        return []
    return list(connection.execute(_PLACES, {"refs": sorted(near)}).scalars())


# -- text ----------------------------------------------------------------------------------------


def _likeness(connection: Connection, number: int, text: str) -> dict[int, float]:
    """The text part of the documents like the one of ``number``: some thousands at most."""
    import numpy as np

    from registry.store.draft import FULL
    from registry.store.segments import lengths, lookup, read_segments, totals

    segments = [one for one in read_segments(connection) if one.kind != "method"]
    asked = [KEYS[word] for word in dict.fromkeys(split(text)) if word not in STOP_WORDS]
    count = sum(totals(segments).values())
    longest = max(_LONG, count // _COMMON)
    long = lengths(connection, asked, segments)
    # What is read is a rough choice, what counts an exact one: a rebuild must not change it.
    chosen = sorted({key for key in asked if long.get(key, 0) <= 2 * longest})
    lists = lookup(connection, chosen, segments)
    total = np.zeros(max((one.high for one in segments), default=0))
    full = 0.0
    for key in chosen:
        found = [of[key] for of in lists.values() if key in of]
        holding = sum(len(part[0]) for part in found)
        own = _value_of(found, number)
        if not own or holding > longest:
            continue
        telling = math.log1p(count / holding) ** 2
        full += telling * own / FULL
        for numbers, values in found:
            total[numbers] += telling / FULL * np.minimum(values, own)
    if not full:
        return {}
    return _highest(total / full)


def _value_of(found: Sequence[tuple[Array, Array]], number: int) -> int:
    for numbers, values in found:
        at = int(numbers.searchsorted(number))
        if at < len(numbers) and numbers[at] == number:
            return int(values[at])
    return 0


def _highest(part: Array) -> dict[int, float]:
    import numpy as np

    near = np.flatnonzero(part > LEAST)
    if len(near) > _LIKE:
        bound = np.partition(part[near], -_LIKE)[-_LIKE]
        near = near[part[near] >= bound]
    return {int(n): float(part[n]) for n in near}

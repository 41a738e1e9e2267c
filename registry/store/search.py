"""Full-text search behind one function, the same on both databases.

What the user types is words, never query syntax: quotes, operators and stars mean nothing. Five
questions are asked, the strictest first, until enough is found: the words as a phrase in a title,
all of them in a title, as a phrase anywhere, all of them anywhere and, where nothing has all, any.
Within one question methods come before papers, papers before candidates, and then the better match.
Words that are in nearly every text are asked of titles only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, bindparam, select

from registry.store.among import among
from registry.store.engine import Store
from registry.store.index import indexed
from registry.store.phrases import Place, with_phrase
from registry.store.schema import documents, methods, papers, preprints, versions
from registry.store.terms import KEYS, STOP_WORDS, words

if TYPE_CHECKING:
    from registry.store.matching import Match

MAX_WORDS = 32
_SNIPPET = 180
_KINDS = ("method", "paper", "candidate")
_LOOKED_INTO = 40  # texts read for a phrase: of those that hold all the words the best
_NAMED_AMONG = 20  # hits among which the one of that very name is looked for


@dataclass(frozen=True)
class Hit:
    """One thing found. ``score`` only orders hits; it has no unit."""

    id: str  # an arXiv id or a method's slug
    title: str
    kind: Literal["paper", "method"]
    status: str  # active, candidate, ..., or a method's verified, partial, ...
    score: float
    snippet: str


def search(store: Store, query: str, limit: int = 20) -> list[Hit]:
    """The best ``limit`` hits for the words in ``query``; none for a query without words."""
    asked = words(query)[:MAX_WORDS]
    if not asked or limit < 1:
        return []
    with indexed(store) as connection:
        best: list[tuple[Place, float]] = []
        for tier, found in _answers(connection, asked, limit):
            best += [(place, _score(tier, place, match, asked)) for place, match in found]
            if len(best) >= limit:
                break
        best = best[:limit]
        shown = _shown(connection, [place for place, _ in best])
    return [
        Hit(
            id=ref,
            title=shown[kind, ref][0],
            kind="method" if kind == "method" else "paper",
            status=shown[kind, ref][1],
            score=score,
            snippet=_snippet(shown[kind, ref][2], asked),
        )
        for (kind, ref), score in best
        if (kind, ref) in shown
    ]


def _score(tier: int, place: Place, match: Match, asked: Sequence[str]) -> float:
    # BM25 is positive and unbounded; only its order means something.
    within = match.score / (1.0 + match.score) + _is_named(place, asked)
    return round(10.0 * (5 - tier) + 3.0 * (2 - _KINDS.index(place[0])) + within, 4)


def _is_named(place: Place, asked: Sequence[str]) -> bool:
    """Whether the words asked are the thing's own id or slug: it comes first of its kind."""
    return words(place[1]) == list(asked)


def _answers(
    connection: Connection, asked: Sequence[str], limit: int
) -> Iterator[tuple[int, list[tuple[Place, Match]]]]:
    """The answers to each question in turn, best first; the next is asked when it is wanted."""
    # NumPy takes a tenth of a second to import: only for who searches.
    from registry.store.matching import Question

    weak = frozenset(KEYS[word] for word in asked if word in STOP_WORDS)
    question = Question(connection, [KEYS[word] for word in asked], weak)
    first = _placed(connection, question.phrase_in_heading(max(limit, _NAMED_AMONG)))
    first.sort(key=lambda one: (_KINDS.index(one[0][0]), not _is_named(one[0], asked)))
    yield 0, first
    yield 1, (second := _placed(connection, question.all_in_heading(limit)))
    third = _placed(connection, question.all_anywhere(max(limit, _LOOKED_INTO)))
    phrases = with_phrase(connection, [place for place, _ in third[:_LOOKED_INTO]], asked)
    yield 2, [answer for answer in third if answer[0] in phrases]
    yield 3, [answer for answer in third if answer[0] not in phrases]
    if not (first or second or third):
        yield 4, _placed(connection, question.anything(limit))


def _placed(connection: Connection, found: Sequence[Match]) -> list[tuple[Place, Match]]:
    """Each match with what it is; equal scores in the order of the ids."""
    if not found:
        return []
    rows = connection.execute(_PLACES, {"numbers": [match.number for match in found]})
    places = {row.id: (row.kind, row.ref) for row in rows}
    placed = [(places[match.number], match) for match in found]
    return sorted(placed, key=lambda one: (_KINDS.index(one[0][0]), -one[1].score, one[0][1]))


# Built once: building a statement takes SQLAlchemy longer than SQLite takes to answer it.
_PLACES = select(documents.c.id, documents.c.kind, documents.c.ref).where(
    among(documents.c.id, bindparam("numbers"))
)
_METHODS = select(methods.c.slug, methods.c.name, methods.c.status, methods.c.summary).where(
    among(methods.c.slug, bindparam("refs"))
)
_PAPERS = select(
    papers.c.id, papers.c.title, papers.c.status, papers.c.gist, papers.c.authors
).where(among(papers.c.id, bindparam("refs")))
_CANDIDATES = (
    select(versions.c.preprint_id, versions.c.title, versions.c.withdrawn, versions.c.abstract)
    .join(
        preprints,
        (preprints.c.id == versions.c.preprint_id) & (preprints.c.newest == versions.c.version),
    )
    .where(among(preprints.c.id, bindparam("refs")))
)


def _shown(connection: Connection, places: Sequence[Place]) -> dict[Place, tuple[str, str, str]]:
    """Title, status, and the text for the snippet."""
    refs = {kind: [ref for k, ref in places if k == kind] for kind in _KINDS}
    rows = {
        kind: connection.execute(query, {"refs": refs[kind]}) if refs[kind] else ()
        for kind, query in zip(_KINDS, (_METHODS, _PAPERS, _CANDIDATES), strict=True)
    }
    shown: dict[Place, tuple[str, str, str]] = {}
    for row in rows["method"]:
        shown["method", row.slug] = (row.name, row.status, row.summary)
    for row in rows["paper"]:
        shown["paper", row.id] = (row.title, row.status, row.gist or " ".join(row.authors))
    for row in rows["candidate"]:
        status = "withdrawn" if row.withdrawn else "candidate"
        shown["candidate", row.preprint_id] = (row.title, status, row.abstract)
    return shown


def _snippet(source: str, asked: list[str]) -> str:
    line = " ".join(source.split())
    if len(line) <= _SNIPPET:
        return line
    lower = f" {line.lower()}"
    first = min((place for w in asked if (place := lower.find(f" {w}")) >= 0), default=0)
    start = max(0, first - _SNIPPET // 3)
    if start:
        start = line.find(" ", start) + 1
    cut = line[start : start + _SNIPPET]
    if start + _SNIPPET < len(line):
        cut = cut.rsplit(" ", 1)[0] + " ..."
    return ("... " if start else "") + cut

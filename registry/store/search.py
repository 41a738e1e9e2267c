"""Full-text search behind one function, on FTS5 or tsvector.

What the user types is words, never query syntax: quotes, operators and stars mean nothing. Five
questions are asked, the strictest first, until enough is found: the words as a phrase in a title,
all of them in a title, as a phrase anywhere, all of them anywhere and, where nothing has all, any.
Within one question methods come before papers, papers before candidates, and then the better match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ARRAY,
    REAL,
    ColumnElement,
    Connection,
    Label,
    Select,
    Text,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    select,
    table,
)

from registry.store.engine import Store
from registry.store.index import words
from registry.store.schema import documents, methods, papers, preprints, versions

MAX_WORDS = 32
_SNIPPET = 180
_KINDS = ("method", "paper", "candidate")
_Build = Callable[[list[str]], str]


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
    builds = _fts5_queries if store.is_sqlite else _tsqueries
    found: dict[tuple[str, str], float] = {}
    with store.read() as connection:
        for tier, build in enumerate(builds()):
            for kind, ref, relevance in _ask(connection, build(asked), limit + len(found)):
                score = 10.0 * (5 - tier) + 3.0 * (2 - _KINDS.index(kind)) + relevance
                found.setdefault((kind, ref), round(score, 4))
            # Any of the words is asked for only where nothing has all of them.
            if len(found) >= limit or (found and tier == 3):
                break
        best = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:limit]
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


def _fts5_queries() -> tuple[_Build, ...]:
    # Every word is quoted and holds letters and digits only: nothing in it can act.
    def phrase(asked: list[str]) -> str:
        return '"' + " ".join(asked) + '"'

    def joined(asked: list[str], operator: str) -> str:
        return f" {operator} ".join(f'"{word}"' for word in asked)

    return (
        lambda asked: f"heading : {phrase(asked)}",
        lambda asked: f"heading : ({joined(asked, 'AND')})",
        phrase,
        lambda asked: joined(asked, "AND"),
        lambda asked: joined(asked, "OR"),
    )


def _tsqueries() -> tuple[_Build, ...]:
    def joined(asked: list[str], operator: str, weight: str = "") -> str:
        return f" {operator} ".join(f"'{word}'{weight}" for word in asked)

    return (
        lambda asked: joined(asked, "<->", ":A"),
        lambda asked: joined(asked, "&", ":A"),
        lambda asked: joined(asked, "<->"),
        lambda asked: joined(asked, "&"),
        lambda asked: joined(asked, "|"),
    )


def _ask(connection: Connection, query: str, limit: int) -> Iterable[tuple[str, str, float]]:
    order = case({kind: n for n, kind in enumerate(_KINDS)}, value=documents.c.kind)
    asked = bindparam("query", query, type_=Text)
    rank: Label[Any]
    matching: Select[tuple[str, str, Any]]
    if connection.dialect.name == "sqlite":
        index = table("documents_fts", column("rowid"))
        # The weights of heading, names, summary and body; FTS5 counts better as lower.
        rank = literal_column("-bm25(documents_fts, 10.0, 4.0, 3.0, 1.0)").label("rank")
        matching = (
            select(documents.c.kind, documents.c.ref, rank)
            .join(index, index.c.rowid == documents.c.id)
            .where(literal_column("documents_fts").op("MATCH")(asked))
        )
    else:
        vector: ColumnElement[Any] = literal_column("documents.vector")
        tsquery = func.to_tsquery("english", asked)
        weights = cast([0.1, 0.3, 0.4, 1.0], ARRAY(REAL))
        rank = func.ts_rank_cd(weights, vector, tsquery).label("rank")
        matching = select(documents.c.kind, documents.c.ref, rank).where(vector.op("@@")(tsquery))
    statement = matching.order_by(order, rank.desc(), documents.c.ref).limit(limit)
    for kind, ref, found in connection.execute(statement):
        # Both ranks are positive and unbounded; only their order means something.
        yield kind, ref, float(found) / (1.0 + abs(float(found)))


def _shown(
    connection: Connection, places: list[tuple[str, str]]
) -> dict[tuple[str, str], tuple[str, str, str]]:
    refs = {kind: [ref for k, ref in places if k == kind] for kind in _KINDS}
    shown: dict[tuple[str, str], tuple[str, str, str]] = {}
    about_methods = select(methods).where(methods.c.slug.in_(refs["method"]))
    for row in connection.execute(about_methods):
        shown["method", row.slug] = (row.name, row.status, row.summary)
    for row in connection.execute(select(papers).where(papers.c.id.in_(refs["paper"]))):
        shown["paper", row.id] = (row.title, row.status, row.gist or " ".join(row.authors))
    newest = (preprints.c.id == versions.c.preprint_id) & (preprints.c.newest == versions.c.version)
    about_candidates = (
        select(versions).join(preprints, newest).where(preprints.c.id.in_(refs["candidate"]))
    )
    for row in connection.execute(about_candidates):
        status = "withdrawn" if row.withdrawn else "candidate"
        shown["candidate", row.preprint_id] = (row.title, status, row.abstract)
    return shown


def _snippet(source: str, asked: list[str]) -> str:
    line = " ".join(source.split())
    if len(line) <= _SNIPPET:
        return line
    places = (re.search(rf"\b{re.escape(w)}", line, re.IGNORECASE) for w in asked)
    first = min((m.start() for m in places if m), default=0)
    start = max(0, first - _SNIPPET // 3)
    if start:
        start = line.find(" ", start) + 1
    cut = line[start : start + _SNIPPET]
    if start + _SNIPPET < len(line):
        cut = cut.rsplit(" ", 1)[0] + " ..."
    return ("... " if start else "") + cut

"""Who cites whom, as optional sources said. Nothing here is needed by anything else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from registry.store.among import among
from registry.store.engine import Store
from registry.store.rows import put
from registry.store.schema import citation_answers, citations, papers, preprints, versions


@dataclass(frozen=True)
class Known:
    """What one source has said so far."""

    source: str
    asked: int  # papers it was asked about
    unknown: int  # of them those it does not know
    citations: int
    last: datetime | None


@dataclass(frozen=True)
class Missing:
    """A paper that papers of the catalog cite and that is not among them."""

    id: str
    cited_by: int
    title: str | None  # where it is a candidate


def put_citations(
    connection: Connection,
    source: str,
    found: Mapping[str, Collection[str] | None],
    at: datetime,
) -> int:
    """Store what ``source`` says each paper cites, None where it does not know the paper.

    What it said of these papers before is replaced. Gives the number of citations.
    """
    ids = sorted(found)
    before = (citations.c.source == source) & among(citations.c.citing, ids)
    connection.execute(delete(citations).where(before))
    rows = [
        {"citing": id_, "cited": cited, "source": source}
        for id_ in ids
        for cited in sorted(set(found[id_] or ()) - {id_})
    ]
    put(connection, citations, rows)
    answers = [
        {"paper_id": id_, "source": source, "at": at, "known": found[id_] is not None}
        for id_ in ids
    ]
    put(connection, citation_answers, answers)
    return len(rows)


def papers_to_ask(store: Store, source: str, before: datetime) -> list[str]:
    """The catalogued papers that ``source`` was not asked about since ``before``, newest first."""
    fresh = select(citation_answers.c.paper_id).where(
        citation_answers.c.source == source, citation_answers.c.at >= before
    )
    query = select(papers.c.id).where(papers.c.id.not_in(fresh))
    with store.read() as connection:
        rows = connection.execute(query.order_by(papers.c.submitted.desc(), papers.c.id))
        return list(rows.scalars())


def known_citations(store: Store, source: str) -> Known:
    """How much ``source`` has said so far."""
    said = select(
        func.count(), func.max(citation_answers.c.at),
        func.count().filter(citation_answers.c.known.is_(False)),
    ).where(citation_answers.c.source == source)  # fmt: skip
    edges = select(func.count()).select_from(citations).where(citations.c.source == source)
    with store.read() as connection:
        asked, last, unknown = connection.execute(said).one()
        count = connection.execute(edges).scalar_one()
    return Known(source, asked, unknown, count, last)


def missing(store: Store, least: int, limit: int = 50) -> list[Missing]:
    """What at least ``least`` papers of the catalog cite and it lacks, the most cited first."""
    citing = func.count(citations.c.citing.distinct())
    newest = (preprints.c.id == versions.c.preprint_id) & (preprints.c.newest == versions.c.version)
    here = select(papers.c.id)
    query = (
        select(citations.c.cited, citing)
        .where(citations.c.citing.in_(here), citations.c.cited.not_in(here))
        .group_by(citations.c.cited)
        .having(citing >= least)
        .order_by(citing.desc(), citations.c.cited)
        .limit(limit)
    )
    with store.read() as connection:
        rows = connection.execute(query).all()
        ids = [row.cited for row in rows]
        named = select(preprints.c.id, versions.c.title).join(versions, newest)
        chosen = among(preprints.c.id, ids)
        titles = {row.id: row.title for row in connection.execute(named.where(chosen))}
    return [Missing(id_, count, titles.get(id_)) for id_, count in rows]

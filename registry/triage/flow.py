"""How many papers came in and what became of them: the counts of a PRISMA flow diagram."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select

from registry.catalog.criteria import Criteria
from registry.store.engine import Store
from registry.store.schema import papers, preprints, sightings, sources
from registry.store.standing import Decision, Standing, standings

OTHER = "other"  # a reason that is no code of the criteria


@dataclass(frozen=True)
class Flow:
    """Counts of records or papers. ``papers`` is the sum of what stands below it."""

    identified: dict[str, int]  # records by kind of source: the same paper from two counts twice
    repeated: int  # records of a paper that another source gave too
    papers: int
    included: int  # in the catalog, by a decision or by hand
    included_by_hand: int  # of those, without a decision in the log
    excluded: dict[str, int]  # by code of the criteria
    duplicates: int  # judged to be the same work as another
    conflicts: int
    maybe: int
    open: int  # nobody has decided
    accepted_without_entry: int  # in the log, not in the catalog: not counted as included

    @property
    def screened(self) -> int:
        """Papers somebody decided on."""
        return self.included + sum(self.excluded.values()) + self.duplicates + self.conflicts


def flow(store: Store, criteria: Criteria | None) -> Flow:
    """The counts as the store stands."""
    with store.read() as connection:
        by_source = (
            select(sources.c.kind, func.count())
            .join(sightings, sightings.c.source_id == sources.c.id)
            .group_by(sources.c.kind)
            .order_by(sources.c.kind)
        )
        identified = {kind: int(count) for kind, count in connection.execute(by_source)}
        known = connection.execute(select(func.count()).select_from(preprints)).scalar_one()
        joined = select(papers.c.id).join(preprints, preprints.c.id == papers.c.id)
        catalogued = set(connection.execute(joined).scalars())
        found = standings(connection)
    states = Counter(s.state for id_, s in found.items() if id_ not in catalogued)
    decided = sum(states[state] for state in ("rejected", "duplicate", "conflict", "maybe"))
    disputed = sum(found[id_].state == "conflict" for id_ in catalogued & found.keys())
    return Flow(
        identified=identified,
        repeated=max(0, sum(identified.values()) - known),
        papers=known,
        included=len(catalogued) - disputed,
        included_by_hand=sum(id_ not in found or not _taken(found[id_]) for id_ in catalogued),
        excluded=_excluded(found, catalogued, criteria),
        duplicates=states["duplicate"],
        conflicts=states["conflict"] + disputed,
        maybe=states["maybe"],
        open=known - len(catalogued) - decided - states["accepted"],
        accepted_without_entry=states["accepted"],
    )


def _taken(standing: Standing) -> bool:
    return any(vote.decision == "accept" for vote in standing.votes)


def _excluded(
    found: dict[str, Standing], catalogued: set[str], criteria: Criteria | None
) -> dict[str, int]:
    codes = criteria.reasons if criteria else ()
    count = Counter(
        _code(standing.votes)
        for id_, standing in found.items()
        if standing.state == "rejected" and id_ not in catalogued
    )
    order = [*codes, *sorted(count.keys() - {*codes, OTHER}), OTHER]
    return {code: count[code] for code in order if count[code]}


def _code(votes: tuple[Decision, ...]) -> str:
    rejections = [vote for vote in votes if vote.decision == "reject"]
    return str(rejections[-1].detail.get("code", OTHER)) if rejections else OTHER

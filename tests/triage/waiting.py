"""Candidates to judge in the tests: made up, as many as asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from registry.ingest import ledger
from registry.store.engine import Store
from registry.store.preprints import put_preprints
from registry.store.queries import Candidate
from registry.triage.ranked import LeafGuess, Neighbour, Ranked, Reasons
from tests.triage.conftest import DAY, preprint

CRITERIA = """\
question: Is it fruit?
include:
  - code: fruit
    text: It grows on trees.
exclude:
  - code: stone
    text: It is a stone.
  - code: fish
    text: It swims.
"""


def put(store: Store, count: int, **other: object) -> list[str]:
    """The ids of ``count`` candidates beside those of the fixture, the newest last."""
    ids = [f"2603.1{n:04d}" for n in range(count)]
    with store.write() as connection:
        source_id = ledger.source_of(connection, "ids", "made up")
        records = [
            preprint(
                id_,
                **{"title": f"Made-up Study {id_}", "published": DAY + timedelta(days=n + 1)}
                | other,
            )
            for n, id_ in enumerate(ids)
        ]
        put_preprints(connection, records, source_id)
    return ids


@dataclass
class LastDigits:
    """A ranker that finds relevant what has a high number; it knows nothing where told so."""

    abstains: bool = False

    def rank(self, candidates: Sequence[Candidate]) -> list[Ranked]:
        found = [self._ranked(candidate) for candidate in candidates]
        return sorted(found, key=lambda one: (-one.relevance, one.id))

    def pick(self, candidates: Sequence[Candidate], strategy: str, count: int) -> list[Candidate]:
        by_id = {candidate.id: candidate for candidate in candidates}
        order = [by_id[one.id] for one in self.rank(candidates)]
        if strategy == "uncertainty":
            order.reverse()
        return order[:count]

    def _ranked(self, candidate: Candidate) -> Ranked:
        return Ranked(
            candidate.id,
            0.5 if self.abstains else int(candidate.id.partition(".")[2]) / 100_000,
            (LeafGuess("fruit/pears", 0.7),),
            self.abstains,
            Reasons(
                terms_for=(("seeds", 0.5),),
                accepted=(Neighbour("2401.00001", "\x1b[31mRed", "accepted", 0.8),),
                authors=("Ada Example",),
            ),
        )

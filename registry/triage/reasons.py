"""Why a candidate stands where it stands: terms, entries that read alike, methods, authors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from registry.triage.documents import Document
from registry.triage.features import Floats
from registry.triage.ranked import Neighbour

MOST_TERMS = 6
MOST_NEIGHBOURS = 3
_LEAST_ALIKE = 0.05
Terms = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Shelf:
    """Papers that were decided on, as rows to compare with."""

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    rows: Any  # (M, V) sparse, rows of length 1
    decision: Literal["accepted", "rejected"]

    def nearest(self, rows: Any, ids: Sequence[str]) -> list[tuple[Neighbour, ...]]:
        """For each of ``rows`` (N, V) the papers most alike, best first; never itself."""
        if not self.ids:
            return [() for _ in ids]
        alike = rows @ self.rows.T
        return [
            self._best(alike.indices[start:end], alike.data[start:end], id_)
            for id_, start, end in zip(ids, alike.indptr[:-1], alike.indptr[1:], strict=True)
        ]

    def _best(self, places: Any, values: Any, id_: str) -> tuple[Neighbour, ...]:
        top = np.argsort(-values, kind="stable")[: MOST_NEIGHBOURS + 1]
        # Rounded before sorting: the last bits differ between machines, the order must not.
        found = sorted((-round(float(values[n]), 4), self.ids[places[n]], places[n]) for n in top)
        return tuple(
            Neighbour(other, self.titles[place], self.decision, min(1.0, -score))
            for score, other, place in found
            if other != id_ and -score >= _LEAST_ALIKE
        )[:MOST_NEIGHBOURS]


def terms_of(row: tuple[Any, Any], weights: Floats, names: Sequence[str]) -> tuple[Terms, Terms]:
    """Terms for and against with their share of the score, from -1 to 1, the strongest first.

    ``row`` holds the places of a text's terms and their values. The shares of all terms of a text,
    shown or not, have absolute values that sum to 1.
    """
    places, values = row
    parts = values * weights[places]
    total = float(np.abs(parts).sum())
    if total == 0:
        return (), ()
    order = np.argsort(parts, kind="stable")
    ends = order[::-1][:MOST_TERMS], order[:MOST_TERMS]
    speaking_for, against = (
        [(names[places[n]], round(float(parts[n]) / total, 4)) for n in end] for end in ends
    )
    return (
        tuple(pair for pair in speaking_for if pair[1] > 0),
        tuple(pair for pair in against if pair[1] < 0),
    )


def known_authors(document: Document, known: Iterable[str]) -> tuple[str, ...]:
    """The authors of ``document`` who are among ``known``, in its order."""
    among = known if isinstance(known, (set, frozenset)) else set(known)
    return tuple(name for name in document.authors if name in among)

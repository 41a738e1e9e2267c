"""Papers that are near a paper, each with a score and the reasons.

The score is the likeness of their words (title, gist, abstract where there is one): 0 is nothing in
common, 1 is the same text. It ranks; it measures no quality. What a curator chose comes first
whatever its score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.catalog.models import Leaf, Paper

MOST = 8
LEAST_SCORE = 0.05


@dataclass(frozen=True)
class Related:
    """A paper near another; ``reasons`` are words for a reader."""

    paper: Paper
    score: float
    reasons: tuple[str, ...]


def related_papers(
    papers: Sequence[Paper], leaves: Mapping[str, Leaf], abstracts: Mapping[str, str]
) -> dict[str, tuple[Related, ...]]:
    """For each paper's id the papers near it, the nearest first, at most ``MOST``."""
    # Imports scikit-learn, which takes a second; nothing else here needs it.
    from registry.store.related import Neighbours

    by_id = {paper.id: paper for paper in papers}
    near = Neighbours(
        {p.id: "\n".join((p.title, p.title, p.gist or "", abstracts.get(p.id, ""))) for p in papers}
    )
    found = {}
    for paper in papers:
        # What a curator chose may stand among the nearest too, and gives way to others.
        scores = dict(near.nearest(paper.id, MOST + len(paper.related)))
        scores |= {id_: near.likeness(paper.id, id_) for id_ in paper.related}
        found[paper.id] = tuple(_nearest(paper, by_id, scores, leaves))
    return found


def _nearest(
    paper: Paper,
    by_id: Mapping[str, Paper],
    scores: Mapping[str, float],
    leaves: Mapping[str, Leaf],
) -> list[Related]:
    chosen = [id_ for id_ in paper.related if id_ in by_id]
    near = [id_ for id_, score in scores.items() if score >= LEAST_SCORE and id_ not in chosen]
    picked = [*chosen, *near[: max(0, MOST - len(chosen))]]
    return [
        Related(by_id[i], scores.get(i, 0.0), _reasons(paper, by_id[i], i in chosen, leaves))
        for i in picked
    ]


def _reasons(
    paper: Paper, other: Paper, chosen: bool, leaves: Mapping[str, Leaf]
) -> tuple[str, ...]:
    reasons = ["chosen by a curator"] if chosen else []
    shared = [leaf for leaf in paper.leaves if leaf in other.leaves]
    reasons += [f"topic: {leaves[leaf].title if leaf in leaves else leaf}" for leaf in shared]
    theirs = {one.slug for one in other.methods}
    reasons += [f"method: {one.slug}" for one in paper.methods if one.slug in theirs]
    return tuple(reasons or ["similar words"])

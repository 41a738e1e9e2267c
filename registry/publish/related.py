"""Papers that are near a paper, each with a score and the reasons.

The score weighs the likeness of words (title, gist, abstract where there is one) with the leaves
and the methods in common, as `registry related` does: 0 is nothing in common, 1 is all. It ranks;
it measures no quality. What a curator chose comes first whatever its score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.catalog.models import Leaf, Paper
from registry.store.relations import combined, overlap

MOST = 8
LEAST_SCORE = 0.05
_READ = 50  # the nearest by words; another paper has to share a leaf or a method


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
    sharing: dict[str, set[str]] = {}
    for paper in papers:
        for name in _marks(paper):
            sharing.setdefault(name, set()).add(paper.id)
    found = {}
    for paper in papers:
        likeness = dict(near.nearest(paper.id, len(papers)))
        others = {*list(likeness)[:_READ], *paper.related}
        others |= {id_ for name in _marks(paper) for id_ in sharing[name]}
        scores = {
            id_: _score(paper, by_id[id_], likeness.get(id_, 0.0))
            for id_ in others & by_id.keys() - {paper.id}
        }
        found[paper.id] = tuple(_nearest(paper, by_id, scores, leaves))
    return found


def _marks(paper: Paper) -> set[str]:
    return {*paper.leaves, *(f"method {one.slug}" for one in paper.methods)}


def _score(paper: Paper, other: Paper, likeness: float) -> float:
    mine, theirs = ({one.slug for one in p.methods} for p in (paper, other))
    parts = {
        "text": likeness,
        "leaves": overlap(paper.leaves, other.leaves),
        "methods": overlap(mine, theirs),
    }
    return round(combined(parts), 4)


def _nearest(
    paper: Paper,
    by_id: Mapping[str, Paper],
    scores: Mapping[str, float],
    leaves: Mapping[str, Leaf],
) -> list[Related]:
    chosen = [id_ for id_ in paper.related if id_ in by_id]
    ranked = sorted(scores, key=lambda id_: (-scores[id_], id_))
    near = [id_ for id_ in ranked if scores[id_] >= LEAST_SCORE and id_ not in chosen]
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

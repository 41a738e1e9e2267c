"""Whether the taxonomy still fits: growing terms that no leaf knows, leaves too large or small.

A term's growth is the log-odds of standing in a recent paper rather than in an earlier one, over
its standard error, with a prior of one paper in each: a z-score that a term with few papers cannot
reach by chance (Monroe, Colaresi and Quinn, *Fightin' Words*, on papers instead of tokens). The
way papers are written changes too, in every field; so a term must stand out as much against recent
papers about other things as against earlier ones, and its growth is the smaller of the two.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from registry.triage.documents import Document
from registry.triage.terms import terms_in

if TYPE_CHECKING:
    from registry.catalog.models import Taxonomy

FEWEST_PAPERS = 5  # recent papers that a term must stand in
LEAST_GROWTH = 2.5  # standard errors
MOST_OF_A_LEAF = 0.1  # of all papers; a leaf with more says little
FEWEST_OF_A_LEAF = 3
_EXAMPLES = 3


@dataclass(frozen=True)
class Term:
    """A term that no leaf knows; shares are of the papers, ``growth`` in standard errors."""

    term: str
    recent: int
    recent_share: float
    earlier_share: float
    growth: float
    examples: tuple[str, ...]  # ids, the newest first


@dataclass(frozen=True)
class LeafSize:
    """A leaf that holds too much or too little; ``share`` is of all papers with leaves."""

    leaf: str
    papers: int
    share: float
    verdict: Literal["large", "small", "empty"]


@dataclass(frozen=True)
class Drift:
    """What was found; ``since`` is the first day that counts as recent."""

    since: date | None
    recent: int
    earlier: int
    terms: tuple[Term, ...]
    leaves: tuple[LeafSize, ...]


def drift(
    documents: Iterable[Document],
    others: Iterable[Document],
    filed: Sequence[tuple[str, ...]],
    taxonomy: Taxonomy,
    months: int = 3,
    limit: int = 20,
) -> Drift:
    """The terms of the last ``months`` among ``documents``, and the leaves by ``filed``.

    The last month is that of the newest document. ``others`` are about other things. ``filed``
    has the leaves of each catalogued paper. Documents without a date are left out.
    """
    dated = [one for one in documents if one.day is not None]
    since = _first_day(max((d.day for d in dated if d.day), default=None), months)
    recent = [one for one in dated if since and one.day and one.day >= since]
    earlier = [one for one in dated if since and one.day and one.day < since]
    beside = [one for one in others if since and one.day and one.day >= since]
    terms = _terms(recent, earlier, beside, known_terms(taxonomy))[:limit]
    return Drift(since, len(recent), len(earlier), tuple(terms), leaf_sizes(filed, taxonomy))


def known_terms(taxonomy: Taxonomy) -> frozenset[str]:
    """Every word and pair of words that a leaf is described by or that names its papers."""
    said: set[str] = set()
    for group in taxonomy.groups:
        for leaf in group.leaves:
            texts = [leaf.title, leaf.scope, *leaf.keywords, leaf.slug.replace("/", " ")]
            texts += [text for paper in leaf.canonical for text in (paper.name, paper.title)]
            for text in texts:
                said.update(terms_in(text))
    return frozenset(said)


def leaf_sizes(filed: Sequence[tuple[str, ...]], taxonomy: Taxonomy) -> tuple[LeafSize, ...]:
    """The leaves too large, the largest first, then those too small, the smallest last."""
    count = Counter(leaf for leaves in filed for leaf in set(leaves))
    found: list[LeafSize] = []
    for slug in taxonomy.leaf_slugs:
        papers = count[slug]
        share = papers / len(filed) if filed else 0.0
        if papers > FEWEST_OF_A_LEAF and share > MOST_OF_A_LEAF:
            found.append(LeafSize(slug, papers, round(share, 4), "large"))
        elif papers < FEWEST_OF_A_LEAF:
            verdict: Literal["small", "empty"] = "small" if papers else "empty"
            found.append(LeafSize(slug, papers, round(share, 4), verdict))
    return tuple(sorted(found, key=lambda one: (-one.papers, one.leaf)))


def growth_of(recent: int, recent_total: int, earlier: int, earlier_total: int) -> float:
    """The log-odds ratio of a term, recent against earlier, over its standard error."""
    inside = (recent + 1, earlier + 1)
    outside = (recent_total - recent + 1, earlier_total - earlier + 1)
    ratio = math.log(inside[0] / outside[0]) - math.log(inside[1] / outside[1])
    return ratio / math.sqrt(sum(1 / n for n in (*inside, *outside)))


def _terms(
    recent: Sequence[Document],
    earlier: Sequence[Document],
    beside: Sequence[Document],
    known: frozenset[str],
) -> list[Term]:
    now, before, elsewhere = map(_papers_with, (recent, earlier, beside))
    found = []
    for term, count in now.items():
        if count < FEWEST_PAPERS or term in known or not any(map(str.isalpha, term)):
            continue
        growth = growth_of(count, len(recent), before[term], len(earlier))
        if beside:
            growth = min(growth, growth_of(count, len(recent), elsewhere[term], len(beside)))
        if growth >= LEAST_GROWTH:
            found.append((growth, term, count))
    found.sort(key=lambda one: (-one[0], one[1]))
    return [
        Term(
            term,
            count,
            round(count / len(recent), 5),
            round(before[term] / len(earlier), 5) if earlier else 0.0,
            round(growth, 2),
            _examples(term, recent),
        )
        for growth, term, count in _longest(found)
    ]


def _longest(found: Sequence[tuple[float, str, int]]) -> list[tuple[float, str, int]]:
    """Without the words that stand almost only inside a longer term that is there too."""
    pairs = [(term, count) for _, term, count in found if " " in term]
    inside = {
        word for term, n in pairs for _, word, m in found if word in term.split() and n >= m / 2
    }
    return [one for one in found if " " in one[1] or one[1] not in inside]


def _papers_with(documents: Iterable[Document]) -> Counter[str]:
    found: Counter[str] = Counter()
    for document in documents:
        found.update(set(terms_in(document.text)))
    return found


def _examples(term: str, documents: Sequence[Document]) -> tuple[str, ...]:
    newest = sorted(documents, key=lambda one: one.id, reverse=True)
    holding = (one.id for one in newest if term in terms_in(one.text))
    return tuple(id_ for id_, _ in zip(holding, range(_EXAMPLES), strict=False))


def _first_day(newest: date | None, months: int) -> date | None:
    if newest is None:
        return None
    place = newest.year * 12 + newest.month - months
    return date(place // 12, place % 12 + 1, 1)

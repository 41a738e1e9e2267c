"""What is wrong in the taxonomy, and what a curator may want to change in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from registry.catalog.checks import check_catalog
from registry.catalog.files import Catalog
from registry.catalog.models import Leaf
from registry.catalog.problems import Problem

_LARGE = 0.15  # of all papers: a leaf that holds more may want to be split
_FEWEST = 40  # papers in the catalog from which such a share says something
_SHORTEST = 5  # words of a scope note


@dataclass(frozen=True)
class Advice:
    """A remark about one leaf."""

    leaf: str
    text: str


def wrong(root: Path) -> list[Problem]:
    """The problems of ``registry check`` that concern the taxonomy or a paper's leaf."""
    return [
        problem
        for problem in check_catalog(root)
        if problem.path.name == "taxonomy.yaml"
        or problem.allowed == "registry list leaves"
        or "leaf" in problem.what
    ]


def advice(catalog: Catalog) -> list[Advice]:
    """Remarks about leaves, in the order of the taxonomy."""
    total = len(catalog.papers)
    primary = Counter(paper.leaf for paper in catalog.papers.values())
    held = Counter(leaf for paper in catalog.papers.values() for leaf in paper.leaves)
    titles = Counter(leaf.title for g in catalog.taxonomy.groups for leaf in g.leaves)
    found: list[Advice] = []
    for group in catalog.taxonomy.groups:
        for leaf in group.leaves:
            found += [Advice(leaf.slug, text) for text in _of(leaf, total, primary, held, titles)]
    return found


def _of(
    leaf: Leaf, total: int, primary: Counter[str], held: Counter[str], titles: Counter[str]
) -> list[str]:
    found = []
    if not held[leaf.slug]:
        near = "its examples are not in the catalog" if leaf.canonical else "it has no examples"
        found.append(f"no paper; {near}")
    elif not primary[leaf.slug]:
        found.append(f"no paper of its own, {held[leaf.slug]} that stand elsewhere first")
    if total >= _FEWEST and primary[leaf.slug] > _LARGE * total:
        share = primary[leaf.slug] / total
        found.append(f"{share:.0%} of all papers; registry taxonomy split may serve")
    if len(leaf.scope.split()) < _SHORTEST:
        found.append("the scope note says little")
    if not leaf.keywords:
        found.append("no keywords")
    if titles[leaf.title] > 1:
        found.append(f"another leaf is called {leaf.title!r} too")
    return found

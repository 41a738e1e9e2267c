"""Which leaves of the taxonomy suit a paper: several may, and none where nothing is likely enough.

A leaf with papers enough has a logistic regression of its own, itself against all others; a leaf
with fewer is known by its own words, its title, keywords and scope. To a leaf's score half of its
group's is added, which many more papers teach. All are learned from relevant papers alone: a
probability says how likely the leaf is, given that the paper belongs here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from registry.triage.documents import Document, Example
from registry.triage.features import Floats, Vectoriser
from registry.triage.ranked import LeafGuess

if TYPE_CHECKING:
    from registry.catalog.models import Taxonomy

MOST_LEAVES = 3
LEAST_LIKELY = 0.2  # a leaf below is not named
_FEWEST = 4  # papers of a leaf from which its own words are learned
_STRENGTH = 10.0  # inverse of the ridge penalty
_NO_LEAF = -4.0  # log-odds of a leaf with few papers for a text that has none of its words
_SCALE = 12.0  # log-odds that a cosine of 1 with the leaf's own words adds
_GROUP = 0.5  # of its group's log-odds that a leaf's score holds


@dataclass(frozen=True)
class Leaves:
    """A linear score for each leaf."""

    slugs: tuple[str, ...]
    weights: NDArray[np.float32]  # (L, V), the bulk of what is kept
    constants: Floats  # (L,)

    def probabilities(self, rows: Any) -> Floats:
        """(N, L): how likely each leaf is named for each text, each leaf by itself."""
        scores = rows @ self.weights.T + self.constants
        return np.asarray(1 / (1 + np.exp(-scores)))

    def guesses(self, rows: Any) -> list[tuple[LeafGuess, ...]]:
        """For each text at most ``MOST_LEAVES`` leaves that are likely enough, likeliest first."""
        every = self.probabilities(rows)
        return [self._named(row) for row in every]

    def _named(self, row: Floats) -> tuple[LeafGuess, ...]:
        order = sorted(range(len(self.slugs)), key=lambda n: (-row[n], self.slugs[n]))
        named = [n for n in order[:MOST_LEAVES] if row[n] >= LEAST_LIKELY]
        return tuple(LeafGuess(self.slugs[n], round(float(row[n]), 4)) for n in named)


def leaf_documents(taxonomy: Taxonomy) -> dict[str, Document]:
    """Each leaf as a text: its title and keywords, and its scope where a paper has an abstract."""
    return {
        leaf.slug: Document(
            f"leaf:{leaf.slug}", "; ".join((leaf.title, *leaf.keywords)), leaf.scope
        )
        for group in taxonomy.groups
        for leaf in group.leaves
    }


def leaf_examples(taxonomy: Taxonomy) -> list[Example]:
    """What the taxonomy says by itself belongs here: its leaves, each as a text."""
    said = frozenset({"taxonomy"})
    return [
        Example(document, True, leaves=(slug,), sources=said)
        for slug, document in leaf_documents(taxonomy).items()
    ]


def canonical_examples(taxonomy: Taxonomy) -> list[Example]:
    """The papers that show what a leaf means, by title, in the order of their ids."""
    found: dict[str, Example] = {}
    for group in taxonomy.groups:
        for leaf in group.leaves:
            for paper in leaf.canonical:
                known = found.get(paper.id)
                leaves = (*(known.leaves if known else ()), leaf.slug)
                document = Document(paper.id, paper.title)
                said = frozenset({"canonical"})
                found[paper.id] = Example(document, True, leaves=leaves, sources=said)
    return [found[id_] for id_ in sorted(found)]


def fit(vectoriser: Vectoriser, examples: Sequence[Example], taxonomy: Taxonomy) -> Leaves:
    """The leaves learned from the relevant ones of ``examples`` and the taxonomy's own words."""
    from scipy import sparse

    described = leaf_documents(taxonomy)
    slugs = tuple(described)
    taught = [example for example in examples if example.relevant and example.leaves]
    rows = vectoriser.rows([*described.values(), *(example.document for example in taught)])
    rows = sparse.csr_matrix(rows)
    named = [{slug} for slug in slugs] + [set(example.leaves) for example in taught]
    weights = np.zeros((len(slugs), len(vectoriser.terms)), dtype=np.float32)
    constants = np.full(len(slugs), _NO_LEAF)
    for place, slug in enumerate(slugs):
        member = np.array([slug in leaves for leaves in named])
        if member.sum() <= _FEWEST or member.all():
            weights[place] = _SCALE * rows[place].toarray()[0]
        else:
            weights[place], constants[place] = _learned(rows, member)
    for group in taxonomy.groups:
        inside = {leaf.slug for leaf in group.leaves}
        member = np.array([not inside.isdisjoint(leaves) for leaves in named])
        if member.sum() > _FEWEST and not member.all():
            weight, constant = _learned(rows, member)
            places = [place for place, slug in enumerate(slugs) if slug in inside]
            weights[places] += (_GROUP * weight).astype(np.float32)
            constants[places] += _GROUP * constant
    return Leaves(slugs, weights, constants)


def _learned(rows: Any, member: NDArray[np.bool_]) -> tuple[Floats, float]:
    """The weight of each term (V,) and the constant by which ``member`` (N,) is told apart."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=_STRENGTH, solver="liblinear", dual=True, random_state=0)
    model.fit(rows, member)
    return model.coef_[0], float(model.intercept_[0])

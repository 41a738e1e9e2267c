"""How likely a paper belongs here: logistic regression over its terms, cross-fitted, calibrated.

Papers are split into a few parts by the hash of their ids, and a model is trained without each
part. A paper that was trained on is scored by the model that never saw it, any other by the mean of
all models, which for a linear model is one model. So a waiting candidate, which counts as probably
rejected while it trains, is not pulled down by itself, and the scores that the probability is
calibrated on are scores of papers that the model had not seen.

Many decided papers are known by title alone and most others with an abstract, which would make
"has an abstract" the best feature of all. So each paper with an abstract is shown twice, whole and
by its title, and in either view relevant and other papers weigh alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.triage.documents import Document, Example, part_of
from registry.triage.features import Floats, Vectoriser, titles_alone

PARTS = 3
FEWEST = 5  # relevant papers, and others, below which nothing is learned
_STRENGTH = 0.05  # inverse of the ridge penalty
_UNDECIDED = 0.5  # of a paper that merely waits, beside 1 of one that others rejected
_OWN = 3.0  # of what the curator decided, beside 1 of a view of all that was read elsewhere
_ENOUGH = 20  # views of own decisions of a class, two a paper, from which on they weigh that
_FEWEST_TO_CALIBRATE = 20


@dataclass(frozen=True)
class Relevance:
    """A linear score for each part left out, and the curve that makes a probability of it."""

    weights: Floats  # (PARTS, V)
    constants: Floats  # (PARTS,)
    slope: float = 1.0
    shift: float = 0.0

    def scores(self, rows: Any, parts: NDArray[np.int64]) -> Floats:
        """(N,) log-odds before calibration; ``parts`` holds a trained paper's part, else -1."""
        every = rows @ self.weights.T + self.constants
        own = every[np.arange(len(parts)), np.maximum(parts, 0)]
        return np.asarray(np.where(parts >= 0, own, every.mean(1)))

    def probabilities(self, scores: Floats) -> Floats:
        """(N,) probabilities of (N,) scores."""
        return np.asarray(1 / (1 + np.exp(-(self.slope * scores + self.shift))))

    @property
    def mean_weights(self) -> Floats:
        """(V,) the weight of each term for a paper that was not trained on."""
        return np.asarray(self.weights.mean(0))


@dataclass(frozen=True)
class Views:
    """Papers as rows: each as it is, then those with an abstract once more by title alone."""

    rows: Any  # (M, V) sparse
    of: NDArray[np.int64]  # (M,) whose row each is
    whole: NDArray[np.bool_]  # (M,) with an abstract

    @classmethod
    def of_documents(cls, vectoriser: Vectoriser, documents: Sequence[Document]) -> Views:
        """The views of ``documents``; row n is document n as it is."""
        again = [n for n, document in enumerate(documents) if document.abstract]
        titles = vectoriser.rows(titles_alone(documents[n] for n in again))
        return cls.of_rows(vectoriser.rows(documents), titles, np.array(again, dtype=np.int64))

    @classmethod
    def of_rows(cls, rows: Any, titles: Any, again: NDArray[np.int64]) -> Views:
        """The views of papers as ``rows``; those at ``again`` have abstracts, and ``titles``."""
        from scipy import sparse

        both = sparse.vstack([rows, titles], format="csr")
        whole = np.zeros(both.shape[0], dtype=bool)
        whole[again] = True
        return cls(both, np.concatenate([np.arange(rows.shape[0]), again]), whole)

    def learn(
        self, relevant: NDArray[np.bool_], importance: Floats, own: NDArray[np.bool_]
    ) -> tuple[Floats, float]:
        """A term's weight (V,) and the constant, learned from papers whose importance is not 0.

        ``relevant``, ``importance`` and ``own``, what the curator decided, have a place for each
        paper.
        """
        from sklearn.linear_model import LogisticRegression

        weight = self._balanced(relevant[self.of], importance[self.of], own[self.of])
        used = np.flatnonzero(weight)
        model = LogisticRegression(C=_STRENGTH, solver="liblinear", dual=True, random_state=0)
        model.fit(self.rows[used], relevant[self.of][used], sample_weight=weight[used])
        return model.coef_[0], float(model.intercept_[0])

    def _balanced(
        self, relevant: NDArray[np.bool_], weight: Floats, own: NDArray[np.bool_]
    ) -> Floats:
        """(M,) weights by which relevant and other papers sum to the same in each view."""
        weight = weight.copy()
        mass = len(weight) / 4
        for kind in (self.whole & ~own, ~self.whole & ~own):
            cells = [kind & (relevant == wanted) for wanted in (True, False)]
            sums = [weight[cell].sum() for cell in cells]
            for cell, total in zip(cells, sums, strict=True):
                # A view that only one class has tells nothing but who has it.
                weight[cell] *= mass / total if min(sums) > 0 else 0.0
        others = bool(weight[~own].any())
        for cell in (own & relevant, own & ~relevant):
            count, total = np.count_nonzero(weight[cell]), weight[cell].sum()
            if total > 0:
                sure = min(1.0, count / _ENOUGH) if others else 1.0
                weight[cell] *= _OWN * mass * sure / total
        return weight


def fit(vectoriser: Vectoriser, examples: Sequence[Example]) -> Relevance | None:
    """The score learned from ``examples``, or None where too few were accepted or not."""
    relevant = np.array([example.relevant for example in examples], dtype=bool)
    if min(relevant.sum(), (~relevant).sum()) < FEWEST:
        return None
    documents = [example.document for example in examples]
    views = Views.of_documents(vectoriser, documents)
    importance = np.array([importance_of(example) for example in examples])
    parts = parts_of(examples)
    own = np.array([example.own for example in examples])
    fitted = [views.learn(relevant, importance * (parts != part), own) for part in range(PARTS)]
    found = Relevance(np.stack([w for w, _ in fitted]), np.array([c for _, c in fitted]))
    whole = np.array([bool(document.abstract) for document in documents])
    measured = whole if whole[relevant].any() else np.ones(len(examples), bool)
    scores = found.scores(views.rows[: len(examples)], parts)
    return _calibrated(found, scores[measured], relevant[measured])


def importance_of(example: Example) -> float:
    """How much a paper counts beside others of its class."""
    return 1.0 if example.decided else _UNDECIDED


def parts_of(examples: Sequence[Example]) -> NDArray[np.int64]:
    """(N,) the part that each paper is left out with."""
    return np.array([part_of(example.document.id, PARTS) for example in examples], dtype=np.int64)


def _calibrated(found: Relevance, scores: Floats, relevant: NDArray[np.bool_]) -> Relevance:
    """Platt's curve: a logistic regression of the decision on the score of a paper not seen."""
    from dataclasses import replace

    from sklearn.linear_model import LogisticRegression

    if min(relevant.sum(), (~relevant).sum()) < _FEWEST_TO_CALIBRATE:
        return found
    model = LogisticRegression(C=1e6).fit(scores[:, None], relevant)
    slope = float(model.coef_[0, 0])
    if slope <= 0:  # the score tells nothing of papers it has not seen
        return found
    return replace(found, slope=slope, shift=float(model.intercept_[0]))

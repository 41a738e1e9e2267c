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

from registry.triage.documents import Example, part_of
from registry.triage.features import Floats, Vectoriser, titles_alone

PARTS = 3
FEWEST = 5  # relevant papers, and others, below which nothing is learned
_STRENGTH = 1.0  # inverse of the ridge penalty
_UNDECIDED = 0.5  # the weight of a paper that merely waits beside one that was rejected
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


def fit(vectoriser: Vectoriser, examples: Sequence[Example]) -> Relevance | None:
    """The score learned from ``examples``, or None where too few were accepted or not."""
    relevant = np.array([example.relevant for example in examples], dtype=bool)
    if min(relevant.sum(), (~relevant).sum()) < FEWEST:
        return None
    rows, of = _views(vectoriser, examples)
    whole = np.array([bool(example.document.abstract) for example in examples])
    view = np.concatenate([whole, np.zeros(len(of) - len(examples), bool)])
    undecided = np.array([not example.decided for example in examples])
    parts = parts_of(examples)
    fitted = []
    for part in range(PARTS):
        kept = parts[of] != part
        weight = _balanced(relevant[of], view, undecided[of], kept)
        fitted.append(_logistic(rows[kept], relevant[of][kept], weight[kept]))
    found = Relevance(np.stack([w for w, _ in fitted]), np.array([c for _, c in fitted]))
    measured = whole if whole[relevant].any() else np.ones(len(examples), bool)
    scores = found.scores(rows[: len(examples)], parts)
    return _calibrated(found, scores[measured], relevant[measured])


def parts_of(examples: Sequence[Example]) -> NDArray[np.int64]:
    """(N,) the part that each paper is left out with."""
    return np.array([part_of(example.document.id, PARTS) for example in examples], dtype=np.int64)


def _views(vectoriser: Vectoriser, examples: Sequence[Example]) -> tuple[Any, NDArray[np.int64]]:
    """Every paper as it is, then those with an abstract by title alone; whose row each is."""
    from scipy import sparse

    documents = [example.document for example in examples]
    again = [n for n, document in enumerate(documents) if document.abstract]
    titles = vectoriser.rows(titles_alone(documents[n] for n in again))
    rows = sparse.vstack([vectoriser.rows(documents), titles], format="csr")
    return rows, np.array([*range(len(documents)), *again], dtype=np.int64)


def _balanced(
    relevant: NDArray[np.bool_],
    view: NDArray[np.bool_],
    undecided: NDArray[np.bool_],
    kept: NDArray[np.bool_],
) -> Floats:
    """(N,) weights by which relevant and other papers sum to the same in each view."""
    weight = np.where(undecided, _UNDECIDED, 1.0) * kept
    for shown in (True, False):
        cells = [(view == shown) & (relevant == wanted) for wanted in (True, False)]
        sums = [weight[cell].sum() for cell in cells]
        for cell, total in zip(cells, sums, strict=True):
            # A view that only one class has tells nothing but who has it.
            weight[cell] *= sum(sums) / (2 * total) if min(sums) > 0 else 0.0
    return np.asarray(weight)


def _logistic(rows: Any, labels: NDArray[np.bool_], weight: Floats) -> tuple[Floats, float]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=_STRENGTH, solver="liblinear", dual=True, random_state=0)
    used = weight > 0
    model.fit(rows[used], labels[used], sample_weight=weight[used])
    return model.coef_[0], float(model.intercept_[0])


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

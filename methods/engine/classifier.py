"""A small classifier of texts: TF-IDF of words and a ridge-penalised multinomial logistic model.

It is what an active learner trains again after every batch of labels, so it takes a fraction of a
second, is computed in float64, and is the same to the bit for the same rows in the same order: no
random start, no stochastic step.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_LEAST_TEXTS = 2  # a word that stands in one text alone tells nothing of another
_STEPS = 200  # of L-BFGS at most; fits of a few hundred rows end within fifty


@dataclass(frozen=True)
class Words:
    """Which words are looked at and what each weighs, as counted in some texts."""

    places: dict[str, int]
    weights: Tensor  # (D,) float64, inverse document frequency

    def features(self, texts: Sequence[str]) -> Tensor:
        """(N, D) float64: (1 + log count) x weight of each word, each row of length 1 or 0."""
        found = torch.zeros(len(texts), len(self.places), dtype=torch.float64)
        for row, text in zip(found, texts, strict=True):
            for word, count in Counter(words_of(text)).items():
                if (place := self.places.get(word)) is not None:
                    row[place] = 1 + math.log(count)
        found *= self.weights
        return found / found.norm(dim=1, keepdim=True).clamp(min=1e-300)


def words_of(text: str) -> list[str]:
    """Words in lower case; each mark that is no letter, digit or blank is a word of its own.

    >>> words_of("Can't WAIT!!")
    ['can', "'", 't', 'wait', '!', '!']
    """
    return re.findall(r"\w+|[^\w\s]", text.lower())


def count_words(texts: Sequence[str]) -> Words:
    """The words of ``texts`` that at least two of them have, weighed by log(texts / with it).

    A word of every text weighs nothing.
    """
    counts = Counter(word for text in texts for word in set(words_of(text)))
    kept = sorted(word for word, count in counts.items() if count >= _LEAST_TEXTS)
    weights = [math.log(len(texts) / counts[word]) for word in kept]
    return Words({w: i for i, w in enumerate(kept)}, torch.tensor(weights, dtype=torch.float64))


@dataclass(frozen=True)
class Classifier:
    """p(class | x) = softmax(W [x, 1]); ``weight`` is (K, D + 1), float64."""

    weight: Tensor

    def log_probabilities(self, features: Tensor) -> Tensor:
        """(N, K) in nats, of (N, D)."""
        return torch.log_softmax(features @ self.weight[:, :-1].T + self.weight[:, -1], -1)

    def probabilities(self, features: Tensor) -> Tensor:
        """(N, K), of (N, D)."""
        return self.log_probabilities(features).exp()

    def predicted(self, features: Tensor) -> Tensor:
        """(N,) int64, the likeliest class; of equal ones the first."""
        return self.log_probabilities(features).argmax(-1)


def objective(weight: Tensor, features: Tensor, labels: Tensor, ridge: float) -> Tensor:
    """-sum_i log p(y_i | x_i) + ridge / 2 ||W||^2, in nats: strictly convex for ridge > 0."""
    picked = Classifier(weight).log_probabilities(features).gather(1, labels[:, None])
    return ridge / 2 * weight.square().sum() - picked.sum()


def fit(features: Tensor, labels: Tensor, classes: int, ridge: float) -> Classifier:
    """The minimiser of ``objective``, from zero weights by L-BFGS with strong Wolfe steps.

    ``features`` (N, D) float64, ``labels`` (N,) int64. The constant's weight is penalised too, so
    that labels of one class alone have a finite fit.
    """
    weight = torch.zeros(classes, features.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS(
        [weight], max_iter=_STEPS, tolerance_grad=1e-7, tolerance_change=1e-12,
        history_size=20, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        search.zero_grad()
        value = objective(weight, features, labels, ridge)
        value.backward()
        return value

    with torch.enable_grad():
        search.step(closure)
    return Classifier(weight.detach())

"""The registry's own active-learning strategies, on arrays: which papers to show a curator next.

``methods/active`` holds each strategy as its paper has it, on torch tensors; this package imports
no torch, so their rules stand here once more in NumPy, and a test that may import both holds them
equal. Features may be sparse. Where two papers score alike, the seeded order decides.

With two classes, least confidence, margin and entropy give one order: nearest to one half first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from registry.triage.features import Floats

Chooser = Callable[["Floats", Any, Any, int, np.random.Generator], list[int]]
"""(probabilities (U, K), rows (U, V), labelled rows (L, V), count, randomness) -> places in U."""


def unconfidence(probabilities: Floats) -> Floats:
    """1 - max_k p_k of each row of (N, K)."""
    return np.asarray(1 - probabilities.max(-1))


def margin(probabilities: Floats) -> Floats:
    """p_1 - p_2, the two likeliest classes of each row of (N, K)."""
    ordered = np.sort(probabilities, axis=-1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def entropy(probabilities: Floats) -> Floats:
    """-sum_k p_k log p_k of each row of (N, K), in nats; a class of p = 0 adds 0."""
    logs = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return np.asarray(-(probabilities * logs).sum(-1))


def errors(probabilities: Floats) -> Floats:
    """p - e_y^ of each row of (N, K), y^ its likeliest class: BADGE's gradient in the logits."""
    found = probabilities.copy()
    found[np.arange(len(found)), probabilities.argmax(-1)] -= 1
    return found


def seeding_weights(nearest: Floats) -> Floats:
    """The chance of each to be drawn next by k-means++; -1 in ``nearest`` marks those drawn."""
    weights = np.maximum(nearest, 0)
    if not weights.any():
        weights = (nearest >= 0).astype(float)
    return np.asarray(weights / weights.sum())


def diverse_gradients(
    probabilities: Floats, rows: Any, count: int, randomness: np.random.Generator
) -> list[int]:
    """BADGE: places of ``count`` texts by k-means++ seeding on their gradient embeddings."""
    away = gradient_distances(probabilities, rows)
    nearest = np.ones(len(probabilities))
    chosen: list[int] = []
    for number in range(count):
        place = int(randomness.choice(len(nearest), p=seeding_weights(nearest)))
        nearest = away(place) if number == 0 else np.minimum(nearest, away(place))
        chosen.append(place)
        nearest[chosen] = -1.0
    return chosen


def gradient_distances(probabilities: Floats, rows: Any) -> Callable[[int], Floats]:
    """From a place to the squared distances (N,) of every gradient embedding from its own."""
    a = errors(probabilities)
    norms = (a**2).sum(1) * _squares(rows)

    def away(place: int) -> Floats:
        products = (a @ a[place]) * _products(rows, rows[[place]])[:, 0]
        return np.asarray(np.maximum(norms + norms[place] - 2 * products, 0))

    return away


def k_center_greedy(
    rows: Any, centres: Any, count: int, randomness: np.random.Generator
) -> list[int]:
    """Core-set: places of ``count`` texts, each the farthest from all centres before it."""
    order = randomness.permutation(rows.shape[0])
    shuffled, chosen = rows[order], []
    squares = _squares(shuffled)
    nearest = np.full(len(order), np.inf)
    for start in range(0, centres.shape[0], 256):  # all at once would fill the memory
        block = centres[start : start + 256]
        cross = squares[:, None] + _squares(block) - 2 * _products(shuffled, block)
        nearest = np.minimum(nearest, np.maximum(cross, 0).min(1))
    for _ in range(count):
        place = int(nearest.argmax())
        chosen.append(place)
        new = squares + squares[place] - 2 * _products(shuffled, shuffled[[place]])[:, 0]
        nearest = np.minimum(nearest, np.maximum(new, 0))
        nearest[chosen] = -1.0
    return [int(order[place]) for place in chosen]


def highest(scores: Floats, count: int, randomness: np.random.Generator) -> list[int]:
    """Places of the ``count`` highest of ``scores`` (U,), best first; ties in random order."""
    order = randomness.permutation(len(scores))
    ranked = order[np.argsort(-scores[order], kind="stable")]
    return [int(place) for place in ranked[:count]]


CHOOSERS: dict[str, Chooser] = {
    "relevance": lambda p, rows, labelled, n, r: highest(p[:, 1], n, r),
    "least-confidence": lambda p, rows, labelled, n, r: highest(unconfidence(p), n, r),
    "margin": lambda p, rows, labelled, n, r: highest(-margin(p), n, r),
    "entropy": lambda p, rows, labelled, n, r: highest(entropy(p), n, r),
    "badge": lambda p, rows, labelled, n, r: diverse_gradients(p, rows, n, r),
    "coreset": lambda p, rows, labelled, n, r: k_center_greedy(rows, labelled, n, r),
    "random": lambda p, rows, labelled, n, r: highest(np.zeros(len(p)), n, r),
}
"""Strategy -> what chooses by it. ``relevance`` and ``random`` are no methods of the register."""
ALIASES = {"uncertainty": "least-confidence"}
STRATEGIES: tuple[str, ...] = (*CHOOSERS, *ALIASES)


def chooser(strategy: str, known: Sequence[str] = STRATEGIES) -> Chooser:
    """What chooses by ``strategy``. Raises UnknownNameError."""
    from registry.core.errors import UnknownNameError

    name = ALIASES.get(strategy, strategy)
    if name not in CHOOSERS:
        raise UnknownNameError("strategy", strategy, known, "registry triage simulate --help")
    return CHOOSERS[name]


def _squares(rows: Any) -> Floats:
    squared = rows.multiply(rows) if hasattr(rows, "multiply") else rows * rows
    return np.asarray(squared.sum(axis=1)).ravel()


def _products(rows: Any, others: Any) -> Floats:
    found = rows @ others.T
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found)

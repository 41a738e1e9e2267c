"""How good an order of screening is: what a curator finds, and how much need not be read.

``found`` is the order of screening: for each paper shown, whether it was relevant. Definitions are
those of ASReview's simulations: N papers, R of them relevant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Found = Sequence[bool]


def recall_curve(found: Found) -> list[float]:
    """The share of the relevant papers found after 1, 2, ..., N papers shown.

    >>> recall_curve([True, False, True, False])
    [0.5, 0.5, 1.0, 1.0]
    """
    total = _relevant(found)
    curve, so_far = [], 0
    for one in found:
        so_far += one
        curve.append(so_far / total)
    return curve


def screened_at(found: Found, recall: float = 0.95) -> int:
    """How many papers were shown when at least ``recall`` of the relevant ones had been.

    >>> screened_at([True, False, True, False], 0.95), screened_at([True, False, True, False], 0.5)
    (3, 1)
    """
    if not 0 < recall <= 1:
        raise ValueError(f"a recall is above 0 and at most 1, not {recall}")
    # A hair less, so that 0.95 of 20 is 19 whatever the last bit says.
    wanted, so_far = math.ceil(recall * _relevant(found) - 1e-9), 0
    for number, one in enumerate(found, start=1):
        so_far += one
        if so_far >= wanted:
            return number
    raise AssertionError("all are found at the end")


def wss(found: Found, recall: float = 0.95) -> float:
    """Work saved over sampling: the share not shown at that recall, less what chance would save.

    (N - screened) / N - (1 - recall). A random order gives 0 on average, the best of all
    ``best_wss``.

    >>> wss([True] + [False] * 9, 0.95)  # 9 of 10 need not be read
    0.85
    """
    return round((len(found) - screened_at(found, recall)) / len(found) - (1 - recall), 12)


def best_wss(found: Found, recall: float = 0.95) -> float:
    """The work saved by the best order: it shrinks as relevant papers become frequent."""
    return wss(sorted(found, reverse=True), recall)


def rrf(found: Found, share: float = 0.1) -> float:
    """Relevant references found: recall when ``share`` of all papers has been shown.

    >>> rrf([True, False, True] + [False] * 7, 0.1)
    0.5
    """
    shown = math.floor(share * len(found) + 1e-9)
    return sum(found[:shown]) / _relevant(found)


def atd(found: Found) -> float:
    """Average time to discovery: the mean place of a relevant paper, as a share of N.

    >>> atd([True, False, True, False])  # places 1 and 3 of 4
    0.5
    """
    places = [number for number, one in enumerate(found, start=1) if one]
    return sum(places) / _relevant(found) / len(found)


def average_precision(found: Found) -> float:
    """The mean, over the relevant papers, of the precision when each is shown.

    >>> average_precision([True, False, True, False]) == (1 / 1 + 2 / 3) / 2
    True
    """
    so_far, precisions = 0, []
    for number, one in enumerate(found, start=1):
        so_far += one
        if one:
            precisions.append(so_far / number)
    return math.fsum(precisions) / _relevant(found)


def _relevant(found: Found) -> int:
    total = sum(found)
    if total == 0:
        raise ValueError("no relevant paper: there is nothing to find")
    return total

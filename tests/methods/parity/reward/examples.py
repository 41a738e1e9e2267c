"""The worked example that our Bradley-Terry loss and the peers' are computed on, in float64.

Seven rewards: four answers to one prompt, whose gold scores make six pairs, three to another, of
which two are equally good: two pairs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from methods.reward.bt_rm import compared, pair_weights, preference_loss

F64 = torch.float64
GOLD = ((0.3, -0.2, 0.9, 0.0), (0.5, 0.5, -1.0))
MARGIN, CENTERING = 0.7, 0.05
PAIRS = [
    (start + w, start + x, gap, len(compared(gold)))
    for start, gold in zip((0, 4), GOLD, strict=True)
    for w, x, gap in compared(gold)
]
WIN, LOSE = ([p[i] for p in PAIRS] for i in (0, 1))
GAPS = torch.tensor([p[2] for p in PAIRS], dtype=F64)
COUNTS = torch.tensor([p[3] for p in PAIRS])


def rewards() -> Tensor:
    """(7,) numbers between -2 and 2."""
    return 4 * torch.rand(7, generator=torch.Generator().manual_seed(6), dtype=F64) - 2


def sides(scores: Tensor) -> tuple[Tensor, Tensor]:
    """(preferred, other), (8,) each."""
    return scores[WIN], scores[LOSE]


def plain(scores: Tensor) -> Tensor:
    """Every pair alike, as one who has each from a prompt of its own would."""
    return preference_loss(*sides(scores)).mean()


def with_margin(scores: Tensor) -> Tensor:
    return preference_loss(*sides(scores), MARGIN * GAPS).mean()


def centered(scores: Tensor) -> Tensor:
    return preference_loss(*sides(scores), centering=CENTERING).mean()


def by_prompt(scores: Tensor) -> Tensor:
    """Every prompt alike, as in Eq. 1."""
    return (pair_weights(COUNTS, 2) * preference_loss(*sides(scores))).sum()

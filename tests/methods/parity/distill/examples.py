"""One worked example for every peer: two answers of three tokens, and a ragged batch of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from methods.distill.gkd import gkd_loss
from methods.distill.kd import kd_loss
from methods.engine.divergence import Divergence, generalised_jsd

F64 = torch.float64
VOCABULARY, WIDTH, BETA, TEMPERATURE = 7, 5, 0.3, 2.0
EVEN = torch.tensor([[True, True, True], [True, True, True]])
RAGGED = torch.tensor([[True, True, True], [True, False, False]])
LABELS = torch.tensor([[3, 0, 6], [2, 5, 1]])


def noise(seed: int, *shape: int, scale: float = 1.5) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return scale * (2 * torch.rand(*shape, generator=draw, dtype=F64) - 1)


def student() -> Tensor:
    """Logits (2, 3, V)."""
    return noise(0, 2, 3, VOCABULARY)


def teacher() -> Tensor:
    """Logits (2, 3, V)."""
    return noise(1, 2, 3, VOCABULARY)


def heads() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Hidden states (6, D) and weight (V, D) of the student, and the teacher's."""
    return (
        noise(2, 6, WIDTH), noise(3, VOCABULARY, WIDTH), noise(4, 6, WIDTH),
        noise(5, VOCABULARY, WIDTH),
    )  # fmt: skip


jsd = partial(generalised_jsd, beta=BETA)


def by_position(fn: Divergence, ours: Tensor, theirs: Tensor, temperature: float) -> Tensor:
    """``fn`` of logits (2, 3, V) at ``temperature``, (2, 3)."""
    q = (ours / temperature).log_softmax(-1).flatten(0, 1)
    return fn(q, (theirs / temperature).log_softmax(-1).flatten(0, 1)).view(ours.shape[:2])


def our_gkd(
    fn: Divergence, mask: Tensor = EVEN, temperature: float = 1.0
) -> Callable[[Tensor], Tensor]:
    """GKD's loss of the student's logits (2, 3, V)."""
    return lambda ours: gkd_loss(by_position(fn, ours, teacher(), temperature), mask, 2)


def our_kd(
    fn: Divergence, ours: Tensor, theirs: Tensor, temperature: float, hard_weight: float
) -> Tensor:
    """KD's loss of logits (2, 3, V)."""
    logp = ours.log_softmax(-1).gather(-1, LABELS[..., None])[..., 0]
    divergence = by_position(fn, ours, theirs, temperature)
    return kd_loss(divergence, logp, EVEN, 6, temperature, hard_weight)

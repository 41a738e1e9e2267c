"""Our merges of one tensor, as functions of the start and the models."""

from __future__ import annotations

import torch
from torch import Tensor

from methods.merge.dare import drop_and_rescale
from methods.merge.task_arithmetic import add_task_vectors, task_vector
from methods.merge.ties import kept_count, largest, ties, trim


def our_task_arithmetic(base: Tensor, *models: Tensor, scale: float) -> Tensor:
    """By task arithmetic."""
    return add_task_vectors(base, [task_vector(m, base) for m in models], scale)


def our_ties(base: Tensor, *models: Tensor, density: float, scale: float) -> Tensor:
    """By TIES, with this tensor as the whole model."""
    vectors = [task_vector(m, base) for m in models]
    trimmed = [trim(v, largest(lambda v=v: [v], kept_count(density, v.numel()))) for v in vectors]
    return ties(base, torch.stack(trimmed), scale)


def our_dare(
    base: Tensor, *models: Tensor, masks: list[Tensor], drop_rate: float, scale: float,
    rescale: bool = True,
) -> Tensor:  # fmt: skip
    """By DARE under given masks."""
    vectors = [
        drop_and_rescale(task_vector(m, base), keep, drop_rate, rescale=rescale)
        for m, keep in zip(models, masks, strict=True)
    ]
    return add_task_vectors(base, vectors, scale)

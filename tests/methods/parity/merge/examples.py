"""The tensors that merging is compared on: a start, two models, and what makes a number of them."""

from __future__ import annotations

import torch
from torch import Tensor

F64 = torch.float64


def noise(seed: int, *shape: int) -> Tensor:
    """Standard normal, float64, the same everywhere."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def probe(tensor: Tensor) -> Tensor:
    """A scalar in which every entry of a merged tensor weighs differently."""
    weights = torch.linspace(0.5, 1.5, tensor.numel(), dtype=tensor.dtype)
    return (tensor.flatten() * weights).sum()


BASE, FIRST, SECOND = noise(0, 10, 10), noise(1, 10, 10), noise(2, 10, 10)
MODELS = [BASE, BASE + 0.1 * FIRST, BASE + 0.1 * SECOND]
# Task vectors with a coordinate where the two cancel exactly: 0.5 and -0.5.
CANCELLING = [
    torch.zeros(4, dtype=F64),
    torch.tensor([1.0, 0.5, -2.0, 0.25], dtype=F64),
    torch.tensor([0.5, -0.5, -1.0, 0.75], dtype=F64),
]
# Half of four values are kept, and the second largest magnitude stands there twice.
EQUAL = [
    torch.zeros(4, dtype=F64),
    torch.tensor([3.0, 1.0, -1.0, 0.5], dtype=F64),
    torch.tensor([2.0, 1.5, -0.25, -0.5], dtype=F64),
]

"""How far a predicted law lies from a known one, and what simple forecasters predict.

Float64 throughout. A law of the next number is the mass of each bin, (..., B), summing to 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from methods.engine.results import Estimate
from methods.incontext.digits import Scale
from methods.incontext.laws import gaussian_masses


def bhattacharyya(p: Tensor, q: Tensor) -> Tensor:
    """-log of the sum of sqrt(p q) over the last dimension, in nats: 0 where the laws are one.

    Infinite where they share no bin.
    """
    return -(p * q).sqrt().sum(-1).clamp(max=1.0).log()


def bhattacharyya_of_gaussians(
    mean_1: float, spread_1: float, mean_2: float, spread_2: float
) -> float:
    """The same for two normal densities, in closed form."""
    variance = spread_1**2 + spread_2**2
    return (mean_1 - mean_2) ** 2 / (4 * variance) + 0.5 * math.log(
        variance / (2 * spread_1 * spread_2)
    )


def power_law(lengths: Sequence[float], values: Tensor) -> tuple[float, float]:
    """(c, alpha) of values = c * lengths^-alpha by least squares of the logarithms."""
    x = torch.tensor([math.log(n) for n in lengths], dtype=torch.float64)
    y = values.double().clamp(min=1e-12).log()
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum())
    return math.exp(float(y.mean()) - slope * float(x.mean())), -slope


def exponent(
    lengths: Sequence[float], table: Tensor, generator: torch.Generator, resamples: int = 1000
) -> Estimate:
    """alpha of the mean over series, (series, lengths), with a bootstrap interval over series."""
    _, alpha = power_law(lengths, table.mean(0))
    n = len(table)
    device = generator.device
    picks = torch.randint(n, (resamples, n), generator=generator, device=device).cpu()
    found = torch.tensor([power_law(lengths, table[pick].mean(0))[1] for pick in picks])
    low, high = found.double().quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return Estimate(alpha, (low, high), n)


# --- forecasters that know nothing of language ---------------------------------------------------


def naive_gaussian(context: Tensor, scale: Scale) -> Tensor:
    """(B,) masses of a normal law with the mean and spread of ``context``, (n,) with n > 1."""
    return _normal(context.mean(), context.var(correction=1), scale)


def persistence(context: Tensor, scale: Scale) -> Tensor:
    """(B,) masses of a normal law about the last value, as wide as its steps, (n,) with n > 1."""
    return _normal(context[-1], context.diff().square().mean(), scale)


def unigram(context: Tensor, scale: Scale) -> Tensor:
    """(B,) how often each bin was met so far, with one count spread over all bins."""
    counts = torch.bincount(scale.codes(context), minlength=scale.bins).double()
    return (counts + 1 / scale.bins) / (len(context) + 1)


def _normal(mean: Tensor, variance: Tensor, scale: Scale) -> Tensor:
    # Never narrower than what a bin hides of its values.
    spread = (variance + scale.width**2 / 12).sqrt()
    return gaussian_masses(mean[None], spread[None], scale)[0]

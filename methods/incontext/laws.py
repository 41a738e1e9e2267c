"""Series whose law is known: drawn from a seed, with the law of each next number given the last.

All are Markov: the law of number t follows from number t - 1 alone. Test systems are after
2402.00795; the systems that a small model learns from (``lessons``) are of other kinds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from methods.incontext.digits import Scale
from methods.incontext.options import LawName

Masses = Callable[[Tensor, Scale], Tensor]
"""(N,) last values, how numbers are written -> (N, B) the mass of each bin, float64."""

Lessons = Literal["chains", "waves"]


@dataclass(frozen=True)
class Series:
    """One series (T,), float64, and the law that each next number follows."""

    values: Tensor
    law: Masses


def normal_cdf(x: Tensor) -> Tensor:
    """The standard normal's distribution function."""
    return 0.5 * torch.erfc(-x / math.sqrt(2.0))


def gaussian_masses(mean: Tensor, spread: Tensor | float, scale: Scale) -> Tensor:
    """(N,) means, (N,) or one standard deviation -> (N, B) masses; 0 spread is a point.

    Where the series is constant there is one bin to write in, and it has all the mass.
    """
    if not isinstance(spread, Tensor):
        spread = torch.full_like(mean, spread)
    gap = scale.edges()[None, :] - mean[:, None]
    below = normal_cdf(gap / spread.clamp(min=1e-300)[:, None])
    ends = torch.zeros(len(mean), 1, dtype=torch.float64)
    masses = torch.diff(torch.cat([ends, below, ends + 1], 1), dim=1)
    sharp = (spread == 0) | (scale.high == scale.low)
    return torch.where(sharp[:, None], point_masses(torch.eye(len(mean)), mean, scale), masses)


def point_masses(chances: Tensor, points: Tensor, scale: Scale) -> Tensor:
    """(N, K) chances of the values ``points`` (K,) -> (N, B) masses, where each is written."""
    masses = torch.zeros(len(chances), scale.bins, dtype=torch.float64)
    # By the numbers written and not by the edges: rounding must not part the two at an edge.
    return masses.index_add(1, scale.codes(points), chances.double())


def draw(name: LawName, generator: torch.Generator, length: int) -> Series:
    """One series of ``length`` numbers of the test system ``name``."""
    if name == "markov-chain":
        return _markov(generator, length, states=5)
    step, spread, first = {
        "brownian-motion": (lambda x: x, 1.0, 0.0),
        "logistic-map": (lambda x: 3.9 * x * (1 - x), 0.0, None),
        # At the r of 3.9 of the map without noise, noise would throw the series out of (0, 1).
        "noisy-logistic-map": (lambda x: 3.7 * x * (1 - x), 0.0136, None),
        "iid-gaussian": (lambda x: 0 * x, 1.0, None),
    }[name]
    start = _uniform(generator, 0.1, 0.9, 1) if first is None else torch.zeros(1).double()
    values = _iterated(step, torch.tensor(spread).double(), start, generator, length)[0]
    return Series(values, lambda last, scale: gaussian_masses(step(last), spread, scale))


def lessons(generator: torch.Generator, count: int, length: int, mostly: Lessons) -> Tensor:
    """(count, T) series that a small model learns from, each with parameters of its own.

    Five of eight are of the kind ``mostly`` names: chains of 2, 3, 4, 6 or 7 states, half of them
    near a permutation, or sums of two waves. One is noise that reverts to its mean in 0.3 to 30
    steps; one a noisy tent, sine or cubic map; one repeats 2 to 7 random levels, half of these with
    noise. No test system is among them: the chain tested has 5 states, Brownian motion never
    reverts, a pendulum is no sum of waves.
    """
    most = _chained if mostly == "chains" else _waves
    kinds = (most, most, _reverting, most, _mapped, most, _periodic, most)
    sizes = [count // 8 + (place < count % 8) for place in range(8)]
    made = [kind(generator, n, length) for kind, n in zip(kinds, sizes, strict=True)]
    order = torch.randperm(count, generator=generator)
    return torch.cat(made)[order]


def _uniform(generator: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    unit = torch.rand(shape, generator=generator, dtype=torch.float64)
    return low + (high - low) * unit


def _reverting(generator: torch.Generator, count: int, length: int) -> Tensor:
    pull = (-1 / (0.3 * 100 ** _uniform(generator, 0, 1, count))).exp()
    first = torch.zeros(count, dtype=torch.float64)
    return _iterated(lambda x: pull * x, first + 1, first, generator, length)


def _mapped(generator: torch.Generator, count: int, length: int) -> Tensor:
    height = _uniform(generator, 0.75, 0.98, count)
    kind = torch.randint(3, (count,), generator=generator)

    def step(x: Tensor) -> Tensor:
        tent = 2 * torch.minimum(x, 1 - x)
        sine = torch.sin(math.pi * x)
        cubic = 1.5 * math.sqrt(3) * x * (1 - x * x)
        return height * torch.where(kind == 0, tent, torch.where(kind == 1, sine, cubic))

    noise = _uniform(generator, 0.0, 0.02, count)
    first = _uniform(generator, 0.1, 0.9, count)
    return _iterated(step, noise, first, generator, length, clamp=True)


def _periodic(generator: torch.Generator, count: int, length: int) -> Tensor:
    period = torch.randint(2, 8, (count, 1), generator=generator)
    levels = _uniform(generator, 0, 1, count, 7)
    noise = _uniform(generator, -0.05, 0.05, count, 1).clamp(min=0)
    waves = levels.gather(1, torch.arange(length) % period)
    return waves + noise * torch.randn(count, length, generator=generator, dtype=torch.float64)


def _waves(generator: torch.Generator, count: int, length: int) -> Tensor:
    period = 4 * 10 ** _uniform(generator, 0, 1, count, 2, 1)  # 4 to 40 steps
    phase = _uniform(generator, 0, 2 * math.pi, count, 2, 1)
    height = torch.cat(
        [torch.ones(count, 1, 1).double(), _uniform(generator, 0, 1, count, 1, 1)], 1
    )
    waves = height * torch.sin(2 * math.pi * torch.arange(length) / period + phase)
    noise = 0.02 * torch.randn(count, length, generator=generator, dtype=torch.float64)
    return waves.sum(1) + noise


def _chained(generator: torch.Generator, count: int, length: int) -> Tensor:
    """Half with random transitions, half near a permutation: there each state comes as often as any
    other, so that nothing but the order tells what follows."""
    states = torch.tensor([2, 3, 4, 6, 7])[torch.randint(5, (count,), generator=generator)]
    known = torch.arange(7) < states[:, None]
    weights = _weights(generator, count, 7, 7) * known[:, None]
    chances = weights / weights.sum(-1, keepdim=True)
    # Those beyond the number of states are sorted behind and permute among themselves.
    order = (_uniform(generator, 0, 1, count, 7) + ~known).argsort(1)
    chance = _uniform(generator, 0, 0.4, count, 1, 1)
    even = known[:, None] / states[:, None, None].double()
    ordered = (1 - chance) * torch.eye(7, dtype=torch.float64)[order] + chance * even
    half = count // 2
    return _walk(generator, torch.cat([ordered[:half], chances[half:]]), length).double()


def _weights(generator: torch.Generator, *shape: int) -> Tensor:
    """Cubes of exponential variables: most rows favour one or two states, and each is possible."""
    return (-_uniform(generator, 0, 1, *shape).clamp(min=1e-300).log()) ** 3 + 1e-3


def _walk(generator: torch.Generator, chances: Tensor, length: int) -> Tensor:
    """(N, K, K) transitions -> (N, T) int64 paths that begin in state 0."""
    paths = [torch.zeros(len(chances), dtype=torch.int64)]
    each = torch.arange(len(chances))
    for _ in range(length - 1):
        row = chances[each, paths[-1]]
        paths.append(torch.multinomial(row, 1, generator=generator)[:, 0])
    return torch.stack(paths, 1)


def _iterated(
    step: Callable[[Tensor], Tensor],
    spread: Tensor,
    first: Tensor,
    generator: torch.Generator,
    length: int,
    clamp: bool = False,
) -> Tensor:
    """(N, T): x -> step(x) + spread * noise from ``first``, (N,)."""
    noise = torch.randn(len(first), length, generator=generator, dtype=torch.float64)
    values = [first]
    for t in range(1, length):
        new = step(values[-1]) + spread * noise[:, t]
        values.append(new.clamp(0.0, 1.0) if clamp else new)
    return torch.stack(values, 1)


def _markov(generator: torch.Generator, length: int, states: int) -> Series:
    """A chain on 0..states-1 with transitions drawn anew."""
    weights = _weights(generator, states, states)
    chances = weights / weights.sum(1, keepdim=True)
    path = _walk(generator, chances[None], length)[0]
    points = torch.arange(states, dtype=torch.float64)
    return Series(
        points[path], lambda last, scale: point_masses(chances[last.long()], points, scale)
    )

"""Means with their 95 % intervals: over seeds, or from the intervals of single runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Bounds = tuple[float, float]

# 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom.
_T = (
    12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157,
    2.228139, 2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922,
    2.093024, 2.085963, 2.079614, 2.073873, 2.068658, 2.063899, 2.059539, 2.055529, 2.051831,
    2.048407, 2.045230, 2.042272,
)  # fmt: skip
_Z = 1.959963984540054


@dataclass(frozen=True)
class Mean:
    """A mean and its 95 % interval."""

    value: float
    interval: Bounds


def t_quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's t. Raises ValueError below one degree of freedom."""
    if freedom < 1:
        raise ValueError("Student's t needs at least one degree of freedom")
    if freedom <= len(_T):
        return _T[freedom - 1]
    # Cornish and Fisher's expansion around the normal: right to 1e-6 from here on.
    z, n = _Z, freedom
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


def mean_over_seeds(
    values: Sequence[float], own: Bounds | None = None, within: Bounds | None = None
) -> Mean:
    """The mean with Student's interval over seeds.

    One value has no spread to go by: then the run's ``own`` interval stands, or the value alone.
    ``within`` are the least and the most that the measure can be; Student knows of no such bounds,
    so the interval is cut off there.
    Raises ValueError where there is no value.
    """
    if not values:
        raise ValueError("a mean of nothing")
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return Mean(mean, own if own is not None else (mean, mean))
    variance = math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)
    half = t_quantile(len(values) - 1) * math.sqrt(variance / len(values))
    low, high = within or (-math.inf, math.inf)
    return Mean(mean, (max(mean - half, low), min(mean + half, high)))


def range_of(
    unit: str | None, values: Sequence[float], own: Sequence[Bounds | None] = ()
) -> Bounds | None:
    """The least and the most that a measure of ``unit`` can be, or None where nothing bounds it.

    A difference of two fractions carries their unit and may be below 0: a value, or the ``own``
    interval of a run, that leaves 0 to 1 tells it from a fraction.
    """
    seen = [*values, *(end for bounds in own if bounds is not None for end in bounds)]
    return (0.0, 1.0) if unit == "fraction" and min(seen) >= 0 and max(seen) <= 1 else None


def paired_difference(
    left: Sequence[float],
    right: Sequence[float],
    left_own: Bounds | None = None,
    right_own: Bounds | None = None,
) -> Mean:
    """The mean of left - right, paired by place, with Student's interval over the pairs.

    With one pair the two runs' own intervals are combined (each side's distance to its bound, in
    squares), as for independent samples: wider than need be where both share held-out items.
    """
    if len(left) != len(right):
        raise ValueError(f"{len(left)} values against {len(right)}: they are paired")
    differences = [a - b for a, b in zip(left, right, strict=True)]
    if len(differences) == 1:
        low = math.hypot(_below(left[0], left_own), _above(right[0], right_own))
        high = math.hypot(_above(left[0], left_own), _below(right[0], right_own))
        return Mean(differences[0], (differences[0] - low, differences[0] + high))
    return mean_over_seeds(differences)


def _below(value: float, own: Bounds | None) -> float:
    return max(0.0, value - own[0]) if own else 0.0


def _above(value: float, own: Bounds | None) -> float:
    return max(0.0, own[1] - value) if own else 0.0

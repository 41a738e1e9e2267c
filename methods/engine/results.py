"""What a run found: quantities before and after, with the interval each one deserves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

Interval = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """A mean over ``n`` held-out items with its 95 % interval."""

    mean: float
    interval: Interval
    n: int

    @classmethod
    def of_fraction(cls, successes: float, n: int) -> Estimate:
        """A fraction of ``n`` trials; Wilson's score interval, which is right near 0 and 1 too."""
        if not 0 <= successes <= n or n < 1:
            raise ValueError(f"{successes} successes of {n} trials are no fraction")
        return cls(successes / n, _wilson(successes / n, n), n)

    @classmethod
    def of_values(cls, values: Sequence[float]) -> Estimate:
        """A mean of independent values; normal interval, sample standard deviation.

        One value alone says nothing of its spread: the interval is then the value.
        """
        n = len(values)
        if n < 1:
            raise ValueError("a mean of nothing")
        mean = math.fsum(values) / n
        variance = math.fsum((v - mean) ** 2 for v in values) / max(1, n - 1)
        half = 1.959964 * math.sqrt(variance / n)
        return cls(mean, (mean - half, mean + half), n)

    @classmethod
    def of_fractions(cls, values: Sequence[float]) -> Estimate:
        """A mean of independent values in [0, 1], such as pass@k of each problem.

        Wilson's interval for as many coin tosses as have the values' own spread, so that it stays
        in [0, 1] and has a width also where every value is 0 or every value is 1.
        """
        plain = cls.of_values(values)
        mean, n = min(1.0, max(0.0, plain.mean)), len(values)
        spread = math.fsum((v - mean) ** 2 for v in values) / max(1, n - 1)
        tosses = n * mean * (1 - mean) / spread if spread > 0 and 0 < mean < 1 else float(n)
        return cls(mean, _wilson(mean, tosses), n)

    def to_json(self) -> dict[str, Any]:
        """A plain object, the inverse of ``from_json``."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Estimate:
        """An estimate as ``to_json`` gave it."""
        low, high = data["interval"]
        return cls(data["mean"], (low, high), data["n"])


def _wilson(p: float, n: float) -> Interval:
    z = 1.959964
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At 0 and 1 an end is the fraction itself, which rounding would leave outside.
    return max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))


@dataclass(frozen=True)
class Measure:
    """One quantity, before and after."""

    name: str
    title: str
    unit: str
    higher_is_better: bool
    before: Estimate | None
    after: Estimate

    @classmethod
    def between(
        cls,
        name: str,
        title: str,
        unit: str,
        higher_is_better: bool,
        before: dict[str, Any],
        after: dict[str, Any],
    ) -> Measure:
        """From two estimates as ``Estimate.to_json`` gave them: a resumed run reads them back."""
        then, now = Estimate.from_json(before), Estimate.from_json(after)
        return cls(name, title, unit, higher_is_better, then, now)

    def to_json(self) -> dict[str, Any]:
        """The object of ``results.json``."""
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "higher_is_better": self.higher_is_better,
            "before": self.before.mean if self.before else None,
            "before_interval": list(self.before.interval) if self.before else None,
            "after": self.after.mean,
            "after_interval": list(self.after.interval),
            "n": self.after.n,
        }


@dataclass(frozen=True)
class Results:
    """``results.json``: the key measure is the first."""

    measures: tuple[Measure, ...]
    curves: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = field(default=())

    def to_json(self, train_seconds: float) -> dict[str, Any]:
        """The whole object, with the seconds spent in optimiser steps."""
        return {
            "key": self.measures[0].name,
            "measures": [m.to_json() for m in self.measures],
            "curves": list(self.curves),
            "notes": list(self.notes),
            "train_seconds": round(train_seconds, 3),
        }

"""Axes: where the ticks stand and what they say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """A range of values with its ticks; ``fraction`` is a value's place from 0 to 1."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]
    log: bool = False

    def fraction(self, value: float) -> float:
        """Where ``value`` stands between ``low`` (0) and ``high`` (1)."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def linear_axis(values: Sequence[float], count: int, *, tight: bool = False) -> Axis:
    """About ``count`` round ticks around ``values``; ``tight`` ends the axis at the values."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    size = max(abs(low), abs(high))
    if size < 1e-300:  # below that, a step between ticks has no digits left
        low, high = -1.0, 1.0
    elif high - low <= 1e-12 * size:
        low, high = low - 0.1 * size, high + 0.1 * size
    step = _round_step((high - low) / count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [n * step for n in range(first, last + 1)]
    if tight:
        ticks = [t for t in ticks if low - step * 1e-6 <= t <= high + step * 1e-6] or [low, high]
    else:
        low, high = ticks[0], ticks[-1]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return Axis(low, high, tuple(ticks), tuple(_tick(t, decimals) for t in ticks))


def log_axis(values: Sequence[float]) -> Axis:
    """The values themselves as ticks where they are few (1, 2, 4, ...), else powers of ten."""
    positive = sorted({v for v in values if v > 0}) or [1.0, 10.0]
    low, high = positive[0], positive[-1]
    if low == high:
        low, high = low / 2, high * 2
    ticks = positive
    if len(positive) > 9:
        decades = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
        ticks = [10.0**power for power in decades] or [low, high]
    return Axis(low, high, tuple(ticks), tuple(format_number(t) for t in ticks), log=True)


def format_number(value: float) -> str:
    """Four significant digits without noise: 0.5, 1234, 1e-05."""
    if not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    if abs(value) >= 10_000 and value == round(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _tick(value: float, decimals: int) -> str:
    if decimals > 6 or abs(value) >= 1e9:
        return f"{value:.3g}"
    shown = f"{value:,.{decimals}f}"
    return shown.lstrip("-") if float(shown.replace(",", "")) == 0 else shown


def _round_step(rough: float) -> float:
    power: float = 10.0 ** math.floor(math.log10(rough))
    return power * next(m for m in (1, 2, 2.5, 5, 10) if rough <= m * power * (1 + 1e-9))

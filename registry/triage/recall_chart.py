"""Recall curves as one chart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from registry.catalog.models import Curve, Series

SHARES = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8,
          0.9, 1.0)  # fmt: skip
"""How much of a pool has been shown where a recall curve is read off."""

Point = tuple[float, float, float]  # the mean and the ends of its interval, from 0 to 1


def recall_chart(lines: Iterable[tuple[str, Sequence[Point]]], title: str) -> Curve:
    """A chart of each labelled line; a line has a point for each of ``SHARES``."""
    shown = (0.0, *(100 * share for share in SHARES))
    series = []
    for label, points in lines:
        # An interval over few seeds may reach beyond what a share can be.
        mean, low, high = (
            (0.0, *(100 * min(1.0, max(0.0, point[n])) for point in points)) for n in range(3)
        )
        series.append(Series(label=label, x=shown, y=mean, low=low, high=high))
    return Curve(
        name="recall",
        title=title,
        x_label="shown, % of the pool",
        y_label="found, % of the relevant",
        series=tuple(series),
    )

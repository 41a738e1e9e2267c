"""What a run of active learning is measured by: the learning curve, its area, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from methods.engine.results import Estimate, Measure


def area_under(x: Sequence[float], y: Tensor) -> Tensor:
    """The area under each row of ``y``, (..., R), by trapezoids, divided by the width of ``x``.

    ``x`` (R,) rises; so the area of a constant is that constant. With one point it is the point.
    float64, shape of ``y`` without its last.
    """
    at = torch.tensor(x, dtype=torch.float64)
    if (at.diff() <= 0).any():
        raise ValueError(f"a learning curve needs more labels at each point, not {list(x)}")
    values = y.double()
    if len(x) == 1:
        return values[..., 0]
    return torch.trapezoid(values, at, dim=-1) / (at[-1] - at[0])


def accuracy(right: Sequence[int]) -> Estimate:
    """The share of held-out texts that are told rightly, with Wilson's interval."""
    return Estimate.of_fraction(sum(right), len(right))


def aulc(labels: Sequence[float], right: Sequence[Sequence[int]]) -> Estimate:
    """The area under the learning curve; each held-out text's own area is one of its units.

    ``right`` (R, H): of each point of the curve, whether each held-out text is told rightly. The
    mean of the texts' areas is the area under their mean, so the interval is that of a mean.
    """
    each = area_under(labels, torch.tensor(right, dtype=torch.float64).T)
    return Estimate.of_fractions(each.tolist())


def amount(name: str, title: str, unit: str, value: float) -> Measure:
    """A count that is no estimate: what was spent, where less is better."""
    return Measure(name, title, unit, False, None, Estimate(value, (value, value), 1))


def curve(
    name: str, title: str, x_label: str, lines: Sequence[tuple[str, Sequence[float], Any]]
) -> dict[str, Any]:
    """A curve of ``results.json``: (label, x, estimates) for each line."""
    return {
        "name": name, "title": title, "x_label": x_label, "y_label": "held-out accuracy",
        "x_log": False,
        "series": [
            {
                "label": label,
                "x": list(x),
                "y": [e.mean for e in found],
                "low": [e.interval[0] for e in found],
                "high": [e.interval[1] for e in found],
            }
            for label, x, found in lines
        ],
    }  # fmt: skip

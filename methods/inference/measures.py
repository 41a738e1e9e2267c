"""What the methods of this family report alike: intervals, difficulty, curves over tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from methods.engine.results import Estimate
from methods.inference.options import BY_TOKENS

TOO_HARD, TOO_EASY = 0.15, 0.85  # of one sample: beyond them choosing has little to gain
_DRAWS = 2000

Labelled = list[tuple[str, list[Estimate]]]


def bootstrap(
    values: Sequence[float], generator: torch.Generator, *, shares: bool = False
) -> Estimate:
    """The mean of one value a problem with its 95 % percentile interval over problems.

    Problems are drawn with replacement, 2,000 times. Where all values are equal there is nothing to
    draw from: ``shares``, values in [0, 1], then have Wilson's interval, others the value itself.
    """
    mean, n = math.fsum(values) / len(values), len(values)
    if min(values) == max(values):
        return Estimate.of_fractions(values) if shares else Estimate(mean, (mean, mean), n)
    device = generator.device
    table = torch.tensor(values, dtype=torch.float64, device=device)
    picked = torch.randint(n, (_DRAWS, n), generator=generator, device=device)
    means = table[picked].mean(-1).sort().values.tolist()
    cut = int(0.025 * _DRAWS)  # draws left out at either end
    return Estimate(mean, (min(mean, means[cut]), max(mean, means[-1 - cut])), n)


def difficulty(shares: Sequence[float]) -> str:
    """A sentence on how hard the problems are, from the share of right samples of each.

    Problems that are never or always solved leave nothing to choose between.
    """
    one = math.fsum(shares) / len(shares)
    never, always = (sum(s == end for s in shares) / len(shares) for end in (0.0, 1.0))
    said = (
        f"One sample is right {one:.2f} of the time; of {len(shares)} problems {never:.2f} are "
        f"never solved in the pool and {always:.2f} always."
    )
    if one < TOO_HARD:
        return f"{said} That is too hard for this model to show a method: take easier problems."
    if one > TOO_EASY:
        return f"{said} That is too easy for this model to show a method: take harder problems."
    return said


def curve(
    name: str,
    title: str,
    x_label: str,
    y_label: str,
    x: Sequence[float],
    labels: Labelled,
    log: bool = False,
) -> dict[str, Any]:
    """A curve of ``results.json``: a line for each of ``labels``, all over the same ``x``."""
    return {
        "name": name, "title": title, "x_label": x_label, "y_label": y_label, "x_log": log,
        "series": [
            {
                "label": label,
                "x": list(x),
                "y": [e.mean for e in values],
                "low": [e.interval[0] for e in values],
                "high": [e.interval[1] for e in values],
            }
            for label, values in labels
        ],
    }  # fmt: skip


def over_tokens(
    label: str, quantity: str, tokens: Sequence[float], values: list[Estimate]
) -> dict[str, Any]:
    """One line: held-out ``quantity`` over the tokens spent on a problem, written and scored."""
    return curve(
        BY_TOKENS, f"Held-out {quantity} over tokens spent",
        "tokens spent on a problem, written and scored", f"held-out {quantity}", tokens,
        [(label, values)], log=True,
    )  # fmt: skip

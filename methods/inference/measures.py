"""What the methods of this family report alike: intervals, difficulty, curves over tokens."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from methods.engine.results import Estimate, Measure, Results

BY_TOKENS = "by-tokens"  # the curve of a run that `registry compare` puts beside those of others
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


# --- ways to spend tokens -----------------------------------------------------------------------


class Judged(Protocol):
    """What is read of the one who asked: what a score is called, and how it is estimated."""

    @property
    def quantity(self) -> str: ...
    @property
    def unit(self) -> str: ...
    def resampled(self, values: Sequence[float], generator: torch.Generator) -> Estimate: ...


@dataclass(frozen=True)
class Spending:
    """Settings in the order of their tokens, one of which is how the model does it by itself."""

    names: tuple[str, ...]
    tokens: list[float]  # mean tokens of an answer in each setting
    gains: list[list[list[float]]]  # of each setting, problem and sample
    natural: int  # the setting in which nothing is forced
    votes: list[list[float]]  # of 1, 2, ... answers of that setting, for each problem

    @property
    def affordable(self) -> int:
        """How many answers of the natural setting cost no more tokens than the last setting."""
        return max(1, min(len(self.votes), int(self.tokens[-1] / self.tokens[self.natural])))

    @property
    def worth(self) -> list[list[float]]:
        """Mean gain of each setting and problem."""
        return [[math.fsum(g) / len(g) for g in setting] for setting in self.gains]


def scaling(tokens: Sequence[float], values: Sequence[float]) -> float:
    """The mean slope of value over tokens, of all pairs of points (2501.19393, Scaling).

    Points at the same number of tokens have no slope between them and are left out.
    """
    pairs = itertools.combinations(sorted(zip(tokens, values, strict=True)), 2)
    slopes = [(fb - fa) / (b - a) for (a, fa), (b, fb) in pairs if b > a]
    if not slopes:
        raise ValueError(f"no slope between {len(values)} values at tokens {list(tokens)}")
    return math.fsum(slopes) / len(slopes)


def turned(before: Sequence[float], after: Sequence[float], right: bool) -> float | None:
    """Of the answers that were ``right`` (or wrong) before, the share that is not any more.

    >>> turned([1, 0, 0, 1], [1, 1, 0, 0], True), turned([1.0], [0.0], False)
    (0.5, None)
    """
    changed = [(a >= 1) != right for b, a in zip(before, after, strict=True) if (b >= 1) == right]
    return sum(changed) / len(changed) if changed else None


def of_spending(
    asked: Judged, spending: Spending, spent: tuple[Measure, ...], draws: torch.Generator
) -> Results:
    """Accuracy over tokens, and what forcing is worth beside a vote of as many tokens."""
    worth, at, tokens = spending.worth, spending.natural, spending.tokens
    values = [asked.resampled(w, draws) for w in worth]
    voted = [asked.resampled(v, draws) for v in spending.votes]
    unit, quantity, last = asked.unit, asked.quantity, spending.names[-1]

    fair = spending.affordable
    measures = [
        Measure(f"{quantity}_forced", f"{quantity.capitalize()} as it is and after {last}", unit,
                True, values[at], values[-1]),
        Measure(f"{quantity}_one_wait", f"{quantity.capitalize()} as it is and after one wait",
                unit, True, values[at], values[at + 1]),
        Measure(f"{quantity}_cut", f"{quantity.capitalize()} cut shortest and as it is", unit,
                True, values[0], values[at]),
        Measure("same_tokens_vote", f"Vote of {fair} fresh answers, no more tokens than {last}",
                unit, True, voted[0], voted[fair - 1]),
        *_differences(spending, unit, quantity, draws),
    ]  # fmt: skip
    labels = ("tokens spent on a problem", f"held-out {quantity}")
    forced = curve("budget-forcing", "Budget forcing beside a vote of as many tokens", *labels,
                   tokens, [("cut short, as it is, waits", values)])  # fmt: skip
    beside = [k * tokens[at] for k in range(1, len(voted) + 1)]
    forced["series"] += curve("", "", *labels, beside, [("vote of fresh answers", voted)])["series"]
    best = max(range(len(values)), key=lambda i: values[i].mean)
    notes = [
        f"Performance, the best of all budgets: {values[best].mean:.2f}, {spending.names[best]}."
    ]
    if unit == "fraction":
        notes.append(difficulty(worth[at]))
    by_tokens = over_tokens("budget-forcing", quantity, tokens, values)
    return Results((*measures, *spent), (forced, by_tokens), tuple(notes))


def _differences(
    spending: Spending, unit: str, quantity: str, draws: torch.Generator
) -> list[Measure]:
    """What the last setting gains and spoils, problem by problem, and the slopes over tokens."""
    worth, at, tokens = spending.worth, spending.natural, spending.tokens
    vote, slope = spending.votes[spending.affordable - 1], f"{quantity} per token"

    def less(other: Sequence[float]) -> list[float]:
        return [x - y for x, y in zip(worth[-1], other, strict=True)]

    def slopes(first: int) -> list[float]:
        lines = zip(*worth[first:], strict=True)
        return [scaling(tokens[first:], line) for line in lines]

    measures = [
        Measure(name, title, what, True, None, bootstrap(found, draws))
        for name, title, found, what in (
            ("over_natural", "After all waits less as it is", less(worth[at]), unit),
            ("over_vote", "After all waits less the vote", less(vote), unit),
            ("scaling", "Mean slope over all budgets", slopes(0), slope),
            ("scaling_waits", "Mean slope over the waits", slopes(at), slope),
        )
    ]
    for name, right in (("corrected", False), ("spoiled", True)):
        pairs = zip(spending.gains[at], spending.gains[-1], strict=True)
        shares = [s for b, a in pairs if (s := turned(b, a, right)) is not None]
        title = f"{'Right' if right else 'Wrong'} answers that the waits made otherwise"
        if shares:
            found = bootstrap(shares, draws, shares=True)
            measures.append(Measure(name, title, "fraction", not right, None, found))
    return measures

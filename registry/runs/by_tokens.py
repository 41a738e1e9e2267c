"""What methods reach for the tokens they spend: the curves that their runs drew, in one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from registry.catalog.models import Curve, Series
from registry.runs.records import RunRecord

BY_TOKENS = "by-tokens"  # what methods call the curve; a test holds the two together
_SAME = ("task", "data", "model", "prompts")  # options by which methods answer the same problems


def by_tokens(
    by_method: Mapping[str, Sequence[RunRecord]],
) -> tuple[Curve | None, list[str]]:
    """One line a method, and what a reader must know of it.

    None where a run of any method drew no such curve, or where the methods do not answer the same
    problems by the same score. Along a line stand the means over seeds; its band is the mean of the
    runs' own 95 % intervals, which are over problems: seeds share the problems.
    """
    drawn = {name: [_drawn(run) for run in runs] for name, runs in by_method.items()}
    curves = [curve for found in drawn.values() for curve in found]
    if not curves or any(curve is None for curve in curves):
        return None, []
    for option in _SAME:
        values = {str(_option(run, option)) for runs in by_method.values() for run in runs}
        if len(values) > 1:
            named = " and ".join(sorted(values))
            return None, [f"no curve over tokens: the methods differ in {option} ({named}). Set it"]
    first = next(curve for curve in curves if curve)
    if {curve.y_label for curve in curves if curve} != {first.y_label}:
        return None, ["no curve over tokens: the methods score answers in different ways"]
    series = tuple(
        _mean(name, [curve.series[0] for curve in found if curve]) for name, found in drawn.items()
    )
    note = "over tokens: means over seeds, 95 % intervals over problems, which all seeds share"
    return first.model_copy(update={"series": series}), [note]


def _drawn(run: RunRecord) -> Curve | None:
    curves = run.results.curves if run.results else ()
    return next((c for c in curves if c.name == BY_TOKENS and c.series), None)


def _option(run: RunRecord, name: str) -> object:
    return run.spec.config.get(name) if run.spec else None


def _mean(label: str, lines: Sequence[Series]) -> Series:
    """The mean of lines place by place; a line that has fewer places ends them all."""

    def across(columns: Iterable[Sequence[float]]) -> tuple[float, ...]:
        return tuple(math.fsum(c) / len(c) for c in zip(*columns, strict=False))

    return Series(
        label=label,
        x=across(line.x for line in lines),
        y=across(line.y for line in lines),
        low=across(line.low for line in lines),
        high=across(line.high for line in lines),
    )

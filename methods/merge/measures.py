"""What a merge is measured by: quantities of both tasks, of each, and of each model alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from methods.engine.results import Estimate, Measure

_KINDS = {
    "accuracy": ("greedy accuracy", "fraction", True),
    "loss": ("loss", "nats per token", False),
}


def mean_over_tasks(parts: list[dict[str, Any]]) -> Estimate:
    """The mean over tasks, each with the same weight; independent, so half-widths add as squares.

    On either side by itself, since Wilson's intervals are not symmetric.
    """
    found = [Estimate.from_json(part) for part in parts]
    mean = sum(e.mean for e in found) / len(found)
    down, up = (
        math.sqrt(sum((e.mean - e.interval[side]) ** 2 for e in found)) / len(found)
        for side in (0, 1)
    )
    return Estimate(mean, (mean - down, mean + up), sum(e.n for e in found))


def of_merge(
    before: list[dict[str, Any]],
    models: Mapping[str, list[dict[str, Any]]],
    after: list[dict[str, Any]],
) -> list[Measure]:
    """Of the merge, over both tasks and on each; of each model alone, over both."""
    measures: list[Measure] = []
    for kind, (title, unit, higher) in _KINDS.items():
        if any(kind not in part for part in before):
            continue
        start = mean_over_tasks([part[kind] for part in before])
        whole = mean_over_tasks([part[kind] for part in after])
        measures.append(
            Measure(kind, f"Held-out {title}, mean over tasks", unit, higher, start, whole)
        )
        for i, (old, new) in enumerate(zip(before, after, strict=True), 1):
            name, said = f"{kind}_{i}", f"Held-out {title}, task {i}"
            measures.append(Measure.between(name, said, unit, higher, old[kind], new[kind]))
        for i, (model, parts) in enumerate(models.items(), 1):
            found = mean_over_tasks([part[kind] for part in parts])
            said = f"{model} alone: {title}, mean over tasks"
            measures.append(Measure(f"model_{i}_{kind}", said, unit, higher, start, found))
    return measures


def of_experts(
    before: list[dict[str, Any]], after: list[dict[str, Any]], name: str, said: str
) -> list[Measure]:
    """Of experts, each on its own task alone, the mean over tasks."""
    return [
        Measure(
            f"{name}_{kind}",
            f"{said}: {title}",
            unit,
            higher,
            mean_over_tasks([part[kind] for part in before]),
            mean_over_tasks([part[kind] for part in after]),
        )
        for kind, (title, unit, higher) in _KINDS.items()
        if all(kind in part for part in before)
    ]

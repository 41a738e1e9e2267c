"""What a stream of tasks is measured by: the matrix R and the numbers read off it.

R[t][i] is what the model scores on held-out problems of task i after training on the first t tasks;
R[0] is the start. Each entry keeps its problems apart, so that differences are taken problem by
problem. Scores are accuracies (higher is better) or losses in nats per token (lower is better):
the formulas are the same, and only what is good of a sign differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from methods.engine.results import Estimate, Measure

_Z = 1.959964


@dataclass(frozen=True)
class Scores:
    """Of each held-out problem what it adds, and how much it weighs: 1, or its tokens."""

    values: tuple[float, ...]
    weights: tuple[float, ...]

    def to_json(self) -> list[list[float]]:
        """Plain lists."""
        return [list(self.values), list(self.weights)]

    @classmethod
    def from_json(cls, data: list[list[float]]) -> Scores:
        """The inverse of ``to_json``."""
        return cls(tuple(data[0]), tuple(data[1]))

    def __sub__(self, other: Scores) -> Scores:
        """Problem by problem; both are of the same problems."""
        if self.weights != other.weights:
            raise ValueError("scores of different problems have no difference")
        return Scores(
            tuple(a - b for a, b in zip(self.values, other.values, strict=True)), self.weights
        )


Row = Sequence[Scores]  # one entry of R for each task


def estimate(scores: Scores) -> Estimate:
    """The sum of values by the sum of weights; of accuracies with Wilson's interval."""
    n = len(scores.values)
    if set(scores.weights) == {1.0} and set(scores.values) <= {0.0, 1.0}:
        return Estimate.of_fraction(sum(scores.values), n)
    return ratio(scores)


def ratio(scores: Scores) -> Estimate:
    """The same with the interval of a ratio of means (delta method): problems are independent.

    For losses, and for differences of either kind.
    """
    n, whole = len(scores.values), math.fsum(scores.weights)
    mean = math.fsum(scores.values) / whole
    pairs = zip(scores.values, scores.weights, strict=True)
    spread = math.fsum((v - mean * w) ** 2 for v, w in pairs)
    half = _Z * math.sqrt(spread * n / max(1, n - 1)) / whole
    return Estimate(mean, (mean - half, mean + half), n)


def mean_of(parts: Sequence[Scores], of_one: Callable[[Scores], Estimate] = estimate) -> Estimate:
    """The mean over tasks, each weighing the same; independent: half-widths add as squares."""
    found = [of_one(part) for part in parts]
    mean = math.fsum(e.mean for e in found) / len(found)
    down, up = (
        math.sqrt(math.fsum((e.mean - e.interval[side]) ** 2 for e in found)) / len(found)
        for side in (0, 1)
    )
    return Estimate(mean, (mean - down, mean + up), sum(e.n for e in found))


def average_performance(row: Row) -> Estimate:
    """AP_t = 1/t sum_i R[t][i] over the tasks seen: hand in those entries of the row."""
    return mean_of(row)


def backward_transfer(matrix: Sequence[Row]) -> Estimate:
    """BWT = 1/(T-1) sum_{i<T} (R[T][i] - R[i][i]); ``matrix`` has rows 0 (the start) to T."""
    tasks = len(matrix) - 1
    return mean_of([matrix[tasks][i] - matrix[i + 1][i] for i in range(tasks - 1)], ratio)


def forward_transfer(matrix: Sequence[Row], baseline: Row) -> Estimate:
    """FWT = 1/(T-1) sum_{i>=2} (R[i-1][i] - b_i); ``baseline`` holds b, the learner's start."""
    tasks = len(matrix) - 1
    return mean_of([matrix[i][i] - baseline[i] for i in range(1, tasks)], ratio)


def learned(matrix: Sequence[Row]) -> Estimate:
    """1/T sum_i R[i][i]: each task just after it was trained on."""
    return mean_of([row[i] for i, row in enumerate(matrix[1:])])


_KINDS = {
    "accuracy": ("greedy accuracy", "fraction", True),
    "loss": ("loss", "nats per token", False),
}
Measured = dict[str, list[list[float]]]  # of one task: kind -> scores


def of_stream(matrix: Sequence[Sequence[Measured]], general: Sequence[Measured]) -> list[Measure]:
    """All measures of a run from what was measured at the start and after each task.

    ``matrix`` has T + 1 rows, or two (start and end) where the tasks were not trained in turn: then
    there is no transfer to measure. ``general`` is of the start and of the end.
    """
    found: list[Measure] = []
    count = len(matrix[0])
    for kind, (title, unit, higher) in _KINDS.items():
        if any(kind not in entry for entry in matrix[0]):
            continue
        table = [[Scores.from_json(entry[kind]) for entry in row] for row in matrix]
        start, end = table[0], table[-1]

        def add(
            name: str, said: str, after: Estimate, before: Estimate | None = None,
            kind: str = kind, unit: str = unit, higher: bool = higher,
        ) -> None:  # fmt: skip
            found.append(Measure(f"{name}_{kind}", said, unit, higher, before, after))

        add("ap", f"Average performance, {title}", mean_of(end), mean_of(start))
        if len(table) == count + 1:
            add("bwt", f"Backward transfer, {title}", backward_transfer(table))
            add("fwt", f"Forward transfer, {title}", forward_transfer(table, start))
            add("learned", f"Each task just after training on it, {title}", learned(table))
        for i, (old, new) in enumerate(zip(start, end, strict=True), 1):
            add(f"task_{i}", f"Held-out {title}, task {i}", estimate(new), estimate(old))
    for kind, (title, unit, higher) in _KINDS.items():
        if kind in general[0]:
            old, new = (estimate(Scores.from_json(part[kind])) for part in general)
            said = f"What the start could do: {title}"
            found.append(Measure(f"general_{kind}", said, unit, higher, old, new))
    return found


def curve_of(matrix: Sequence[Sequence[Measured]], names: Sequence[str]) -> dict[str, Any]:
    """The columns of R over the tasks trained on, a line for each task with its intervals."""
    kind = "accuracy" if all("accuracy" in entry for entry in matrix[0]) else "loss"
    title, unit, _ = _KINDS[kind]
    series = []
    for i, name in enumerate(names):
        found = [estimate(Scores.from_json(row[i][kind])) for row in matrix]
        series.append(
            {
                "label": name,
                "x": list(range(len(matrix))),
                "y": [e.mean for e in found],
                "low": [e.interval[0] for e in found],
                "high": [e.interval[1] for e in found],
            }
        )
    return {
        "name": "stream", "title": f"Held-out {title} of each task over the stream",
        "x_label": "tasks trained on", "y_label": f"{title} ({unit})", "x_log": False,
        "series": series,
    }  # fmt: skip

"""What a chain of domains is measured by: perplexities of every checkpoint on every domain.

``p[j][i]`` is the perplexity of M_j, the model after the first j domains of the chain, on held-out
text of domain i, both as in the paper: p[0] is of the start M_0, and domain i = 1..N stands in
column i - 1. Lower is better everywhere. Domains are the units of every interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from methods.engine.results import Estimate, Measure

Table = Sequence[Sequence[float]]
COVERED = 0.95


def perplexity(nats: float, tokens: float) -> float:
    """exp of the negative log-likelihood per token; ``nats`` is its sum over ``tokens``."""
    return math.exp(nats / tokens)


def zero_shot(p: Table) -> list[float]:
    """ZS_i = p(M_0, D_i)."""
    return list(p[0])


def continual(p: Table) -> list[float]:
    """CPT_i = p(M_i, D_i): each domain just after the chain has come to it."""
    return [p[i + 1][i] for i in range(len(p) - 1)]


def last_checkpoint(p: Table) -> list[float]:
    """LC_i = p(M_N, D_i)."""
    return list(p[-1])


def forgetting(p: Table) -> list[float]:
    """FG_i = LC_i - CPT_i; that of the last domain is 0 by definition."""
    return _less(last_checkpoint(p), continual(p))


def heat_map(p: Table) -> list[list[float]]:
    """Row j - 1 for M_j: p(M_j, D_i) - ZS_i, below zero where training so far has helped."""
    return [_less(row, p[0]) for row in p[1:]]


def backward_transfer(p: Table) -> list[float]:
    """p(M_j, D_i) - ZS_i of every domain i learned before M_j came to domain j: i < j."""
    return [v for j, row in enumerate(heat_map(p)) for v in row[:j]]


def forward_transfer(p: Table, ahead: int | None = None) -> list[float]:
    """p(M_j, D_i) - ZS_i of the next ``ahead`` domains, none of them seen yet: i > j."""
    return [
        v
        for j, row in enumerate(heat_map(p))
        for v in row[j + 1 : None if ahead is None else j + 1 + ahead]
    ]


def by_distance(p: Table) -> dict[int, list[float]]:
    """p(M_j, D_i) - ZS_i by j - i: forward below zero, at zero just learned, backward above."""
    found: dict[int, list[float]] = {}
    for j, row in enumerate(heat_map(p)):
        for i, value in enumerate(row):
            found.setdefault(j - i, []).append(value)
    return dict(sorted(found.items()))


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two in the middle."""
    ordered, n = sorted(values), len(values)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def median_of(values: Sequence[float]) -> Estimate:
    """The median of independent values and the interval between two of them, equally far out.

    It is the narrowest such that covers the median with a chance of 0.95, by the binomial law; of
    fewer than six values, which cover less, it is their whole range.
    """
    ordered, n = sorted(values), len(values)
    tail, out = 0.0, 0  # chance that the median lies beyond the out-th value from one side
    while out < n // 2 and 2 * (tail + math.comb(n, out) / 2**n) <= 1 - COVERED:
        tail += math.comb(n, out) / 2**n
        out += 1
    edge = max(0, out - 1)
    return Estimate(median(ordered), (ordered[edge], ordered[n - 1 - edge]), n)


def measures_of(p: Table, alone: Sequence[float] | None, general: Sequence[float]) -> list[Measure]:
    """All measures of a run. ``p`` has N + 1 rows, or two where domains were not taken in turn.

    ``alone`` is FT_i = p(M_0 trained on D_i, D_i), where it was measured; ``general`` is the
    perplexity on the start's own text, D_0, at the start and in the end.
    """
    found: list[Measure] = []
    start, end = zero_shot(p), last_checkpoint(p)

    def add(name: str, said: str, values: Sequence[float], before: Sequence[float] | None) -> None:
        for prefix, of, how in (("", median_of, "median"), ("mean_", Estimate.of_values, "mean")):
            then = None if before is None else of(before)
            found.append(
                Measure(
                    f"{prefix}{name}", f"{said}, {how}", "perplexity", False, then, of(values)
                )
            )  # fmt: skip

    if len(p) == len(start) + 1:
        add("cpt", "Each domain just after the chain came to it", continual(p), start)
    add("lc", "Each domain in the end", end, start)
    if alone is not None:
        add("ft", "Each domain after adapting the start to it alone", alone, start)
    if len(p) == len(start) + 1:
        add("gain", "What the chain gains on a domain up to it", _less(start, continual(p)), None)
        found[-2:] = [_better_higher(m) for m in found[-2:]]
        add("fg", "Forgotten of a domain since", forgetting(p)[:-1], None)
        add("backward", "Backward transfer, over all pairs", backward_transfer(p), None)
        add("forward", "Forward transfer, over all pairs", forward_transfer(p), None)
        add("next", "Forward transfer to the next domain", forward_transfer(p, 1), None)
    before, after = (Estimate.of_values([v]) for v in general)
    said = "The start's own text"
    found.append(Measure("general", said, "perplexity", False, before, after))
    return found


def curves_of(p: Table, names: Sequence[str]) -> list[dict[str, Any]]:
    """The transfer over the distance between checkpoint and domain, and the whole heat-map."""
    distances = {d: median_of(values) for d, values in by_distance(p).items()}
    steps = list(range(1, len(p)))
    columns = [[row[i] for row in heat_map(p)] for i in range(len(names))]
    return [
        {
            "name": "transfer",
            "title": "Perplexity less that of the start, by how long ago a domain was learned",
            "x_label": "domains learned since (below 0: still to come)",
            "y_label": "change of perplexity, median", "x_log": False,
            "series": [{
                "label": "p(M_j, D_i) - ZS_i", "x": list(distances),
                "y": [e.mean for e in distances.values()],
                "low": [e.interval[0] for e in distances.values()],
                "high": [e.interval[1] for e in distances.values()],
            }],
        },
        {
            "name": "heat-map",
            "title": "Perplexity of every checkpoint on every domain, less that of the start",
            "x_label": "domains learned", "y_label": "change of perplexity", "x_log": False,
            "series": [
                {"label": f"{i}. {name}", "x": steps, "y": column}
                for i, (name, column) in enumerate(zip(names, columns, strict=True), 1)
            ],
        },
    ]  # fmt: skip


def _less(values: Sequence[float], others: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(values, others, strict=True)]


def _better_higher(measure: Measure) -> Measure:
    return Measure(measure.name, measure.title, measure.unit, True, measure.before, measure.after)

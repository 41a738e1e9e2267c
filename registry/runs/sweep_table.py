"""What a sweep has measured so far: a row a combination, its mean and interval over seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from registry.core.intervals import Bounds, mean_over_seeds, range_of
from registry.core.settings import Settings
from registry.runs.records import Measure, RunRecord
from registry.runs.sweep import Sweep, records


@dataclass(frozen=True)
class Cell:
    """One run: where it stands, and its measure before and after where it has finished."""

    seed: int
    run_id: str
    state: str
    problem: str | None
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Row:
    """One combination. ``mean`` and ``interval`` (95 %) are over the seeds that have finished.

    With one of them the interval is the run's own, over its held-out items.
    """

    values: dict[str, str]
    cells: tuple[Cell, ...]
    finished: int
    mean: float | None
    interval: Bounds | None


@dataclass(frozen=True)
class SweepTable:
    """A sweep as a table. ``measure`` is the name of what is shown, None before a run finished."""

    sweep_id: str
    method: str
    executor: str
    fixed: dict[str, str]
    measure: str | None
    title: str
    unit: str
    higher_is_better: bool
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    states: dict[str, int]


def sweep_table(sweep: Sweep, settings: Settings) -> SweepTable:
    """The table of ``sweep``, read from its run folders now."""
    found = records(sweep, settings)
    key = next((r.results.key_measure for r in found if r.results and r.state == "finished"), None)
    by_values: dict[tuple[str, ...], list[tuple[int, RunRecord]]] = {}
    for run, record in zip(sweep.runs, found, strict=True):
        by_values.setdefault(tuple(run.values.values()), []).append((run.seed, record))
    return SweepTable(
        sweep_id=sweep.sweep_id,
        method=sweep.method,
        executor=sweep.place.executor,
        fixed=sweep.fixed,
        measure=key.name if key else None,
        title=(key.title or key.name) if key else "",
        unit=key.unit if key else "",
        higher_is_better=key.higher_is_better if key else True,
        seeds=sweep.seeds,
        rows=tuple(
            _row(dict(zip(sweep.grid, values, strict=True)), runs, key)
            for values, runs in by_values.items()
        ),
        states=dict(Counter(record.state for record in found)),
    )


def best(table: SweepTable) -> tuple[Row, int] | None:
    """The row with the best mean, and how many others' intervals reach into its own.

    None where fewer than two combinations have been measured.
    """
    measured = [row for row in table.rows if row.mean is not None]
    if len(measured) < 2:
        return None
    sign = 1 if table.higher_is_better else -1
    first = max(measured, key=lambda row: sign * (row.mean or 0.0))
    return first, sum(_overlap(first, row) for row in measured if row is not first)


def _overlap(one: Row, other: Row) -> bool:
    left = one.interval or (one.mean or 0.0, one.mean or 0.0)
    right = other.interval or (other.mean or 0.0, other.mean or 0.0)
    return left[0] <= right[1] and right[0] <= left[1]


def _row(values: dict[str, str], runs: Sequence[tuple[int, RunRecord]], key: Measure | None) -> Row:
    cells, measured = [], []
    for seed, record in runs:
        measure = record.results.measure(key.name) if key and record.results else None
        if measure is not None and record.state == "finished":
            measured.append(measure)
        else:
            measure = None
        cells.append(
            Cell(
                seed,
                record.run_id,
                record.state,
                record.problem,
                measure.before if measure else None,
                measure.after if measure else None,
            )
        )
    if not measured:
        return Row(values, tuple(cells), 0, None, None)
    after = [measure.after for measure in measured]
    own = [measure.after_interval for measure in measured]
    mean = mean_over_seeds(after, own[0], range_of(measured[0].unit, after, own))
    known = len(measured) > 1 or measured[0].after_interval is not None
    return Row(values, tuple(cells), len(measured), mean.value, mean.interval if known else None)

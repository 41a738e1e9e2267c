"""A simulation measured: figures with intervals over seeds, and recall curves.

Each seed divides the unlisted papers anew between what the ranker starts with and the pools. A
figure of a seed is the mean over the lists held out, each list counting alike; the interval is
Student's, over seeds. It says how much the division matters, not how much another list would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.catalog.models import Taxonomy
from registry.core.errors import UnknownNameError
from registry.core.intervals import Bounds, mean_over_seeds
from registry.triage import metrics
from registry.triage.documents import Example
from registry.triage.keywords import Keywords
from registry.triage.recall_chart import SHARES, Point
from registry.triage.simulate import (
    KNOWN,
    Learner,
    Options,
    Report,
    Texts,
    replay,
    screenings,
    texts_of,
)

MEASURES = ("wss95", "rrf10", "atd", "average_precision")


@dataclass(frozen=True)
class Figure:
    """A measure's mean, its 95 % interval over seeds, and each seed's value."""

    mean: float
    interval: Bounds
    values: tuple[float, ...]


@dataclass(frozen=True)
class ListFigures:
    """One list held out: sizes and measures, means over seeds; ``best_wss95`` bounds the saving."""

    held_out: str
    relevant: float
    pool: float
    best_wss95: float
    measures: Mapping[str, float]


@dataclass(frozen=True)
class StrategyFigures:
    """A strategy over all lists; ``recall`` is read off at ``SHARES``."""

    strategy: str
    measures: Mapping[str, Figure]
    recall: tuple[Figure, ...]
    lists: tuple[ListFigures, ...]

    @property
    def line(self) -> tuple[str, list[Point]]:
        """What a chart shows of it."""
        return self.strategy, [(point.mean, *point.interval) for point in self.recall]


@dataclass(frozen=True)
class Study:
    """Everything that was measured, and the options it was measured with."""

    options: Options
    seeds: tuple[int, ...]
    strategies: tuple[StrategyFigures, ...]


@dataclass(frozen=True)
class _Played:
    seed: int
    held_out: str
    found: tuple[bool, ...]


def study(
    labelled: Sequence[Example],
    unlisted: Sequence[Example],
    taxonomy: Taxonomy,
    options: Options,
    report: Report = lambda text: None,
) -> Study:
    """Every strategy of ``options`` on every list held out, over its seeds.

    Raises UnknownNameError for a strategy that is not there, UsageError where no list is large
    enough.
    """
    for strategy in options.strategies:
        if strategy not in KNOWN:
            raise UnknownNameError("strategy", strategy, KNOWN, "registry triage simulate --help")
    played: dict[str, list[_Played]] = {strategy: [] for strategy in options.strategies}
    every = screenings(labelled, unlisted, taxonomy, options)
    report("counting words")
    texts = Texts(document for one in every for document in texts_of(one, taxonomy))
    keywords = Keywords(taxonomy)
    for one in every:
        learner = Learner(one, taxonomy, texts)
        for strategy in options.strategies:
            report(f"seed {one.seed}, without {one.held_out}: {strategy}")
            found = replay(one, strategy, taxonomy, options, learner, keywords)
            played[strategy].append(_Played(one.seed, one.held_out, tuple(found)))
    strategies = tuple(_figures(name, plays) for name, plays in played.items())
    return Study(options, tuple(range(options.seeds)), strategies)


def measures_of(found: Sequence[bool]) -> dict[str, float]:
    """The measures of one order of screening."""
    return {
        "wss95": metrics.wss(found, 0.95),
        "rrf10": metrics.rrf(found, 0.1),
        "atd": metrics.atd(found),
        "average_precision": metrics.average_precision(found),
    }


def _figures(strategy: str, plays: Sequence[_Played]) -> StrategyFigures:
    rows = [(play, measures_of(play.found)) for play in plays]
    curves = [(play, _recall_at(play.found)) for play in plays]
    return StrategyFigures(
        strategy,
        {name: _over_seeds([(play, row[name]) for play, row in rows]) for name in MEASURES},
        tuple(_over_seeds([(p, curve[n]) for p, curve in curves]) for n in range(len(SHARES))),
        tuple(
            _of_list(name, [(play, row) for play, row in rows if play.held_out == name])
            for name in dict.fromkeys(play.held_out for play in plays)
        ),
    )


def _over_seeds(values: Sequence[tuple[_Played, float]]) -> Figure:
    seeds = sorted({play.seed for play, _ in values})
    each = [_mean([value for play, value in values if play.seed == seed]) for seed in seeds]
    found = mean_over_seeds(each, within=(-1.0, 1.0))
    low, high = found.interval
    return Figure(
        round(found.value, 5), (round(low, 5), round(high, 5)), tuple(round(v, 5) for v in each)
    )


def _of_list(name: str, rows: Sequence[tuple[_Played, Mapping[str, float]]]) -> ListFigures:
    return ListFigures(
        name,
        round(_mean([sum(play.found) for play, _ in rows]), 1),
        round(_mean([len(play.found) for play, _ in rows]), 1),
        round(_mean([metrics.best_wss(play.found) for play, _ in rows]), 5),
        {measure: round(_mean([row[measure] for _, row in rows]), 5) for measure in MEASURES},
    )


def _recall_at(found: Sequence[bool]) -> list[float]:
    curve = [0.0, *metrics.recall_curve(found)]
    return [curve[int(share * len(found) + 1e-9)] for share in SHARES]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

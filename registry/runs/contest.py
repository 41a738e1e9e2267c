"""Several methods with the same task, model and budget: one table and one plot.

The runs are ordinary ones that stand for one another (``registry.runs.shelf``): a comparison that
was stopped goes on where it was, and a run that another comparison made is not made again.
"""

from __future__ import annotations

import hashlib
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from registry.catalog.models import Curve, Series
from registry.core.errors import UsageError
from registry.core.intervals import Bounds, mean_over_seeds, range_of
from registry.core.settings import Settings
from registry.runs.by_tokens import by_tokens
from registry.runs.compare import compare_runs, slug
from registry.runs.options import options_of
from registry.runs.plan import Plan, Request, find_method, make_plan
from registry.runs.records import Measure, RunRecord, read_timing
from registry.runs.shelf import Need, Shelf


@dataclass(frozen=True)
class ContestRequest:
    """What a person asks for. Without steps and seconds all take the fewest steps of their own."""

    methods: tuple[str, ...]
    given: Mapping[str, str] = field(default_factory=dict)  # task, model, data and --set
    steps: int | None = None
    seconds: float | None = None
    seeds: int = 3
    device: str = "auto"


@dataclass(frozen=True)
class Contest:
    """Every run that is needed, method by method and seed by seed. ``notes`` are for the reader."""

    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    plans: Mapping[tuple[str, int], Plan]
    notes: tuple[str, ...]
    command: str

    @property
    def name(self) -> str:
        """What its table and plot are filed under; equal for an equal comparison."""
        said = [(m, p.seed, p.config_sha256) for (m, _), p in self.plans.items()]
        shown = "-".join(slug(plan.method) for plan in self._first())
        return f"{shown[:60]}-{hashlib.sha256(repr(said).encode()).hexdigest()[:8]}"

    def _first(self) -> list[Plan]:
        return [self.plans[method, self.seeds[0]] for method in self.methods]


@dataclass(frozen=True)
class Value:
    """A measure of one method over its seeds; ``interval`` is 95 %."""

    before: float | None
    after: float
    interval: Bounds | None
    seeds: tuple[float, ...]


@dataclass(frozen=True)
class MeasureFacts:
    """A measure and who has it: method to its value."""

    name: str
    title: str
    unit: str
    higher_is_better: bool
    values: Mapping[str, Value]


@dataclass(frozen=True)
class Spent:
    """What a method took, the mean over its seeds: steps, seconds of training, tokens."""

    steps: int
    seconds: float
    tokens: int
    run_ids: tuple[str, ...]


@dataclass(frozen=True)
class Compared:
    """The outcome. ``shared`` are measures that all methods have, ``others`` those that some do.

    ``curve`` is over tokens where all methods drew one, else the first shared measure over seconds.
    """

    name: str
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    command: str
    shared: tuple[MeasureFacts, ...]
    others: tuple[MeasureFacts, ...]
    spent: Mapping[str, Spent]
    differing: tuple[tuple[str, tuple[str, ...]], ...]
    curve: Curve | None
    notes: tuple[str, ...]


def plan_contest(request: ContestRequest, settings: Settings) -> Contest:
    """The runs of the comparison, each checked. Runs nothing.

    Raises UsageError where methods, seeds or budget are not allowed or an option suits no method.
    """
    methods = request.methods
    if len(methods) < 2 or len(set(methods)) < len(methods):
        raise UsageError(
            f"compare needs two methods or more, each once; given: {' '.join(methods) or 'none'}. "
            "For one method with several options: registry sweep"
        )
    if request.steps is not None and request.seconds is not None:
        raise UsageError("--steps and --seconds are both given. Keep one")
    if not 1 <= request.seeds <= 100:
        raise UsageError(f"--seeds {request.seeds} is not allowed. Allowed: 1 to 100")
    notes: list[str] = []
    first = {name: _plan(request, name, 0, None, notes) for name in methods}
    steps = _budget(request, first, settings, notes)
    plans = {
        (name, seed): _plan(request, name, seed, steps[name], [])
        for seed in range(request.seeds)
        for name in methods
    }
    return Contest(methods, tuple(range(request.seeds)), plans, tuple(notes), _command(request))


def run_contest(
    contest: Contest, shelf: Shelf, say: Callable[[str], None] = lambda _: None
) -> Compared:
    """Make the runs that are missing and set them side by side.

    Raises RunError where a run fails, Interrupted where one is stopped; finished runs are kept.
    """
    needs = [Need(f"{name}, seed {seed}", plan) for (name, seed), plan in contest.plans.items()]
    records = dict(zip(contest.plans, shelf.bring(needs, say, contest.command), strict=True))
    by_method = {name: [records[name, seed] for seed in contest.seeds] for name in contest.methods}
    measures = _measures(by_method)
    shared = tuple(m for m in measures if len(m.values) == len(by_method))
    others = tuple(m for m in measures if m not in shared)
    notes = list(contest.notes)
    if not shared:
        notes.append("the methods share no measure: what each measures of itself stands alone")
    for measure in others:
        notes.append(f"only {', '.join(measure.values)} measured {measure.title}")
    spent = {name: _spent(runs) for name, runs in by_method.items()}
    curve, said = by_tokens(by_method)
    notes += said
    if curve is None and shared:
        curve = _curve(shared[0], spent)
    return Compared(
        contest.name,
        contest.methods,
        contest.seeds,
        contest.command,
        shared,
        others,
        spent,
        compare_runs([runs[0] for runs in by_method.values()]).differing,
        curve,
        tuple(notes),
    )


def _plan(
    request: ContestRequest, name: str, seed: int, steps: int | None, notes: list[str]
) -> Plan:
    known = options_of(find_method(name))
    given: dict[str, Any] = {}
    for option, value in request.given.items():
        if known.get(option) is not None or option in ("task", "model", "data"):
            given[option] = value
            continue
        others = [options_of(find_method(other)) for other in request.methods]
        if not any(other.get(option) for other in others):
            known.require(option, value, "--set")  # says what is near
        notes.append(f"{name} has no option {option}: it runs without")
    if steps is not None and known.get("steps"):
        given["steps"] = steps
    if known.get("save_model"):
        given.setdefault("save_model", False)  # a table needs no weights
    return make_plan(Request(name, given, seed, request.device))


def _budget(
    request: ContestRequest, plans: Mapping[str, Plan], settings: Settings, notes: list[str]
) -> dict[str, int | None]:
    """Method to its optimiser steps, None where it takes none."""
    own = {name: plan.config.get("steps") for name, plan in plans.items()}
    for name in (name for name, steps in own.items() if steps is None):
        notes.append(f"{name} takes no optimiser steps: the budget does not bind it")
    if request.seconds is not None:
        return {
            name: None if own[name] is None else _steps_in(request.seconds, name, plan, settings)
            for name, plan in plans.items()
        }
    known = [int(steps) for steps in own.values() if steps is not None]
    steps = request.steps or min(known, default=0)
    if known and request.steps is None:
        notes.append(f"{steps} steps each, the fewest that one of them takes by itself (--steps)")
    return {name: None if own[name] is None else steps for name in plans}


def _steps_in(seconds: float, name: str, plan: Plan, settings: Settings) -> int:
    from registry.runs.estimate import estimate

    try:
        step = estimate(plan, settings.cache_dir).step
    except UsageError as error:
        raise UsageError(f"--seconds {seconds:g}: {error}. Say --steps instead") from None
    if not step:
        raise UsageError(
            f"--seconds {seconds:g}: there is no prediction of how long a step of {name} takes "
            "here. Say --steps instead"
        )
    return max(1, round(seconds / step))


def _command(request: ContestRequest) -> str:
    words = ["registry", "compare", *request.methods]
    for option, value in request.given.items():
        plain = option in ("task", "model", "data")
        words += [f"--{option}", value] if plain else ["--set", f"{option}={value}"]
    words += [] if request.steps is None else ["--steps", str(request.steps)]
    words += [] if request.seconds is None else ["--seconds", f"{request.seconds:g}"]
    return shlex.join([*words, "--seeds", str(request.seeds), "--device", request.device])


def _measures(by_method: Mapping[str, Sequence[RunRecord]]) -> list[MeasureFacts]:
    """Every measure that any method took in all its seeds, the key of the first one first."""
    first: dict[str, Measure] = {}
    keys = [runs[0].results.key for runs in by_method.values() if runs[0].results]
    for runs in by_method.values():
        for measure in runs[0].results.measures if runs[0].results else ():
            first.setdefault(measure.name, measure)
    found = []
    for name, measure in sorted(first.items(), key=lambda item: item[0] not in keys):
        values = {m: value for m, runs in by_method.items() if (value := _value(name, runs))}
        found.append(
            MeasureFacts(
                name, measure.title or name, measure.unit, measure.higher_is_better, values
            )
        )
    return [one for one in found if one.values]


def _value(name: str, runs: Sequence[RunRecord]) -> Value | None:
    found = [m for r in runs if r.results and (m := r.results.measure(name)) is not None]
    if len(found) < len(runs):
        return None
    after = [measure.after for measure in found]
    before = [measure.before for measure in found if measure.before is not None]
    own = [measure.after_interval for measure in found]
    mean = mean_over_seeds(after, own[0], range_of(found[0].unit, after, own))
    known = len(found) > 1 or own[0] is not None
    start = math.fsum(before) / len(before) if before else None
    return Value(start, mean.value, mean.interval if known else None, tuple(after))


def _spent(runs: Sequence[RunRecord]) -> Spent:
    seconds = [run.results.train_seconds for run in runs if run.results]
    tokens = [sum(int(row.get("tokens", 0)) for row in read_timing(r.folder).rows) for r in runs]
    return Spent(
        steps=max((run.manifest.last_step for run in runs if run.manifest), default=0),
        seconds=math.fsum(seconds) / max(1, len(seconds)),
        tokens=round(sum(tokens) / len(tokens)),
        run_ids=tuple(run.run_id for run in runs),
    )


def _curve(measure: MeasureFacts, spent: Mapping[str, Spent]) -> Curve:
    """The measure from before to after, over the seconds of training that it took."""
    series = []
    for name, value in measure.values.items():
        low, high = value.interval or (value.after, value.after)
        start = value.after if value.before is None else value.before
        series.append(
            Series(
                label=name,
                x=(0.0, max(spent[name].seconds, 1e-3)),  # one that trains nothing: straight up
                y=(start, value.after),
                low=(start, low),
                high=(start, high),
            )
        )
    return Curve(
        name=slug(measure.name),
        title=f"{measure.title}, before and after",
        x_label="seconds of training",
        y_label=measure.unit or measure.name,
        series=tuple(series),
    )

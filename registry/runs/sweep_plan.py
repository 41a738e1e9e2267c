"""From the options of a sweep to its runs: every combination over every seed, each checked."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from registry.core.errors import UsageError
from registry.core.plural import plural
from registry.runs.device import resolve_device
from registry.runs.executors.choice import Place
from registry.runs.options import MethodOptions, options_of, show_value
from registry.runs.plan import Plan, Request, find_method, make_plan
from registry.runs.sources import SMALL, TINY

MOST_RUNS = 200
"""More runs than these are started only where a person says that they mean it."""
_LIMIT = 10_000  # combinations we are willing to look at

# A task holds commas of its own: `chain-sum:digits=2,terms=3` is one value.
_COMMAS = {"task": re.compile(r",(?!\s*\w+=)")}
_COMMA = re.compile(",")

Grid = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class SweepRequest:
    """What a person asks for; ``assigned`` maps an option to its values, comma-separated."""

    method: str
    assigned: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    seeds: str = "1"
    device: str = "auto"
    config_file: Path | None = None
    place: Place = field(default_factory=Place)


@dataclass(frozen=True)
class PlannedRun:
    """A run to come; ``values`` are those of the varied options, as typed."""

    values: Mapping[str, str]
    seed: int
    plan: Plan

    @property
    def name(self) -> str:
        """``beta=0.1, seed 2``."""
        return run_name(self.values, self.seed)


@dataclass(frozen=True)
class SweepPlan:
    """A sweep ready to be started: every run checked, nothing written."""

    method: str
    grid: Grid
    fixed: Mapping[str, str]
    seeds: tuple[int, ...]
    device: str
    place: Place
    runs: tuple[PlannedRun, ...]


def plan_sweep(request: SweepRequest, *, many: bool = False) -> SweepPlan:
    """Every run of the sweep that ``request`` describes. Writes nothing.

    Raises UsageError where there is nothing to vary, an option is unknown or has no values, two
    runs would be the same, there are more than ``MOST_RUNS`` and not ``many``, or combinations are
    refused: all of those in one message, each with its reason.
    """
    known = options_of(find_method(request.method))
    seeds = parse_seeds(request.seeds)
    grid, fixed = _parse(known, request)
    count = len(seeds)
    for values in grid.values():
        count *= len(values)
    if count == 1:
        raise UsageError(
            "there is nothing to sweep over. Give an option several values (--set beta=0.1,0.5), "
            f"or several seeds (--seeds 3); for one run: registry run {known.method}"
        )
    if count > (_LIMIT if many else MOST_RUNS):
        raise UsageError(_too_many(grid, seeds, count, many))
    device = request.place.device(request.device)
    if request.place.executor == "local":
        device = resolve_device(device)
    combinations = [
        dict(zip(grid, chosen, strict=True)) for chosen in itertools.product(*grid.values())
    ]
    runs = _plan_all(request, combinations, seeds, fixed, device)
    _refuse_twins(runs)
    return SweepPlan(known.method, grid, fixed, seeds, device, request.place, tuple(runs))


def parse_seeds(text: str) -> tuple[int, ...]:
    """``3`` is the seeds 0, 1 and 2; ``0,3,7`` are those three, and ``7,`` is 7 alone."""
    parts = [part.strip() for part in text.split(",")]
    named = len(parts) > 1
    if named and parts[-1] == "":
        parts.pop()
    if not all(re.fullmatch(r"\d{1,10}", part) for part in parts):
        raise UsageError(f"--seeds {text} is not allowed. Allowed: how many (3), or which (0,3,7)")
    numbers = [int(part) for part in parts]
    if named:
        for number in numbers:
            if numbers.count(number) > 1:
                raise UsageError(f"--seeds {text} names {number} twice. Keep one")
        return tuple(numbers)
    if not 1 <= numbers[0] <= 1000:
        raise UsageError(f"--seeds {text} is not allowed. Allowed: 1 to 1000, or which (0,3,7)")
    return tuple(range(numbers[0]))


def run_name(values: Mapping[str, str], seed: int) -> str:
    """What a person calls one run of a sweep: ``beta=0.1, seed 2``."""
    return ", ".join([*(f"{name}={value}" for name, value in values.items()), f"seed {seed}"])


def _parse(known: MethodOptions, request: SweepRequest) -> tuple[Grid, dict[str, str]]:
    """The varied options with their values, and those that have just one."""
    grid: Grid = {}
    fixed: dict[str, str] = {}
    refused: list[str] = []
    for name, text in request.fixed.items():
        if name in {other.replace("-", "_") for other in request.assigned}:
            refused.append(f"{name} is given twice: {text} and --set {request.assigned[name]}")
        fixed[name] = text
    for name, text in request.assigned.items():
        try:
            option = known.require(name, text, "the command line")
            values = _values(option.name, option.kind, text)
        except UsageError as error:
            refused.append(str(error))
            continue
        if len(values) == 1:
            fixed[option.name] = values[0]
        else:
            grid[option.name] = values
    if refused:
        raise UsageError("; ".join(refused))
    return grid, fixed


def _values(name: str, kind: str, text: str) -> tuple[str, ...]:
    if "list" in kind.split("|"):
        if "," in text and not text.startswith("["):
            raise UsageError(
                f"{name} takes a list, so {name}={text} may be one list or several values. Allowed "
                f"in a sweep: one list for all runs, in JSON: --set '{name}=[1, 2]'; a sweep a list"
            )
        return (text,)
    values = tuple(part.strip() for part in _COMMAS.get(name, _COMMA).split(text))
    if not all(values):
        said = "no value" if not any(values) else "an empty value"
        raise UsageError(f"--set {name}={text} holds {said}. Allowed: --set {name}=a,b,c")
    for value in values:
        if values.count(value) > 1:
            raise UsageError(f"--set {name}={text} holds {value} twice. Keep one")
    return values


def _too_many(grid: Grid, seeds: Sequence[int], count: int, many: bool) -> str:
    sizes = [f"{len(values)} of {name}" for name, values in grid.items()]
    sum_up = " x ".join([*sizes, plural(len(seeds), "seed")])
    remedy = "take fewer values" if many else "take fewer values, or say --yes"
    return f"{count:,} runs are asked for ({sum_up}), over {MOST_RUNS}; {remedy}"


def _plan_all(
    request: SweepRequest,
    combinations: Sequence[Mapping[str, str]],
    seeds: Sequence[int],
    fixed: Mapping[str, str],
    device: str,
) -> list[PlannedRun]:
    runs: list[PlannedRun] = []
    refusals: dict[str, list[str]] = {}
    # Seed by seed: stopped halfway, every combination has been seen.
    for seed, values in itertools.product(seeds, combinations):
        try:
            plan = _plan(request, {**fixed, **values}, seed, device)
        except UsageError as error:
            refusals.setdefault(str(error), []).append(run_name(values, seed))
        else:
            runs.append(PlannedRun(values, seed, plan))
    if refusals:
        raise UsageError(_refused(refusals, len(combinations) * len(seeds)))
    return runs


def _refused(refusals: Mapping[str, Sequence[str]], count: int) -> str:
    bad = sum(len(names) for names in refusals.values())
    if bad == count and len(refusals) == 1:
        return f"every run is refused: {next(iter(refusals))}"
    said = []
    for message, names in refusals.items():
        shown = "; ".join(names[:3]) + (f"; {len(names) - 3} more" if len(names) > 3 else "")
        said.append(f"({shown}) {message}")
    return f"{bad} of {count} runs are refused, and none was started: {' '.join(said)}"


def _plan(request: SweepRequest, given: Mapping[str, str], seed: int, device: str) -> Plan:
    if request.place.executor == "local":
        return make_plan(Request(request.method, given, seed, device, request.config_file))
    # A GPU elsewhere need not be here, and a plan asks this machine: planned as for a CPU, then
    # told where it will run.
    plan = make_plan(Request(request.method, given, seed, "cpu", request.config_file))
    if device == "cuda":
        if plan.provenance.get("model") == "default" and plan.config.get("model") == TINY:
            return _plan(request, {**given, "model": SMALL}, seed, device)
        command = plan.command.replace("--device cpu", "--device cuda", 1)
        plan = replace(plan, device="cuda", command=command)
    if request.place.executor == "sky":
        _require_portable(plan)
    return plan


def _require_portable(plan: Plan) -> None:
    for name in ("model", "data"):
        value = str(plan.config.get(name) or "")
        if value and not value.startswith("hub:") and Path(value.partition("@")[0]).exists():
            raise UsageError(
                f"{name}={value} lies on this machine, and the executor sky runs on another. "
                f"Allowed: {'hub:org/name' if name == 'data' else 'org/name@revision'}"
            )


def _refuse_twins(runs: Sequence[PlannedRun]) -> None:
    """Raises UsageError where two runs resolve to the same: ``0.1`` and ``1e-1``."""
    seen: dict[tuple[str, int], PlannedRun] = {}
    for run in runs:
        twin = seen.setdefault((run.plan.config_sha256, run.seed), run)
        if twin is not run:
            differing = [name for name, value in run.values.items() if twin.values[name] != value]
            same = show_value(run.plan.config[differing[0]])
            raise UsageError(
                f"({twin.name}) and ({run.name}) are the same run: "
                f"{differing[0]} is {same} in both. Keep one"
            )

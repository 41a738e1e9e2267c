"""Puts a claim to the test: every arm over every seed as a run, then the evidence.

A run that finished earlier with the same configuration, seed, device and code stands, whichever
experiment it was made for, so an interrupted verification goes on where it stopped when the same
command is given again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from methods.experiments import EXPERIMENTS
from methods.experiments.protocol import Arm, Experiment, Scale, ScaleName
from registry.catalog.models import Evidence
from registry.core.errors import UnknownNameError, UsageError
from registry.runs.device import resolve_device
from registry.runs.evidence import Described, assemble, untested
from registry.runs.options import options_of, show_value
from registry.runs.plan import Plan, Request, find_method, make_plan
from registry.runs.records import RunRecord
from registry.runs.shelf import Need, Shelf, State

SCALES: tuple[str, ...] = get_args(ScaleName)


@dataclass(frozen=True)
class Task:
    """One arm with one seed, and the run that stands for it already, if there is one.

    ``plan`` is None until the runs of the arms it uses are there.
    """

    arm: Arm
    seed: int
    plan: Plan | None
    state: State
    record: RunRecord | None

    @property
    def command(self) -> str:
        """What runs it by itself, as far as that is known."""
        if self.plan is not None:
            return self.plan.command
        used = ", ".join(f"{option} of arm {name}" for option, name in self.arm.uses.items())
        return f"registry run {self.arm.method} (behind {used})"


@dataclass(frozen=True)
class Verification:
    """What ``registry verify`` is about to do, or has to do again."""

    experiment: Experiment
    scale: Scale
    seeds: tuple[int, ...]
    device: str
    command: str

    def tasks(self, shelf: Shelf) -> tuple[Task, ...]:
        """Every arm and seed, as it stands now."""
        found: dict[tuple[str, int], Task] = {}
        for seed in self.seeds:
            for arm in self.experiment.in_order():
                found[arm.name, seed] = self._task(arm, seed, shelf, found)
        return tuple(found.values())

    def _task(
        self, arm: Arm, seed: int, shelf: Shelf, before: Mapping[tuple[str, int], Task]
    ) -> Task:
        used = {name: before[name, seed].record for name in arm.needed}
        left = {n: left_by(r) for n, r in used.items() if r is not None and r.state == "finished"}
        if len(left) < len(used):
            return Task(arm, seed, None, "to run", None)
        ready = {o: ",".join(left[n] for n in text.split(",")) for o, text in arm.uses.items()}
        plan = self._plan(arm, seed, ready)
        state, record = shelf.find(plan)
        return Task(arm, seed, plan, state, record)

    def _plan(self, arm: Arm, seed: int, ready: Mapping[str, str]) -> Plan:
        method = str(arm.method)
        options: dict[str, Any] = {"model": self.scale.model, **arm.options_at(self.scale.name)}
        options |= ready
        # Evidence needs no weights, and a dozen arms of them would fill a disk.
        if options_of(find_method(method)).get("save_model"):
            options.setdefault("save_model", arm.name in self.experiment.used())
        return make_plan(Request(method, options, seed, self.device))


def experiments_of(
    method: str | None = None, claim: str | None = None, experiment: str | None = None
) -> list[Experiment]:
    """The experiments on ``method``, on ``claim`` alone, or the one called ``experiment``.

    Where none is on the method itself, those in which it is an arm. Without a method all of them.
    A claim is one of the method's own paper, or of others where that has none of the name.
    Raises UnknownNameError where there is no such method, claim or experiment.
    """
    found = list(EXPERIMENTS) if method is None else _on(find_method(method).slug)
    if experiment is not None:
        slugs = [e.slug for e in found]
        found = [e for e in found if e.slug == experiment]
        if not found:
            what = f"experiment of {method}" if method else "experiment"
            raise UnknownNameError(what, experiment, slugs, "registry verify --all --dry-run")
    if claim is None:
        return found
    chosen = [e for e in found if e.claim == claim]
    if not chosen:
        listing = f"registry show {find_method(method).paper}" if method else "registry list papers"
        what = f"claim of {method}" if method else "claim"
        raise UnknownNameError(what, claim, sorted({e.claim for e in found}), listing)
    # c1 is a name within a paper: the method's own, unless that has no such claim here.
    own = find_method(method).paper if method else None
    return [e for e in chosen if e.paper == own] or chosen


def _on(slug: str) -> list[Experiment]:
    found = [e for e in EXPERIMENTS if e.method == slug]
    found = found or [e for e in EXPERIMENTS if any(arm.method == slug for arm in e.arms)]
    if not found:
        known = sorted({arm.method for e in EXPERIMENTS for arm in e.arms if arm.method})
        raise UsageError(
            f"method {slug} has no experiment. Methods that have one: {', '.join(known)}"
        )
    return found


def experiment_name(experiment: Experiment) -> str | None:
    """The name that the evidence needs to be told from other evidence of the same method.

    None for the first experiment on a claim of the method's own paper: there the claim says it.
    """
    own = find_method(experiment.method).paper
    first = next(
        e
        for e in (*EXPERIMENTS, experiment)
        if (e.method, e.paper, e.claim) == (experiment.method, experiment.paper, experiment.claim)
    )
    plain = experiment.paper == own and first.slug == experiment.slug
    return None if plain else experiment.slug


def plan_verification(
    experiment: Experiment,
    scale_name: str,
    *,
    seeds: int | None = None,
    device: str = "auto",
    jobs: int = 1,
) -> Verification:
    """Which runs ``experiment`` needs at a scale. Runs nothing.

    Raises UsageError where the scale, the number of seeds or of jobs is not allowed.
    """
    scale = experiment.scale(scale_name)
    if scale is None:
        allowed = ", ".join(s.name for s in experiment.scales)
        raise UsageError(f"{experiment.slug} has no scale '{scale_name}'. Allowed: {allowed}")
    count = scale.seeds if seeds is None else seeds
    if not 1 <= count <= 100:
        raise UsageError(f"--seeds {count} is not allowed. Allowed: 1 to 100")
    if not 1 <= jobs <= 64:
        raise UsageError(f"--jobs {jobs} is not allowed. Allowed: 1 to 64")
    where = resolve_device(device)
    named = experiment_name(experiment)
    which = f"--experiment {named}" if named else f"--claim {experiment.claim}"
    command = (
        f"registry verify {experiment.method} {which} --scale {scale.name} "
        f"--seeds {count} --device {where}"
    )
    return Verification(experiment, scale, tuple(range(count)), where, command)


def verify(
    planned: Verification, shelf: Shelf, say: Callable[[str], None] = lambda _: None
) -> Evidence:
    """Do what is not done yet and weigh it. ``say`` takes a sentence for each run.

    Raises RunError where a run fails, Interrupted where one is stopped; finished runs are kept.
    """
    experiment, scale = planned.experiment, planned.scale
    described = Described(experiment_name(experiment), planned.command, given_options(planned))
    if scale.untestable:
        return untested(experiment, scale, described)
    done: dict[tuple[str, int], RunRecord] = {}
    # First what stands on its own, then what uses it. Seed by seed: stopped halfway, whole seeds
    # are there to look at.
    while len(done) < len(tasks := planned.tasks(shelf)):
        new = [t for t in tasks if t.plan is not None and (t.arm.name, t.seed) not in done]
        needs = [Need(f"arm {t.arm.name}, seed {t.seed}", t.plan) for t in new if t.plan]
        records = shelf.bring(needs, say, planned.command)
        done |= {(t.arm.name, t.seed): r for t, r in zip(new, records, strict=True)}
    runs = {
        arm.name: [done[arm.name, seed] for seed in planned.seeds] for arm in experiment.in_order()
    }
    return assemble(experiment, scale, planned.seeds, runs, described)


def given_options(planned: Verification) -> dict[str, dict[str, str]]:
    """Arm to the options it is given over its method's defaults, as they are typed."""
    name = planned.scale.name
    return {
        arm.name: {
            **{option: show_value(value) for option, value in arm.options_at(name).items()},
            **{option: f"arm:{other}" for option, other in arm.uses.items()},
        }
        for arm in planned.experiment.in_order()
    }


def left_by(record: RunRecord) -> str:
    """What a finished run leaves to others: its model, else its folder."""
    model = record.folder / "model"
    return str(model if model.is_dir() else record.folder)


def evidence_path(out: Path, evidence: Evidence) -> Path:
    """``<out>/<method>/<claim or experiment>-<scale>.json``."""
    return out / evidence.method / f"{evidence.name}.json"

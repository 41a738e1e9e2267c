"""What an experiment is: arms, what is compared, and when a claim counts as reproduced.

Plain frozen data, so that a file of experiments reads as a protocol and says all there is to say
before anything runs. Imports no torch and nothing else of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ScaleName = Literal["tiny", "smollm2"]
Moment = Literal["before", "after"]
Relation = Literal["above", "below", "within", "not below"]


@dataclass(frozen=True)
class Arm:
    """One thing that is done: a method with options, or nothing at all.

    ``options`` hold at every scale; ``tiny`` and ``smollm2`` are added at theirs. An arm without a
    method runs nothing: its values are those of the arm ``like`` before its run.

    ``uses`` maps an option to another arm: the option's value is the model that the other arm's run
    of the same seed left, or the run's folder where its method keeps no model. Several arms have
    commas between, and so have the values. A reward model that a policy is trained against, or two
    models that are merged, are arms of their own.
    """

    name: str
    label: str
    method: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    tiny: Mapping[str, Any] = field(default_factory=dict)
    smollm2: Mapping[str, Any] = field(default_factory=dict)
    like: str | None = None
    uses: Mapping[str, str] = field(default_factory=dict)

    @property
    def needed(self) -> frozenset[str]:
        """Names of the arms that this one uses."""
        return frozenset(name for text in self.uses.values() for name in text.split(","))

    def options_at(self, scale: ScaleName) -> dict[str, Any]:
        """The options of this arm at ``scale``, over the method's defaults for the model.

        Those of ``uses`` are not among them: their values are known when the other arms have run.
        """
        return {**self.options, **(self.tiny if scale == "tiny" else self.smollm2)}


@dataclass(frozen=True)
class Quantity:
    """A measure of an arm, before or after its run."""

    arm: str
    measure: str
    moment: Moment = "after"


@dataclass(frozen=True)
class Comparison:
    """``left`` against ``right``, paired by seed; it holds where the whole 95 % interval says so.

    ``above`` and ``below``: the interval of the mean of left - right excludes 0 on that side.
    ``within``: the interval lies inside -margin to +margin. ``not below``: it lies above -margin.
    """

    text: str
    left: Quantity
    right: Quantity
    relation: Relation
    margin: float = 0.0


@dataclass(frozen=True)
class LearningCurve:
    """A metric of the steps, for each arm: the mean over seeds, with the band from min to max."""

    name: str
    title: str
    metric: str
    y_label: str
    arms: tuple[str, ...]


@dataclass(frozen=True)
class ResultCurve:
    """A curve that the runs of ``arm`` drew themselves: mean over seeds, band from min to max."""

    name: str
    arm: str


@dataclass(frozen=True)
class PlaneCurve:
    """Two measures against each other, from before to after: one line for each arm."""

    name: str
    title: str
    x_measure: str
    x_label: str
    y_measure: str
    y_label: str
    arms: tuple[str, ...]


CurveRequest = LearningCurve | ResultCurve | PlaneCurve


@dataclass(frozen=True)
class Scale:
    """How large the experiment is done: the model, how often, and what a reader must know of it.

    ``untestable`` says why the claim cannot be tested at this scale; then nothing is run.
    """

    name: ScaleName
    model: str
    seeds: int
    protocol: str
    untestable: str | None = None


@dataclass(frozen=True)
class Experiment:
    """A claim of a paper put to the test. The first arm is the method, the others are controls.

    Verdict: *reproduced* where every comparison holds; *sign only* where every mean lies on the
    right side but an interval does not; *not reproduced* otherwise.
    """

    slug: str
    method: str
    paper: str
    claim: str
    question: str
    measures: tuple[str, ...]
    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]
    scales: tuple[Scale, ...]
    curves: tuple[CurveRequest, ...] = ()
    notes: tuple[str, ...] = ()

    def arm(self, name: str) -> Arm:
        """The arm called ``name``; there is one, or the experiment could not be made."""
        return next(a for a in self.arms if a.name == name)

    def scale(self, name: str) -> Scale | None:
        """The scale called ``name``, or None where the experiment has no such scale."""
        return next((s for s in self.scales if s.name == name), None)

    def in_order(self) -> tuple[Arm, ...]:
        """The arms that run something, each behind those it uses; else in the order given."""
        done: dict[str, Arm] = {}
        waiting = [arm for arm in self.arms if arm.method is not None]
        while waiting:
            ready = next((a for a in waiting if a.needed <= done.keys()), None)
            if ready is None:
                circle = ", ".join(arm.name for arm in waiting)
                raise ValueError(f"{self.slug}: arms use one another in a circle: {circle}")
            waiting.remove(ready)
            done[ready.name] = ready
        return tuple(done.values())

    def used(self) -> frozenset[str]:
        """Names of the arms whose models other arms need."""
        return frozenset(name for arm in self.arms for name in arm.needed)

    def __post_init__(self) -> None:
        known = {arm.name for arm in self.arms}
        if len(known) < len(self.arms):
            raise ValueError(f"{self.slug}: two arms have one name")
        named = {q.arm for c in self.comparisons for q in (c.left, c.right)}
        named |= {arm.like for arm in self.arms if arm.like}
        for curve in self.curves:
            named |= {curve.arm} if isinstance(curve, ResultCurve) else set(curve.arms)
        if named - known:
            raise ValueError(f"{self.slug}: no arm called {', '.join(sorted(named - known))}")
        if any((arm.method is None) != (arm.like is not None) for arm in self.arms):
            raise ValueError(f"{self.slug}: an arm has a method, or is like one that has")
        for arm in self.arms:
            self._check_uses(arm)
        self.in_order()

    def _check_uses(self, arm: Arm) -> None:
        runs = {other.name for other in self.arms if other.method is not None}
        for name in sorted(arm.needed - runs):
            option = next(o for o, text in arm.uses.items() if name in text.split(","))
            raise ValueError(
                f"{self.slug}: arm {arm.name} uses '{name}' as {option}, and no arm of that "
                f"name runs a method. Allowed: {', '.join(sorted(runs - {arm.name}))}"
            )
        for option, name in arm.uses.items():
            if option in {**arm.options, **arm.tiny, **arm.smollm2}:
                raise ValueError(
                    f"{self.slug}: arm {arm.name} has {option} twice: {name} and a value"
                )
        if arm.uses and arm.method is None:
            raise ValueError(f"{self.slug}: arm {arm.name} runs nothing and can use nothing")

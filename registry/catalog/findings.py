"""What was found of a claim: its evidence, or why there is none, and what else bears on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from methods.experiments.protocol import Experiment, Scale
from registry.catalog.models import Claim, Evidence, Paper

State = Literal[
    "measured", "measured elsewhere", "not testable here", "not measured yet", "not tested"
]
STATES: tuple[State, ...] = get_args(State)
_UNTESTABLE = "not testable at this scale"


@dataclass(frozen=True)
class Bearing:
    """An experiment on another paper's claim, and its evidence so far, the larger model first."""

    experiment: Experiment
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Finding:
    """All that is known here of one claim.

    ``experiment`` is None where no experiment tests the claim, or where the one it names is not
    among those installed.
    """

    claim: Claim
    evidence: tuple[Evidence, ...]  # the larger model first
    experiment: Experiment | None
    bearing: tuple[Bearing, ...]

    @property
    def state(self) -> State:
        """*Measured* where there are figures of the claim itself, *measured elsewhere* where only
        of another paper's that bears on it; else whether an experiment waits to be run."""
        if _has_figures(self.evidence):
            return "measured"
        if self.claim.experiment is None:
            elsewhere = any(_has_figures(one.evidence) for one in self.bearing)
            return "measured elsewhere" if elsewhere else "not tested"
        scales = self.experiment.scales if self.experiment else ()
        untestable = bool(scales) and all(scale.untestable is not None for scale in scales)
        return "not testable here" if untestable else "not measured yet"

    @property
    def why(self) -> str | None:
        """In plain words why nothing was measured, None where something was."""
        if self.state == "measured":
            return None
        if self.claim.experiment is None:
            return self.claim.untested or "No experiment of ours tests it yet."
        if self.state == "not testable here":
            return f"The experiment {self.claim.experiment} says why."
        return f"The experiment {self.claim.experiment} is written."

    @property
    def command(self) -> str | None:
        """What would measure it, None where it was measured or cannot be."""
        if self.state == "measured" or self.experiment is None:
            return None
        scale = next((s for s in self.experiment.scales if s.untestable is None), None)
        if scale is None:
            return None
        return (
            f"registry verify {self.experiment.method} --experiment {self.experiment.slug} "
            f"--scale {scale.name}"
        )

    @property
    def untestable(self) -> tuple[Scale, ...]:
        """The scales at which the experiment can tell nothing, each with its reason."""
        scales = self.experiment.scales if self.experiment else ()
        measured = {one.scale for one in self.evidence}
        return tuple(s for s in scales if s.untestable is not None and s.name not in measured)


def finding(
    paper: Paper,
    claim: Claim,
    evidence: Iterable[Evidence],
    experiments: Iterable[Experiment],
) -> Finding:
    """What ``evidence`` and ``experiments`` have of ``claim``, which is one of ``paper``."""
    held = tuple(evidence)
    known = {experiment.slug: experiment for experiment in experiments}
    own = (e for e in held if (e.paper, e.claim) == (paper.id, claim.id))
    return Finding(
        claim=claim,
        evidence=_in_order(own),
        experiment=known.get(claim.experiment or ""),
        bearing=tuple(
            Bearing(known[slug], evidence_of(known[slug], held))
            for slug in claim.bearing
            if slug in known
        ),
    )


def evidence_of(experiment: Experiment, evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """What was measured by ``experiment``, the larger model first."""
    about = (experiment.method, experiment.paper, experiment.claim)
    return _in_order(
        e
        for e in evidence
        if (e.method, e.paper, e.claim) == about and e.experiment in (None, experiment.slug)
    )


def _has_figures(evidence: Iterable[Evidence]) -> bool:
    return any(one.verdict != _UNTESTABLE for one in evidence)


def _in_order(evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple(sorted(evidence, key=lambda e: (e.method, e.claim, e.scale != "smollm2")))


@dataclass(frozen=True)
class Cost:
    """What a piece of evidence took; an arm that runs nothing takes nothing."""

    seeds: int
    runs: int
    seconds: float  # of training or of sampling, over all runs


def cost(evidence: Evidence) -> Cost:
    """The seeds, runs and seconds of ``evidence``; an arm with several measures counts once."""
    arms = {m.arm: m for m in evidence.measured}
    ran = [m for m in arms.values() if m.method is not None]
    return Cost(
        seeds=max((len(m.seeds) for m in evidence.measured), default=0),
        runs=sum(len(m.seeds) for m in ran),
        seconds=sum(sum(m.seconds) for m in ran),
    )

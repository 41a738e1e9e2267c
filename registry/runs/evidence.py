"""From finished runs to a record of evidence: measures, differences, verdict, curves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from methods.experiments.protocol import Comparison as Asked
from methods.experiments.protocol import Experiment, Quantity, Scale
from registry.catalog.models import Comparison, Evidence, Measurement, Verdict
from registry.core.clock import now
from registry.core.errors import RunError
from registry.core.intervals import Bounds, Mean, mean_over_seeds, paired_difference, range_of
from registry.runs.code import git_state
from registry.runs.curves import draw
from registry.runs.records import Manifest, Measure, RunRecord

Runs = Mapping[str, Sequence[RunRecord]]


@dataclass(frozen=True)
class Described:
    """What evidence says beside its numbers.

    ``name`` is the experiment's where the claim alone does not tell it; ``options`` are those of
    each arm, as typed.
    """

    name: str | None
    command: str
    options: Mapping[str, Mapping[str, str]]


def assemble(
    experiment: Experiment,
    scale: Scale,
    seeds: Sequence[int],
    runs: Runs,
    described: Described,
) -> Evidence:
    """The evidence that ``runs`` (arm to its runs, in the order of ``seeds``) gives.

    Its numbers have six significant digits. Raises RunError where a run lacks a measure that the
    experiment asks for.
    """
    weighed = [_weigh(experiment, asked, runs) for asked in experiment.comparisons]
    main = _manifest(runs[experiment.arms[0].name][0])
    evidence = Evidence(
        method=experiment.method,
        paper=experiment.paper,
        claim=experiment.claim,
        experiment=described.name,
        scale=scale.name,
        question=experiment.question,
        protocol=scale.protocol,
        measured=tuple(_measured(experiment, seeds, runs)),
        comparisons=tuple(comparison for comparison, _ in weighed),
        curves=tuple(c for asked in experiment.curves if (c := draw(asked, experiment, runs))),
        verdict=_verdict(weighed),
        notes=(*experiment.notes, *_notes_of_runs(experiment, runs)),
        command=described.command,
        date=now().date(),
        device=main.device_name or main.device,
        versions=dict(sorted(main.versions.items())),
        git_commit=main.git.commit,
        config_sha256={
            arm: _config_sha256(experiment, arm, arm_runs[0])
            for arm, arm_runs in sorted(runs.items())
        },
        options={arm: dict(options) for arm, options in described.options.items()},
    )
    return Evidence.model_validate(_rounded(evidence.model_dump()))


def untested(experiment: Experiment, scale: Scale, described: Described) -> Evidence:
    """The record of a claim that cannot be tested at ``scale``, and why."""
    return Evidence(
        method=experiment.method,
        paper=experiment.paper,
        claim=experiment.claim,
        experiment=described.name,
        scale=scale.name,
        question=experiment.question,
        protocol=scale.protocol,
        measured=(),
        comparisons=(),
        verdict="not testable at this scale",
        notes=(scale.untestable or "not testable",),
        command=described.command,
        date=now().date(),
        device="none",
        versions={},
        git_commit=git_state()["commit"],
    )


def values(experiment: Experiment, quantity: Quantity, runs: Runs) -> list[float]:
    """The values of ``quantity``, one a seed."""
    return [_value(m, quantity.moment, quantity) for m in _measures(experiment, quantity, runs)]


def _measures(experiment: Experiment, quantity: Quantity, runs: Runs) -> list[Measure]:
    arm = experiment.arm(quantity.arm)
    found = []
    for record in runs[arm.like or arm.name]:
        measure = record.results.measure(quantity.measure) if record.results else None
        if measure is None:
            has = [m.name for m in record.results.measures] if record.results else []
            raise RunError(
                f"run {record.run_id} has no measure '{quantity.measure}', which "
                f"{experiment.slug} compares. It has: {', '.join(has) or 'none'}",
                record.folder,
            )
        found.append(_nothing_done(measure) if arm.like else measure)
    return found


def _nothing_done(measure: Measure) -> Measure:
    """What an arm without a run measures: the start, before and after."""
    before = _value(measure, "before", Quantity("", measure.name))
    return measure.model_copy(update={"after": before, "after_interval": measure.before_interval})


def _value(measure: Measure, moment: str, quantity: Quantity) -> float:
    if moment == "after":
        return measure.after
    if measure.before is None:
        raise RunError(f"measure '{quantity.measure}' was not taken before the run")
    return measure.before


def _own(measure: Measure, moment: str) -> Bounds | None:
    return measure.after_interval if moment == "after" else measure.before_interval


def _measured(experiment: Experiment, seeds: Sequence[int], runs: Runs) -> list[Measurement]:
    rows = []
    for arm in experiment.arms:
        for name in experiment.measures:
            if not _has(runs[arm.like or arm.name][0], name):
                continue
            found = _measures(experiment, Quantity(arm.name, name), runs)
            unit = found[0].unit or "none"
            after = [m.after for m in found]
            own = [m.after_interval for m in found]
            mean = mean_over_seeds(after, own[0], range_of(unit, after, own))
            spent = [0.0 if arm.like else _seconds(record) for record in runs[arm.like or arm.name]]
            rows.append(
                Measurement(
                    arm=arm.name,
                    label=arm.label,
                    method=arm.method,
                    measure=_slug(name),
                    unit=unit,
                    seeds=tuple(seeds),
                    before=tuple(m.before for m in found if m.before is not None),
                    after=tuple(after),
                    mean_after=mean.value,
                    interval=mean.interval,
                    seconds=tuple(spent),
                )
            )
    return rows


def _weigh(experiment: Experiment, asked: Asked, runs: Runs) -> tuple[Comparison, bool]:
    """The comparison, and whether its mean at least lies on the right side."""
    left, right = asked.left, asked.right
    one = _measures(experiment, left, runs)[0], _measures(experiment, right, runs)[0]
    found = paired_difference(
        values(experiment, left, runs),
        values(experiment, right, runs),
        _own(one[0], left.moment),
        _own(one[1], right.moment),
    )
    holds, sign = _judge(asked, found)
    comparison = Comparison(
        text=asked.text, difference=found.value, interval=found.interval, holds=holds
    )
    return comparison, sign


def _judge(asked: Asked, found: Mean) -> tuple[bool, bool]:
    low, high = found.interval
    if asked.relation == "above":
        return low > 0, found.value > 0
    if asked.relation == "below":
        return high < 0, found.value < 0
    if asked.relation == "not below":
        return low > -asked.margin, found.value > -asked.margin
    return -asked.margin < low and high < asked.margin, abs(found.value) < asked.margin


def _verdict(weighed: Sequence[tuple[Comparison, bool]]) -> Verdict:
    if weighed and all(comparison.holds for comparison, _ in weighed):
        return "reproduced"
    if weighed and all(sign for _, sign in weighed):
        return "sign only"
    return "not reproduced"


def _notes_of_runs(experiment: Experiment, runs: Runs) -> list[str]:
    main = runs[experiment.arms[0].name]
    notes = dict.fromkeys(n for record in main if record.results for n in record.results.notes)
    if any(_manifest(record).git.dirty for arm in runs.values() for record in arm):
        notes["The code held changes that are in no commit."] = None
    if len(main) == 1:
        notes["One seed: intervals are those of the run itself, over its held-out items."] = None
    return list(notes)


def _has(record: RunRecord, measure: str) -> bool:
    return record.results is not None and record.results.measure(measure) is not None


def _seconds(record: RunRecord) -> float:
    return record.results.train_seconds if record.results else 0.0


def _config_sha256(experiment: Experiment, arm: str, record: RunRecord) -> str:
    manifest, uses = _manifest(record), experiment.arm(arm).uses
    if not uses:
        return manifest.config_sha256
    # The folder of another run differs from machine to machine; which arm it is does not.
    config = manifest.config | {option: f"arm:{name}" for option, name in uses.items()}
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def _manifest(record: RunRecord) -> Manifest:
    if record.manifest is None:
        raise RunError(f"run {record.run_id} has no manifest", record.folder)
    return record.manifest


def _slug(measure: str) -> str:
    return measure.replace("_", "-")


def _rounded(value: Any) -> Any:
    # Six digits say all that a mean over seeds knows, and the file says no more than that.
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(_rounded(item) for item in value)
    return value

"""Which setting of a task is neither hopeless nor solved for a model: pass@1 of each, by a sweep.

A setting is the task with one value of each of its difficulty's options. The runs are best-of-n's:
its expected accuracy with one sample is the unbiased pass@1, its interval is over problems.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from methods.engine.tasks import parse_task
from registry.core.errors import UsageError
from registry.core.intervals import Bounds
from registry.core.settings import Settings
from registry.runs.sweep import Sweep, records

METHOD = "best-of-n"
_ONE_SAMPLE = "expected_accuracy_at_n"  # before the choice: one sample
# What makes a built-in task harder, and the values looked at where none are given.
DIFFICULTY: dict[str, tuple[str, ...]] = {"digits": ("1", "2"), "terms": ("2", "3", "4")}


@dataclass(frozen=True)
class Setting:
    """A task as it may be set, and how often one sample of the model solves it."""

    task: str
    run_id: str
    state: str
    pass_at_1: float | None = None
    interval: Bounds | None = None
    problem: str | None = None

    def verdict(self, low: float, high: float) -> str:
        """``fits``, ``too hard`` or ``too easy``, with a doubt where the interval has one."""
        if self.pass_at_1 is None:
            return self.problem or self.state
        below, above = self.interval or (self.pass_at_1, self.pass_at_1)
        if self.pass_at_1 < low:
            return "too hard" if above < low else "too hard, perhaps"
        if self.pass_at_1 > high:
            return "too easy" if below > high else "too easy, perhaps"
        return "fits" if low <= below and above <= high else "fits, perhaps"


def settings_of(task: str, vary: Mapping[str, str]) -> list[str]:
    """Every combination of the values to ``vary``, as tasks; what ``task`` says already is kept.

    ``vary`` maps an option of the task to its values, comma-separated; without it they are those of
    ``DIFFICULTY`` that the task has and ``task`` leaves open. Raises UsageError where there is
    nothing to vary, or a setting is not allowed.
    """
    name, _, rest = task.strip().partition(":")
    said = dict(part.split("=", 1) for part in rest.split(",") if "=" in part)
    try:
        info, _ = parse_task(task)
        known = info.options.model_fields
        values = {o: tuple(v.strip() for v in text.split(",")) for o, text in vary.items()}
        values = values or {
            option: tuple(v for v in usual if _is_allowed(f"{name}:{option}={v}"))
            for option, usual in DIFFICULTY.items()
            if option in known and option not in said
        }
        if twice := sorted(set(values) & set(said)):
            raise UsageError(f"{twice[0]} is given twice: in {task} and to vary. Drop one")
        made = [
            f"{name}:" + ",".join(f"{k}={v}" for k, v in {**said, **dict(chosen)}.items())
            for chosen in itertools.product(
                *([(option, value) for value in found] for option, found in values.items())
            )
        ]
        for one in made:
            parse_task(one)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if len(made) < 2:
        raise UsageError(
            f"task {task} leaves nothing to vary. Give an option with several values: "
            f"--vary {next(iter(known))}=...; its options: {', '.join(known)}"
        )
    return made


def _is_allowed(task: str) -> bool:
    try:
        parse_task(task)
    except ValueError:
        return False
    return True


def measured(sweep: Sweep, settings: Settings) -> list[Setting]:
    """What the runs of ``sweep`` found so far, in its order."""
    found = []
    for run, record in zip(sweep.runs, records(sweep, settings), strict=True):
        task = run.values.get("task", "")
        one = record.results.measure(_ONE_SAMPLE) if record.results else None
        if record.state != "finished":
            found.append(Setting(task, run.run_id, record.state, problem=record.problem))
        elif one is None or one.before is None:
            said = "its answers are scored and not checked, so that none passes or fails"
            found.append(Setting(task, run.run_id, record.state, problem=said))
        else:
            found.append(Setting(task, run.run_id, record.state, one.before, one.before_interval))
    return found


def choose(found: Sequence[Setting], low: float, high: float) -> Setting | None:
    """The setting nearest the middle of ``low`` to ``high``, or None where none lies there.

    One whose whole interval lies there goes before one whose interval reaches out.
    """
    fitting = [s for s in found if s.verdict(low, high).startswith("fits")]
    middle = (low + high) / 2

    def rank(setting: Setting) -> tuple[bool, float]:
        return setting.verdict(low, high) != "fits", abs((setting.pass_at_1 or 0.0) - middle)

    return min(fitting, key=rank, default=None)


def advice(found: Sequence[Setting], low: float, high: float) -> str:
    """What to try where no setting fits."""
    verdicts = [s.verdict(low, high) for s in found if s.pass_at_1 is not None]
    if all(v.startswith("too hard") for v in verdicts):
        return "all are too hard: take easier values, worked examples (shots), or a larger model"
    if all(v.startswith("too easy") for v in verdicts):
        return "all are too easy: take harder values"
    return "some are too hard and some too easy: take values between them"

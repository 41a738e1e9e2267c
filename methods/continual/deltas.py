"""What a stream costs beside its own tasks: the cross-stage deltas of the survey 2402.01364.

After TRACE (2310.06762), with R[t][m] the score of probe m after t tasks and R[0][m] the start's,

    Delta R_t = 1/M sum_m (R[t][m] - R[0][m])

is GAD where the probes ask for general ability, IFD where they ask that instructions are followed,
and SD where they ask for safe answers. A stream of tasks has one probe each for the first two, on
the start's own task: whether answers are right, and whether they have the form of its answers. A
model that was never taught to refuse has no safety to lose, so SD is there for probes of one's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from methods.continual.measures import Measured, Row, Scores, mean_of, ratio
from methods.engine.results import Estimate, Measure

Stage = Literal["gad", "ifd", "sd"]
Probes = Mapping[tuple[Stage, str], Sequence[Row]]  # (stage, kind of score) -> rows 0 to t
SAID: dict[Stage, str] = {
    "gad": "General-ability delta",
    "ifd": "Instruction-following delta",
    "sd": "Safety delta",
}
KINDS = {
    "accuracy": ("greedy accuracy", "fraction", True),
    "form": ("share of answers in the form asked for", "fraction", True),
    "loss": ("loss", "nats per token", False),
}
OF_STREAM: tuple[tuple[Stage, str], ...] = (("gad", "accuracy"), ("gad", "loss"), ("ifd", "form"))


def delta(now: Row, start: Row) -> Estimate:
    """1/M sum_m (R[t][m] - R[0][m]): the mean over probes, each taken problem by problem."""
    return mean_of([a - b for a, b in zip(now, start, strict=True)], ratio)


def shape(text: str) -> str:
    """What ``text`` looks like: its digits and letters in runs, blanks about it aside.

    >>> shape(" 12+3=x ")
    '0+0=a'
    """
    return re.sub(r"[A-Za-z]+", "a", re.sub(r"[0-9]+", "0", text.strip()))


def shapes_of(answers: Iterable[str]) -> frozenset[str]:
    """The shapes that demonstrated answers have: what the form asked for allows."""
    return frozenset(map(shape, answers))


def probes_of(general: Sequence[Measured]) -> dict[tuple[Stage, str], list[list[Scores]]]:
    """Those of a stream, from what was measured on the start's own task at 0 to t."""
    return {
        (stage, kind): [[Scores.from_json(entry[kind])] for entry in general]
        for stage, kind in OF_STREAM
        if all(kind in entry for entry in general)
    }


def deltas_of(probes: Probes) -> list[list[Measure]]:
    """For each stage and kind of score the deltas after 1 to t tasks, the start's own score beside.

    ``before`` is 0 by definition; a delta of scores where more is better is better higher.
    """
    found, zero = [], Estimate(0.0, (0.0, 0.0), 1)
    for (stage, kind), rows in probes.items():
        title, unit, higher = KINDS[kind]
        said = f"{SAID[stage]}, {title}"
        after = [delta(row, rows[0]) for row in rows[1:]]
        found.append([Measure(f"{stage}_{kind}", said, unit, higher, zero, e) for e in after])
    return found


def curves_of_deltas(deltas: Sequence[Sequence[Measure]]) -> list[dict[str, Any]]:
    """The deltas over the tasks trained on: fractions in one figure, or else losses."""
    fractions = [d for d in deltas if d[0].unit == "fraction"]
    drawn = fractions or list(deltas)
    series = [
        {
            "label": line[0].title,
            "x": list(range(len(line) + 1)),
            "y": [0.0, *(m.after.mean for m in line)],
            "low": [0.0, *(m.after.interval[0] for m in line)],
            "high": [0.0, *(m.after.interval[1] for m in line)],
        }
        for line in drawn
    ]
    if not series:
        return []
    return [{
        "name": "deltas", "title": "What the stream costs beside its own tasks",
        "x_label": "tasks trained on", "y_label": f"change since the start ({drawn[0][0].unit})",
        "x_log": False, "series": series,
    }]  # fmt: skip

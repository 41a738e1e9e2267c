"""Does electing signs merge better than adding? After 2306.01708, without a validation set."""

from __future__ import annotations

from methods.experiments.merge import SCALES
from methods.experiments.protocol import Arm, Comparison, Experiment, Quantity

_LOSS = "loss"

MERGE_TIES = Experiment(
    slug="merge-ties",
    method="ties",
    paper="2306.01708",
    claim="c1",
    question=(
        "With nothing to tune on, is a merge of two experts by trimming and electing signs better "
        "at both tasks than their average and than the sum of their task vectors?"
    ),
    measures=(_LOSS, "accuracy"),
    arms=(
        Arm("ties", "TIES, the largest 20 % kept, lambda 1", "ties"),
        Arm(
            "sum",
            "task arithmetic, lambda 0.4 (what the paper compares with)",
            "task-arithmetic",
            options={"scale": 0.4},
        ),
        Arm("average", "plain averaging of the two experts", "task-arithmetic"),
        Arm("no-trim", "TIES without trimming", "ties", options={"density": 1.0}),
    ),
    comparisons=(
        Comparison(
            "Loss over both tasks is below that of the start",
            Quantity("ties", _LOSS),
            Quantity("ties", _LOSS, "before"),
            "below",
        ),
        Comparison(
            "It is below that of task arithmetic",
            Quantity("ties", _LOSS),
            Quantity("sum", _LOSS),
            "below",
        ),
        Comparison(
            "It is below that of plain averaging",
            Quantity("ties", _LOSS),
            Quantity("average", _LOSS),
            "below",
        ),
    ),
    scales=SCALES,
    notes=(
        "Both settings are those that the paper's authors give where there is no validation set.",
        "Two vectors interfere little; the paper merges seven to eleven models.",
    ),
)

"""Does one model between two hold the abilities of both, by arc or chord? After 2403.13257."""

from __future__ import annotations

from methods.experiments.merge import SCALES
from methods.experiments.protocol import Arm, Comparison, Experiment, Quantity

_LOSS = "loss"

MERGE_SLERP = Experiment(
    slug="merge-slerp",
    method="slerp",
    paper="2403.13257",
    claim="c1",
    question=(
        "Is the middle of the arc between two experts better at both tasks than their start and "
        "than either of them, and does it differ from the middle of the chord, their average?"
    ),
    measures=(_LOSS, "accuracy", "model_1_loss", "model_2_loss"),
    arms=(
        Arm("arc", "spherical interpolation, t = 0.5", "slerp"),
        Arm("chord", "linear interpolation, t = 0.5", "slerp", options={"curve": "chord"}),
    ),
    comparisons=(
        Comparison(
            "Loss over both tasks is below that of the start",
            Quantity("arc", _LOSS),
            Quantity("arc", _LOSS, "before"),
            "below",
        ),
        Comparison(
            "It is below that of the first expert alone",
            Quantity("arc", _LOSS),
            Quantity("arc", "model_1_loss"),
            "below",
        ),
        Comparison(
            "It is below that of the second expert alone",
            Quantity("arc", _LOSS),
            Quantity("arc", "model_2_loss"),
            "below",
        ),
    ),
    scales=SCALES,
    notes=(
        "Linear interpolation is shown beside it and is no part of the claim.",
        "Two models fine-tuned from one start are nearly parallel, so that arc and chord nearly "
        "are one: a small difference is what the geometry promises.",
    ),
)

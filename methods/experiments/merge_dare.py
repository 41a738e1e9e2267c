"""Can nine tenths of what fine-tuning changed be dropped? After 2311.03099."""

from __future__ import annotations

from methods.experiments.merge import SCALES
from methods.experiments.protocol import Arm, Comparison, Experiment, Quantity

_MARGIN = 0.05

MERGE_DARE = Experiment(
    slug="merge-dare",
    method="dare",
    paper="2311.03099",
    claim="c1",
    question=(
        "Does an expert lose little of its accuracy where 90 % of its delta parameters are dropped "
        "and the rest is rescaled, and is it the rescaling that does it?"
    ),
    measures=("thinned_accuracy", "thinned_loss", "own_accuracy", "accuracy", "loss"),
    arms=(
        Arm("dare", "DARE, p = 0.9", "dare"),
        Arm("drop-only", "dropped and not rescaled", "dare", options={"rescale": False}),
        Arm("half", "DARE, p = 0.5", "dare", options={"drop_rate": 0.5}),
    ),
    comparisons=(
        Comparison(
            "Accuracy of each expert on its own task, 90 % dropped, is as before within 0.05",
            Quantity("dare", "thinned_accuracy"),
            Quantity("dare", "thinned_accuracy", "before"),
            "within",
            _MARGIN,
        ),
        Comparison(
            "Rescaled it is above dropped alone",
            Quantity("dare", "thinned_accuracy"),
            Quantity("drop-only", "thinned_accuracy"),
            "above",
        ),
    ),
    scales=SCALES,
    notes=(
        "The paper finds that larger models bear larger drop rates; a model of less than a million "
        "parameters is far below its smallest.",
    ),
)

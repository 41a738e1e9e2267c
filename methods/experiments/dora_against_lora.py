"""Does training magnitudes apart answer more questions right than LoRA of the same rank?"""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    LearningCurve,
    Quantity,
    Scale,
)

_ACCURACY = "held_out_accuracy"

DORA_AGAINST_LORA = Experiment(
    slug="dora-against-lora",
    method="dora",
    paper="2402.09353",
    claim="c1",
    question=(
        "On the same demonstrations, in the same steps, at the same rank and rate, does DoRA "
        "answer more held-out questions right than LoRA?"
    ),
    measures=(_ACCURACY, "held_out_loss", "trained_loss"),
    arms=(
        Arm("dora", "DoRA of rank 8", "dora"),
        Arm("lora", "LoRA of rank 8", "lora"),
        Arm(
            "shuffled",
            "DoRA on the same answers, each under another prompt",
            "dora",
            options={"labels": "shuffled"},
        ),
    ),
    comparisons=(
        Comparison(
            "Accuracy after DoRA is above that of the start",
            Quantity("dora", _ACCURACY),
            Quantity("dora", _ACCURACY, "before"),
            "above",
        ),
        Comparison(
            "Accuracy after DoRA is above that after LoRA",
            Quantity("dora", _ACCURACY),
            Quantity("lora", _ACCURACY),
            "above",
        ),
        Comparison(
            "Accuracy after DoRA is above that after DoRA on shuffled answers",
            Quantity("dora", _ACCURACY),
            Quantity("shuffled", _ACCURACY),
            "above",
        ),
    ),
    curves=(
        LearningCurve(
            "training-loss",
            "Training loss",
            "loss",
            "loss (nats per token)",
            ("dora", "lora", "shuffled"),
        ),
    ),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "The tiny decoder, trained from scratch on 400 labels of two-digit addition until "
                "its learning rate reached zero, then adapted to 4,000 demonstrations of the same "
                "task for 300 steps of 64, every linear layer, rank 8, alpha 16, at 0.003. Greedy "
                "accuracy is measured on 1,000 held-out problems whose operands are never trained "
                "on."
            ),
        ),
    ),
    notes=("One configuration was tried, the same for both.",),
)

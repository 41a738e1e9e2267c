"""Does training one weight in a hundred reach what training all of them reaches?"""

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
_MARGIN = 0.05
_ONE = {"rank": 1, "alpha": 2.0}

LORA_AGAINST_FULL = Experiment(
    slug="lora-against-full",
    method="lora",
    paper="2106.09685",
    claim="c1",
    question=(
        "On the same demonstrations and in the same steps, does LoRA with about one per cent of "
        "the parameters answer as many held-out questions right as training them all?"
    ),
    measures=(_ACCURACY, "held_out_loss", "trained_loss"),
    arms=(
        Arm("lora", "LoRA of rank 1: 1.1 % of the parameters", "lora", options=_ONE),
        Arm("full", "all parameters", "sft"),
        Arm("rank-8", "LoRA of rank 8: 9 % of the parameters", "lora", options={"rank": 8}),
        Arm(
            "shuffled",
            "LoRA of rank 1 on the same answers, each under another prompt",
            "lora",
            options={**_ONE, "labels": "shuffled"},
        ),
    ),
    comparisons=(
        Comparison(
            "Accuracy after LoRA is above that of the start",
            Quantity("lora", _ACCURACY),
            Quantity("lora", _ACCURACY, "before"),
            "above",
        ),
        Comparison(
            "Accuracy after LoRA is that after training all parameters, within 0.05",
            Quantity("lora", _ACCURACY),
            Quantity("full", _ACCURACY),
            "within",
            _MARGIN,
        ),
        Comparison(
            "Accuracy after LoRA is above that after LoRA on shuffled answers",
            Quantity("lora", _ACCURACY),
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
            ("lora", "full", "rank-8", "shuffled"),
        ),
    ),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "The tiny decoder (1.05 million parameters, width 128), trained from scratch on "
                "400 labels of two-digit addition until its learning rate reached zero, then on "
                "4,000 demonstrations of the same task for 300 steps of 64; at a rate of 0.001 "
                "where all is trained, of 0.003 beside frozen weights. Greedy accuracy is measured "
                "on 1,000 held-out problems whose operands are never trained on."
            ),
        ),
    ),
    notes=(
        "The paper's models know their tasks' language from pre-training, so that little has to "
        "change. The tiny start does not know how to add; what it must learn may not be of low "
        "rank. Rank 8 is shown beside and is not part of the verdict.",
        "One configuration of each was tried.",
    ),
)

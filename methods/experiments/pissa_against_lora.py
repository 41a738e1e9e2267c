"""Does an adapter begun at the principal components converge faster than LoRA?"""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    LearningCurve,
    Quantity,
    Scale,
)

_LOSS = "trained_loss"
_SAME = {"rank": 8, "alpha": 8.0, "steps": 100, "schedule": "constant"}

PISSA_AGAINST_LORA = Experiment(
    slug="pissa-against-lora",
    method="pissa",
    paper="2404.02948",
    claim="c1",
    question=(
        "After as few as 100 steps at the same rank, scaling and rate, does PiSSA fit the "
        "demonstrations better than LoRA?"
    ),
    measures=(_LOSS, "held_out_loss", "held_out_accuracy"),
    arms=(
        Arm("pissa", "PiSSA of rank 8", "pissa", options=_SAME),
        Arm("lora", "LoRA of rank 8", "lora", options=_SAME),
        Arm(
            "shuffled",
            "PiSSA on the same answers, each under another prompt",
            "pissa",
            options={**_SAME, "labels": "shuffled"},
        ),
    ),
    comparisons=(
        Comparison(
            "Loss on the demonstrations after PiSSA is below that of the start",
            Quantity("pissa", _LOSS),
            Quantity("pissa", _LOSS, "before"),
            "below",
        ),
        Comparison(
            "Loss on the demonstrations after PiSSA is below that after LoRA",
            Quantity("pissa", _LOSS),
            Quantity("lora", _LOSS),
            "below",
        ),
        Comparison(
            "Held-out loss after PiSSA is below that after PiSSA on shuffled answers",
            Quantity("pissa", "held_out_loss"),
            Quantity("shuffled", "held_out_loss"),
            "below",
        ),
    ),
    curves=(
        LearningCurve(
            "training-loss",
            "Training loss",
            "loss",
            "loss (nats per token)",
            ("pissa", "lora", "shuffled"),
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
                "task for 100 steps of 64 at a rate of 0.003 after 15 of warm-up, every linear "
                "layer, alpha equal to the rank. The loss is that of 500 of the demonstrations "
                "after the last step."
            ),
        ),
    ),
    notes=(
        "Weights of width 128 that were trained for 300 steps have a flatter spectrum than those "
        "of a pretrained model, and rank 8 is a sixteenth of it.",
        "One configuration was tried, the same for both.",
    ),
)

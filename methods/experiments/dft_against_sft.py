"""Does weighing each token by its own probability generalise better than plain SFT?"""

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

DFT_AGAINST_SFT = Experiment(
    slug="dft-against-sft",
    method="dft",
    paper="2508.05629",
    claim="c1",
    question=(
        "From one start, on the same demonstrations, in the same steps and at the same rate, does "
        "Dynamic Fine-Tuning answer more held-out questions right than supervised fine-tuning?"
    ),
    measures=(_ACCURACY, "held_out_loss", "trained_loss"),
    arms=(
        Arm("dft", "DFT on the demonstrations", "dft"),
        Arm("sft", "SFT on the same demonstrations", "sft"),
        Arm(
            "shuffled",
            "DFT on the same answers, each under another prompt",
            "dft",
            options={"labels": "shuffled"},
        ),
    ),
    comparisons=(
        Comparison(
            "Accuracy after DFT is above that of the start",
            Quantity("dft", _ACCURACY),
            Quantity("dft", _ACCURACY, "before"),
            "above",
        ),
        Comparison(
            "Accuracy after DFT is above that after SFT",
            Quantity("dft", _ACCURACY),
            Quantity("sft", _ACCURACY),
            "above",
        ),
        Comparison(
            "Accuracy after DFT is above that after DFT on shuffled answers",
            Quantity("dft", _ACCURACY),
            Quantity("shuffled", _ACCURACY),
            "above",
        ),
    ),
    curves=(
        LearningCurve(
            "training-loss",
            "Training loss, each in its own terms",
            "loss",
            "loss (nats per token)",
            ("dft", "sft", "shuffled"),
        ),
    ),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "The tiny decoder, trained from scratch on 400 labels of two-digit addition until "
                "its learning rate reached zero, then trained on 4,000 demonstrations of the same "
                "task for 300 steps of 64. Greedy accuracy is measured on 1,000 held-out problems "
                "whose operands, in either order, are never trained on."
            ),
        ),
    ),
    notes=(
        "The paper starts from models that have seen the domain in pre-training, where most tokens "
        "of a demonstration are likely already; the tiny start is right on few answers, and what "
        "it holds for unlikely DFT learns slowly.",
        "One configuration was tried: the options of the sft preset, for both.",
    ),
)

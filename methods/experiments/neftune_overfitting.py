"""Do models tuned with noisy embeddings overfit less? After Section 5 of 2310.05914."""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    LearningCurve,
    Quantity,
    Scale,
)

_HELD, _TRAINED = "held_out_loss", "trained_loss"
_FEW = {"demonstrations": 1000}

NEFTUNE_OVERFITTING = Experiment(
    slug="neftune-overfitting",
    method="neftune",
    paper="2310.05914",
    claim="c2",
    question=(
        "Trained for many epochs on few demonstrations, does a model whose embeddings were noisy "
        "fit those less closely, and held-out ones better, than one trained without noise?"
    ),
    measures=(_HELD, _TRAINED, "held_out_accuracy"),
    arms=(
        Arm("neftune", "SFT with noisy embeddings", "neftune", options=_FEW),
        Arm("sft", "SFT on the same demonstrations", "sft", options=_FEW),
        Arm(
            "shuffled",
            "SFT with noise on the same answers, each under another prompt",
            "neftune",
            options={**_FEW, "labels": "shuffled"},
        ),
    ),
    comparisons=(
        Comparison(
            "Loss on the demonstrations, read without noise, is above that after SFT",
            Quantity("neftune", _TRAINED),
            Quantity("sft", _TRAINED),
            "above",
        ),
        Comparison(
            "Held-out loss is below that after SFT",
            Quantity("neftune", _HELD),
            Quantity("sft", _HELD),
            "below",
        ),
        Comparison(
            "Held-out loss is below that after noise on shuffled answers",
            Quantity("neftune", _HELD),
            Quantity("shuffled", _HELD),
            "below",
        ),
    ),
    curves=(
        LearningCurve(
            "training-loss",
            "Training loss, with the noise where there is some",
            "loss",
            "loss (nats per token)",
            ("neftune", "sft", "shuffled"),
        ),
    ),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "The tiny decoder, trained from scratch on 400 labels of two-digit addition until "
                "its learning rate reached zero, then on 1,000 demonstrations of the same task, "
                "those among them, for 300 steps of 64: 19 epochs. Noise of alpha 0.5 has a "
                "sixth of the embeddings' own spread. All losses are read without noise; held-out "
                "problems have operands that are never trained on."
            ),
        ),
    ),
    notes=(
        "The paper's first claim, better conversation as a judge model sees it, cannot be tested "
        "on a model that adds numbers; this is its claim about overfitting.",
        "One configuration was tried. The paper's alphas of 5 to 15 are for rows of hundreds of "
        "tokens and widths of thousands; ours was set by the size of noise against embeddings.",
    ),
)

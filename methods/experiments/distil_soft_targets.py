"""Do a teacher's probabilities teach more than the labels of the same few examples?"""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    LearningCurve,
    Quantity,
    Scale,
)

_ACCURACY, _LOSS = "held_out_accuracy", "held_out_loss"

DISTIL_SOFT_TARGETS = Experiment(
    slug="distil-soft-targets",
    method="kd",
    paper="1503.02531",
    claim="c1",
    question=(
        "On the same labelled examples and for the same number of steps, does a student taught a "
        "teacher's softened probabilities generalise better than one taught the labels alone, and "
        "is it what the teacher knows that does it?"
    ),
    measures=(_ACCURACY, _LOSS, "forward_kl", "teacher_held_out_accuracy"),
    arms=(
        Arm("kd", "soft targets beside the labels", "kd"),
        Arm("labels", "the labels alone", "kd", {"objective": "sft"}),
        Arm("soft-alone", "soft targets alone", "kd", {"hard_weight": 0.0}),
        Arm(
            "temperature-one", "soft targets at T = 1 beside the labels", "kd", {"temperature": 1.0}
        ),
        Arm(
            "shuffled-teacher",
            "a teacher that knows nothing, beside the labels",
            "kd",
            {"teacher": "shuffled"},
        ),
    ),
    comparisons=(
        Comparison(
            "Accuracy after distillation is above that after training on the labels alone",
            Quantity("kd", _ACCURACY),
            Quantity("labels", _ACCURACY),
            "above",
        ),
        Comparison(
            "Held-out loss after distillation is below that after training on the labels alone",
            Quantity("kd", _LOSS),
            Quantity("labels", _LOSS),
            "below",
        ),
        Comparison(
            "Accuracy after distillation is above that with a teacher that knows nothing",
            Quantity("kd", _ACCURACY),
            Quantity("shuffled-teacher", _ACCURACY),
            "above",
        ),
    ),
    curves=(
        LearningCurve(
            "divergence",
            "KL(teacher || student) on the training answers, at the arm's own temperature",
            "divergence",
            "nats per token",
            ("kd", "labels"),
        ),
    ),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "The tiny decoder, trained from scratch on 400 labels of two-digit addition until "
                "its learning rate reached zero, is taught by the same decoder trained further on "
                "4,000 labels. Every arm takes 100 steps of 64 on the same 400 labelled examples, "
                "at one learning rate. Accuracy is greedy, on held-out problems whose operands, in "
                "either order, are never trained on."
            ),
        ),
    ),
    notes=(
        "The student has seen the 400 labels before: what is compared is what a second passage "
        "over them gives with a teacher and without.",
        "All seeds share one start, one teacher and one held-out set.",
    ),
)

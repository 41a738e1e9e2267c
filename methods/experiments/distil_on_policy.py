"""Is a student better taught on what it writes itself than on texts that are there already?"""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    LearningCurve,
    Quantity,
    Scale,
)

_ACCURACY, _KL = "held_out_accuracy", "reverse_kl"

DISTIL_ON_POLICY = Experiment(
    slug="distil-on-policy",
    method="gkd",
    paper="2306.13649",
    claim="c1",
    question=(
        "With the same teacher, divergence, prompts and number of steps, does a student that is "
        "taught on its own samples come out better than one taught on fixed answers, and is it "
        "what the teacher knows that does it?"
    ),
    measures=(_ACCURACY, "held_out_loss", "forward_kl", _KL, "teacher_held_out_accuracy"),
    arms=(
        Arm("on-policy", "GKD on the student's samples", "gkd", {"student_fraction": 1.0}),
        Arm("supervised", "GKD on the labelled answers", "gkd", {"student_fraction": 0.0}),
        Arm(
            "teacher-samples",
            "GKD on samples of the teacher",
            "gkd",
            {"student_fraction": 0.0, "fixed": "teacher"},
        ),
        Arm(
            "seq-kd",
            "the likelihood of samples of the teacher (SeqKD)",
            "gkd",
            {"student_fraction": 0.0, "fixed": "teacher", "objective": "likelihood"},
        ),
        Arm(
            "mixed",
            "GKD, half of the steps on the student's samples",
            "gkd",
            {"student_fraction": 0.5},
        ),
        Arm(
            "shuffled-teacher",
            "GKD, a teacher that knows nothing",
            "gkd",
            {"student_fraction": 1.0, "teacher": "shuffled"},
        ),
    ),
    comparisons=(
        Comparison(
            "Accuracy after on-policy distillation is above that of the start",
            Quantity("on-policy", _ACCURACY),
            Quantity("on-policy", _ACCURACY, "before"),
            "above",
        ),
        Comparison(
            "Accuracy after on-policy distillation is above that after distillation on labelled "
            "answers",
            Quantity("on-policy", _ACCURACY),
            Quantity("supervised", _ACCURACY),
            "above",
        ),
        Comparison(
            "Accuracy after on-policy distillation is above that after SeqKD",
            Quantity("on-policy", _ACCURACY),
            Quantity("seq-kd", _ACCURACY),
            "above",
        ),
        Comparison(
            "Accuracy after on-policy distillation is above that with a teacher that knows nothing",
            Quantity("on-policy", _ACCURACY),
            Quantity("shuffled-teacher", _ACCURACY),
            "above",
        ),
    ),
    curves=(
        LearningCurve(
            "divergence",
            "Divergence to the teacher on the answers of the step",
            "divergence",
            "JSD at 1/2 (nats per token)",
            ("on-policy", "supervised", "mixed"),
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
                "4,000 labels. Every arm takes 100 steps of 64 answers to the 4,000 prompts of "
                "those labels, at one learning rate; the divergence is the JSD at 1/2. Accuracy is "
                "greedy, on held-out problems whose operands, in either order, are never trained "
                "on."
            ),
        ),
    ),
    notes=(
        "Steps are equal and time is not: an on-policy step also samples.",
        "The teacher is right on nearly every problem and is of the student's size. The paper's "
        "students are smaller than their teachers, and its answers are longer.",
        "All seeds share one start, one teacher and one held-out set.",
    ),
)

"""Is a student taught by reverse KL on sampled answers better than by forward KL on fixed ones?"""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    LearningCurve,
    Quantity,
    Scale,
)

_ACCURACY, _REVERSE = "held_out_accuracy", "reverse_kl"

DISTIL_REVERSE_KL = Experiment(
    slug="distil-reverse-kl",
    method="minillm",
    paper="2306.08543",
    claim="c1",
    question=(
        "With the same teacher, prompts and number of steps, does a student come out better by "
        "MiniLLM's reverse KL over sampled answers than by forward KL on fixed ones?"
    ),
    measures=(_ACCURACY, "held_out_loss", "forward_kl", _REVERSE, "teacher_held_out_accuracy"),
    arms=(
        Arm("minillm", "MiniLLM", "minillm"),
        Arm(
            "forward-kl",
            "forward KL on the labelled answers",
            "gkd",
            {"student_fraction": 0.0, "divergence": "forward-kl"},
        ),
        Arm(
            "seq-kd",
            "the likelihood of samples of the teacher (SeqKD)",
            "gkd",
            {"student_fraction": 0.0, "fixed": "teacher", "objective": "likelihood"},
        ),
        Arm("no-mixture", "MiniLLM, samples of the student alone", "minillm", {"teacher_mix": 0.0}),
        Arm(
            "no-normalisation",
            "MiniLLM, returns not divided by length",
            "minillm",
            {"length_normalised": False},
        ),
        Arm(
            "shuffled-teacher",
            "MiniLLM, a teacher that knows nothing",
            "minillm",
            {"teacher": "shuffled"},
        ),
    ),
    comparisons=(
        Comparison(
            "Accuracy after MiniLLM is above that of the start",
            Quantity("minillm", _ACCURACY),
            Quantity("minillm", _ACCURACY, "before"),
            "above",
        ),
        Comparison(
            "Accuracy after MiniLLM is above that after forward KL on labelled answers",
            Quantity("minillm", _ACCURACY),
            Quantity("forward-kl", _ACCURACY),
            "above",
        ),
        Comparison(
            "Accuracy after MiniLLM is above that with a teacher that knows nothing",
            Quantity("minillm", _ACCURACY),
            Quantity("shuffled-teacher", _ACCURACY),
            "above",
        ),
    ),
    curves=(
        LearningCurve(
            "reward",
            "log p - log q of the sampled tokens",
            "reward",
            "nats per token",
            ("minillm", "no-mixture", "no-normalisation"),
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
                "those labels, one update a step, at one learning rate; MiniLLM's "
                "language-modelling loss is on the start's own 400 labels. Accuracy is greedy, on "
                "held-out problems whose operands, in either order, are never trained on."
            ),
        ),
    ),
    notes=(
        "A sum has one right answer of a few tokens: there are no modes to choose among, which is "
        "where the paper expects reverse KL to help.",
        "The arms with fixed labelled answers see the 4,000 labels; MiniLLM sees 400 of them.",
        "Steps are equal and time is not: a step of MiniLLM also samples, of two models.",
    ),
)

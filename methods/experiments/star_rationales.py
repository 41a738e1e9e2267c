"""Does one's own reasoning teach, is it the filter that does it, and what do hints add?"""

from __future__ import annotations

from methods.experiments import rl_setting as setting
from methods.experiments.protocol import Arm, Experiment, LearningCurve
from methods.experiments.rl_setting import ACCURACY, than

_TASK = "running-sum:terms=6"
_STAR = Arm("star", "STaR", "star")
_PLAIN = Arm("no-hints", "STaR without rationalisation", "star", options={"rationalise": False})
_SUPERVISED = Arm(
    "sft-continued",
    "supervised training continued on the worked examples of the start",
    "sft",
    options={
        "task": _TASK, "demonstrations": 400, "learning_rate": 1e-4, "schedule": "constant",
        "steps": 600,
    },
)  # fmt: skip
_START = (
    "The tiny decoder, trained from scratch on 400 worked sums of six numbers until its learning "
    "rate reached zero. In each of three rounds it writes one rationale (the running sums) to each "
    "of 4,000 problems, whose working it is never shown; those that end in the right sum are kept, "
    "and the start is trained on them for 100 steps of 64. Accuracy is greedy and looks at the "
    "last step alone, on held-out problems whose terms, in any order, are never trained on."
)
_CURVES = (
    LearningCurve(
        "written-score", "Rationales that end in the right answer, by round", "written_score",
        "fraction right", ("star", "no-hints"),
    ),
)  # fmt: skip
_TRIED = (
    "Of STaR two learning rates were tried on chains of four numbers, one seed each: at 1e-3 "
    "accuracy fell from 0.88 to 0.63 and fewer rationales were right in every round; 2e-4 (0.88 to "
    "0.89) is what stands here. That start leaves little to learn: the task is now chains of six."
)

STAR_RATIONALES = Experiment(
    slug="star-rationales",
    method="star",
    paper="2203.14465",
    claim="c1",
    question=(
        "Does a start that supervised training has finished with get better by its own rationales "
        "that led to right answers, more than by going on with the worked examples it had, and is "
        "it the filter that does it?"
    ),
    measures=(ACCURACY, "pass_at_1"),
    arms=(_STAR, _PLAIN, _SUPERVISED, setting.coin("star")),
    comparisons=(
        than("Accuracy after STaR is above that of the start", "star", "star"),
        than(
            "Accuracy after STaR is above that of supervised training continued", "star",
            "sft-continued",
        ),
        than(
            "Accuracy after STaR is above that where a coin keeps rationales instead of the answer",
            "star", "coin",
        ),
    ),
    curves=_CURVES,
    scales=setting.tiny(_START),
    notes=(
        "The paper's control, training on the answers without any reasoning, is not among the "
        "arms: the start writes its steps before its answer and would have to forget them.",
        "Supervised training continued takes 600 steps, twice those of STaR: the rest is for the "
        "time that writing takes (see seconds).",
        _TRIED,
        setting.ONE_START,
    ),
)  # fmt: skip

STAR_HINTS = Experiment(
    slug="star-hints",
    method="star",
    paper="2203.14465",
    claim="c2",
    question="Do rationales written with the answer as a hint add to those written without?",
    measures=(ACCURACY, "pass_at_1"),
    arms=(_STAR, _PLAIN),
    comparisons=(
        than("Accuracy after STaR is above that without rationalisation", "star", "no-hints"),
    ),
    curves=_CURVES,
    scales=setting.tiny(_START),
    notes=(
        "The start has never seen a hint, and the paper shows hinted examples in the prompt: here "
        "few of the failed problems are solved with one, and a rationale may be made to fit it.",
        _TRIED,
        setting.ONE_START,
    ),
)

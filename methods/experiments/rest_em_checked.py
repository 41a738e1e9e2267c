"""Do a model's own checked answers to new problems teach it what its labels no longer can?"""

from __future__ import annotations

from methods.experiments import rl_setting as setting
from methods.experiments.protocol import Arm, Experiment, LearningCurve
from methods.experiments.rl_setting import ACCURACY, SUPERVISED, than

_ROUNDS = Arm("rest-em", "ReST-EM, three rounds", "rest-em")
_ONE = Arm(
    "one-round", "ReST-EM, one round as long as each of the three", "rest-em",
    options={"rounds": 1, "steps": 100},
)  # fmt: skip
_CURVES = (
    LearningCurve(
        "written-score", "Right among the answers written, by round", "written_score",
        "fraction right", ("rest-em", "coin"),
    ),
)  # fmt: skip
_START = (
    f"{setting.START} In each of three rounds the model writes four answers to each of 2,000 "
    "problems; right ones are kept, each once, and the start is trained on them for 100 steps of "
    "64."
)
_TRIED = (
    "The setting was chosen once; a learning rate of 3e-4 that falls to zero was begun beside it "
    "and stopped, when after one round 0.33 of what it wrote was right, and 0.40 at 1e-3."
)

REST_EM_CHECKED = Experiment(
    slug="rest-em-checked",
    method="rest-em",
    paper="2312.06585",
    claim="c1",
    question=(
        "Does training on one's own checked answers do better than going on with the labels that "
        "people gave, and is it the check that does it?"
    ),
    measures=(ACCURACY, "pass_at_1"),
    arms=(
        _ROUNDS,
        _ONE,
        SUPERVISED,
        Arm("sft-answers", "supervised training on 4,000 true answers, as many steps", "sft"),
        setting.coin("rest-em"),
    ),
    comparisons=setting.controls("ReST-EM", "rest-em"),
    curves=_CURVES,
    scales=setting.tiny(_START),
    notes=(
        "The claim is about human solutions to the same problems. Here an answer is one number, so "
        "a checked answer and a label are the same thing, and the label of every problem can teach "
        "no less; that arm is shown and no part of the verdict. What is tested is that checked "
        "answers to problems without labels do more than the labels there are.",
        _TRIED,
        setting.ONE_START,
    ),
)  # fmt: skip

REST_EM_ROUNDS = Experiment(
    slug="rest-em-rounds",
    method="rest-em",
    paper="2312.06585",
    claim="c2",
    question="What do the second and the third round add to the first?",
    measures=(ACCURACY, "pass_at_1"),
    arms=(_ROUNDS, _ONE),
    comparisons=(
        than("Accuracy after one round is above that of the start", "one-round", "one-round"),
        than("Accuracy after three rounds is above that after one", "rest-em", "one-round"),
    ),
    scales=setting.tiny(_START),
    notes=(
        "That one round gives most of the gain is read off the table; the verdict asks for a gain "
        "of the first round and of those behind it.",
        "Problems are many and new in every round; the overfitting that the paper finds on APPS "
        "needs few problems, and is not looked for.",
        _TRIED,
        setting.ONE_START,
    ),
)

"""Does dividing by an answer's length make wrong answers grow? Dr. GRPO's claim."""

from __future__ import annotations

from typing import Any

from methods.experiments import rl_setting as setting
from methods.experiments.protocol import Arm, Experiment, LearningCurve
from methods.experiments.rl_setting import than

_LENGTH = "wrong_answer_tokens"
# Sums of four one-digit numbers, worked out step by step in about 8 tokens, with room for 32.
_LONG: dict[str, Any] = {
    "task": "running-sum:digits=1,terms=4", "max_new_tokens": 32, "prompts_per_step": 64,
    "group_size": 8, "steps": 60, "learning_rate": 2e-4, "warmup_steps": 5,
}  # fmt: skip
_CURVES = (
    ("wrong-length", "Tokens of wrong sampled answers", _LENGTH, "tokens"),
    ("right-length", "Tokens of right sampled answers", "right_answer_tokens", "tokens"),
    ("sampled-score", "Verifier's score of the sampled answers", "score", "fraction right"),
)

LENGTH_BIAS = Experiment(
    slug="length-bias",
    method="dr-grpo",
    paper="2503.20783",
    claim="c1",
    question=(
        "Where an answer may be far longer than it need be, do wrong answers grow under GRPO, and "
        "stay as they are under Dr. GRPO, at the same accuracy?"
    ),
    measures=(_LENGTH, "answer_tokens", setting.ACCURACY),
    arms=(
        Arm("dr-grpo", "Dr. GRPO", "dr-grpo", options=_LONG),
        Arm("grpo", "GRPO", "grpo", options=_LONG),
        setting.coin("dr-grpo", _LONG),
    ),
    comparisons=(
        than("Wrong answers are longer after GRPO than before", "grpo", "grpo", _LENGTH),
        than(
            "Wrong answers after Dr. GRPO are shorter than after GRPO", "dr-grpo", "grpo", _LENGTH,
            "below",
        ),
        than(
            "Accuracy after Dr. GRPO is that after GRPO, within 0.1", "dr-grpo", "grpo",
            relation="within", margin=0.1,
        ),
        than("Accuracy after Dr. GRPO is above that of the start", "dr-grpo", "dr-grpo"),
        than("Accuracy after Dr. GRPO is above that with a coin as reward", "dr-grpo", "coin"),
    ),
    curves=tuple(LearningCurve(*given, ("dr-grpo", "grpo")) for given in _CURVES),
    scales=setting.tiny(
        "The tiny decoder, trained from scratch on 400 worked sums of four one-digit numbers, each "
        "with its intermediate sums. Answers are sampled with room for 32 tokens, where the worked "
        "ones take about 8, and scored by their last number alone. Lengths are of answers sampled "
        "at temperature 1 to held-out problems, the end token included."
    ),
    notes=(
        "The two arms differ in both divisions, by length and by the group's spread, as the "
        "methods do.",
        "Lengths of wrong answers before and after are of the problems that have some both times.",
        "A wrong answer counts as long also where the limit cut it off.",
        setting.ONE_SETTING,
        setting.ONE_START,
    ),
)  # fmt: skip

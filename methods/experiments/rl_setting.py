"""What the experiments of reinforcement learning share: task, start, budget and controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from methods.experiments.protocol import Arm, Comparison, Quantity, Relation, Scale

ACCURACY = "held_out_accuracy"
# 1,024 answers a step for each method: 128 prompts of 8, or 1,024 of 1. The methods' own presets.
SUPERVISED = Arm(
    "sft-continued",
    "supervised training continued on the labels of the start",
    "sft",
    options={
        "demonstrations": 400, "learning_rate": 1e-4, "schedule": "constant", "steps": 600,
    },
)  # fmt: skip
START = (
    "The tiny decoder, trained from scratch on 400 labels of two-digit addition until its learning "
    "rate reached zero. Answers to training problems are sampled and scored by the verifier; what "
    "is right is never shown. Accuracy is greedy, on 1,000 held-out problems whose operands, in "
    "either order, are never trained on."
)
ONE_START = (
    "All seeds share one start and one held-out set; a seed sets the sampling and the order of "
    "problems, and the intervals say nothing of other starts."
)
ONE_SETTING = "The settings were chosen once, before any run of these arms, and none was tuned."


def than(
    text: str,
    left: str,
    right: str,
    measure: str = ACCURACY,
    relation: Relation = "above",
    margin: float = 0.0,
) -> Comparison:
    """The two arms' ``measure`` after their runs; of one arm named twice, after against before."""
    moment: Any = "before" if left == right else "after"
    return Comparison(
        text, Quantity(left, measure), Quantity(right, measure, moment), relation, margin
    )


def controls(name: str, arm: str) -> tuple[Comparison, ...]:
    """That ``arm`` beats the start, supervised training continued, and a coin as reward."""
    return (
        than(f"Accuracy after {name} is above that of the start", arm, arm),
        than(
            f"Accuracy after {name} is above that of supervised training continued", arm,
            SUPERVISED.name,
        ),
        than(f"Accuracy after {name} is above that with a coin as reward", arm, "coin"),
    )  # fmt: skip


def coin(method: str, options: Mapping[str, Any] | None = None) -> Arm:
    """The method itself, told nothing: a coin for each answer."""
    return Arm("coin", "the same, a coin as reward", method,
               options={**(options or {}), "reward": "random"})  # fmt: skip


def tiny(protocol: str) -> tuple[Scale, ...]:
    """Three seeds on the tiny decoder."""
    return (Scale("tiny", "tiny", seeds=3, protocol=protocol),)

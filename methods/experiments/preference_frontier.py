"""The frontier of reward against KL, after Figure 2 (left) of the DPO paper, 2305.18290.

The arms are data: a method, an option that sets how far it goes, and the values of the sweep. Arms
of one setting are alike in every experiment that uses them, so that a run can be taken over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    PlaneCurve,
    Quantity,
    Scale,
)


@dataclass(frozen=True)
class Sweep:
    """A method at several strengths: one arm for each value of ``option``."""

    name: str
    label: str
    method: str
    option: str
    values: tuple[float, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def arms(self) -> tuple[Arm, ...]:
        """One arm a value, named by both."""
        return tuple(
            Arm(
                f"{self.name}-{value:g}".replace(".", "-"),
                f"{self.label}, {self.option.replace('_', ' ')} {value:g}",
                self.method,
                options={**self.options, self.option: value},
            )
            for value in self.values
        )


# Whoever adds a method to the figure adds a line here.
SWEEPS: tuple[Sweep, ...] = (
    Sweep("dpo", "DPO", "dpo", "beta", (0.1, 0.03, 0.3, 1.0)),
    Sweep("ipo", "IPO", "ipo", "tau", (0.03, 0.1, 0.3, 1.0)),
    Sweep("kto", "KTO", "kto", "beta", (0.03, 0.1, 0.3, 1.0)),
    Sweep(
        "preferred-sft", "supervised training on the preferred answers", "dpo", "steps",
        (20, 80, 160), {"objective": "preferred-sft"},
    ),
    Sweep(
        "unlikelihood", "preferred answers up, rejected ones down, no reference", "dpo", "steps",
        (10, 20, 40), {"objective": "unlikelihood"},
    ),
    Sweep(
        "ppo", "PPO on the gold reward", "ppo", "kl_beta", (0.03, 0.1, 0.3),
        {
            "task": "movie-reviews", "prompts_per_step": 64, "steps": 25, "minibatches": 2,
            "warmup_steps": 3, "learning_rate": 3e-4, "pass_k": 2,
        },
    ),
    Sweep(
        "raft", "RAFT on the gold reward", "raft", "rounds", (1, 2, 4),
        {"task": "movie-reviews", "prompts_per_round": 100, "steps": 40, "pass_k": 2},
    ),
)  # fmt: skip
_ARMS = tuple(arm for sweep in SWEEPS for arm in sweep.arms())


def _above_at_no_more_kl(
    ours: str, our_label: str, rival: str, rival_label: str
) -> tuple[Comparison, Comparison]:
    """A frontier lies above a point where more reward was had for no more KL."""
    return (
        Comparison(
            f"Reward after {our_label} is above that after {rival_label}",
            Quantity(ours, "reward"),
            Quantity(rival, "reward"),
            "above",
        ),
        Comparison(
            f"and KL is below: {our_label} against {rival_label}",
            Quantity(ours, "kl"),
            Quantity(rival, "kl"),
            "below",
        ),
    )


PREFERENCE_FRONTIER = Experiment(
    slug="preference-frontier",
    method="dpo",
    paper="2305.18290",
    claim="c2",
    question=(
        "How much gold reward does each way of learning from the same answers buy, and at what KL "
        "to the reference, as its strength is swept?"
    ),
    measures=("reward", "kl"),
    arms=_ARMS,
    comparisons=(
        *_above_at_no_more_kl("dpo-0-3", "DPO (beta 0.3)", "ppo-0-03", "PPO (kl_beta 0.03)"),
        *_above_at_no_more_kl("dpo-1", "DPO (beta 1)", "ppo-0-1", "PPO (kl_beta 0.1)"),
        *_above_at_no_more_kl(
            "dpo-1", "DPO (beta 1)", "preferred-sft-160", "160 steps on the preferred answers"
        ),
        Comparison(
            "DPO at beta 1 stays nearer to the reference than at beta 0.03",
            Quantity("dpo-1", "kl"),
            Quantity("dpo-0-03", "kl"),
            "below",
        ),
    ),
    curves=(
        PlaneCurve(
            "frontier",
            "Gold reward against KL to the reference, each arm from its start",
            "kl",
            "KL to the reference (nats per answer)",
            "reward",
            "gold reward",
            tuple(arm.name for arm in _ARMS),
        ),
    ),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "The tiny decoder, trained from scratch on review sentences, continues the first "
                "four words of a sentence; four continuations of each of 400 prompts, scored by "
                "VADER, are what every arm learns from: as pairs, or as single answers above and "
                "below their prompt's mean (KTO). 80 steps of 32 pairs (64 answers) unless the "
                "steps are what is swept. PPO and RAFT write answers of their own and are told the "
                "gold reward of each: 1,600 answers in 25 steps, and 800 a round. The policy is "
                "sampled at temperature 1 on held-out prefixes; KL is the mean over its own "
                "samples of the log-ratio to the start."
            ),
        ),
    ),
    notes=(
        "PPO and RAFT see the gold reward itself, as the figure's PPO-GT does; PPO with a learned "
        "reward is not among the arms. Their settings were chosen once, before any run.",
        "Arms differ in what they may look at: PPO and RAFT score answers that the others never "
        "see. So the figure compares ways to spend, not equal budgets.",
        "Supervised training and unlikelihood have no strength to sweep; their steps are swept.",
        "A first reading compared arms of one setting whose KL differed twofold and called it "
        "reproduced. Which arms are compared now was settled after their KL was known: to each of "
        "the rival's the arm of DPO with the most KL that is still below. PPO at kl_beta 0.3 and "
        "the shorter supervised runs have less KL than any arm of DPO and are not compared.",
        "All seeds share one start and one held-out set; a seed sets the sampling and the order.",
    ),
)

"""Dr. GRPO ("GRPO done right"): no division by an answer's length, none by a group's spread.

Paper: arXiv 2503.20783 (Liu et al., *Understanding R1-Zero-Like Training: A Critical Perspective*),
Section 3.2. GRPO divides each answer's loss by its length, so that a wrong answer is punished less
a token the longer it is, and each advantage by the group's deviation, so that questions which are
nearly always or never solved weigh more. Without the two,

    J(theta) = E 1/G sum_i sum_t min[ rho_it A_i, clip(rho_it, 1-eps, 1+eps) A_i ]
    A_i  = r_i - mean(r)                        rho_it = pi(o_it) / pi_old(o_it)

and the sum over tokens is divided by one constant for all answers.

Departures from the paper
1. The constant is the longest answer allowed, as in the paper's Listing 1; the equation has none.
2. A group without spread gets advantage 0 and is not computed; it still counts in the mean.
3. One update a batch by default (``minibatches``); the authors' scripts learn from 128 prompts of 8
   answers in batches of 128 answers.
4. The presets are far smaller than the paper's runs (up to 7B parameters) and use a larger
   learning rate.

Checked against: hand-worked advantages and losses on a ragged batch in float64, REINFORCE's
gradient on policy, and TRL's GRPOTrainer loss (`dr_grpo`), polgrad and verl, value and gradient.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from methods.engine.options import option
from methods.engine.run import Run
from methods.rl.drawn import Part, outside_ratio
from methods.rl.grpo import clipped_loss
from methods.rl.loop import Loop
from methods.rl.options import ReuseOptions


class Config(ReuseOptions):
    """Options of Dr. GRPO."""

    prompts_per_step: int = option(
        128, "prompts of one step", source="the authors' scripts", unit="prompts", ge=1
    )
    group_size: int = option(
        8, "answers sampled to each prompt", source="the authors' scripts", unit="samples", ge=2
    )
    learning_rate: float = option(
        1e-6, "peak learning rate of AdamW", source="the authors' scripts", gt=0, lt=1
    )
    clip_range: float = option(
        0.2, "epsilon of the clipped ratio", source="paper, its hyper-parameters", gt=0, lt=1
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 4e-4, "warmup_steps": 5, "prompts_per_step": 128, "group_size": 8,
        "steps": 40,
    },
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16", "learning_rate": 1e-5,
        "prompts_per_step": 16, "group_size": 8, "steps": 8,
    },
}  # fmt: skip


def centred_advantages(rewards: Tensor) -> Tensor:
    """(P, G) rewards -> (P, G): distance from the group's mean. Equal rewards give exactly 0."""
    centred = rewards - rewards.mean(-1, keepdim=True)
    # Equal rewards can miss their own mean by a rounding; that is not a preference.
    return centred * (rewards.amax(-1, keepdim=True) > rewards.amin(-1, keepdim=True))


def dr_grpo_loss(
    logp: Tensor,
    old_logp: Tensor,
    mask: Tensor,
    advantages: Tensor,
    total_answers: int,
    longest: int,
    clip_range: float,
) -> Tensor:
    """One micro-batch's part of -J / longest, a scalar.

    Log-probs (B, C) in nats; ``mask`` (B, C) bool; ``advantages`` (B,); ``total_answers``: answers
    of the *whole* step; ``longest``: the constant that every answer's sum is divided by.
    """
    per_token = clipped_loss(logp, old_logp, advantages, clip_range)
    return (per_token * mask).sum() / (total_answers * longest)


def run(run: Run, config: Config) -> None:
    """Sample, score, compare within groups, update; held-out accuracy before and after."""
    loop = Loop(run, config)
    low, high = 1 - config.clip_range, 1 + config.clip_range

    def loss(part: Part) -> Tensor:
        return dr_grpo_loss(
            part.logp, part.old_logp, part.mask, part.advantages, part.answers, loop.longest,
            config.clip_range,
        )  # fmt: skip

    for step in loop.steps():
        drawn = loop.sample(step)
        advantages = centred_advantages(drawn.rewards)
        done = loop.update(step, drawn, advantages, loss, lambda p: outside_ratio(p, low, high))
        loop.log(step, drawn, done)
    loop.finish()

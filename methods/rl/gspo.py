"""Group Sequence Policy Optimization (GSPO): one ratio for an answer, not one for each token.

Paper: arXiv 2507.18071 (Zheng et al., *Group Sequence Policy Optimization*), Eq. 5 to 7. The reward
belongs to the whole answer, so the correction for having been sampled by an older policy does too:

    J(theta) = E 1/G sum_i min[ s_i A_i, clip(s_i, 1-e_low, 1+e_high) A_i ]            (Eq. 5)
    A_i = (r_i - mean(r)) / std(r)                                                     (Eq. 6)
    s_i = ( pi(y_i|x) / pi_old(y_i|x) )^(1/|y_i|)                                      (Eq. 7)

The ratio is the geometric mean of the tokens' ratios and lies close to 1: the clip is narrow.

Departures from the paper
1. The reward is a verifier or the task's score; std divides by G and 1e-4 is added, as in our GRPO.
2. A group without spread gets advantage 0 and is not computed; it still counts in the mean.
3. The presets are far smaller than the paper's, use a larger learning rate and, as a small model's
   ratios move further in an update, clip at 0.02 and 0.03.

Checked against: hand-worked ratios and losses on a ragged batch in float64, REINFORCE's gradient on
policy, and TRL's GRPOTrainer (`importance_sampling_level="sequence"`), polgrad and verl, value and
gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from methods.engine.options import option
from methods.engine.run import Run
from methods.rl.drawn import Part
from methods.rl.grpo import group_advantages
from methods.rl.loop import Loop
from methods.rl.options import ReuseOptions


class Config(ReuseOptions):
    """Options of Group Sequence Policy Optimization."""

    prompts_per_step: int = option(
        64, "prompts of one step", source="ours; not stated", unit="prompts", ge=1
    )
    group_size: int = option(
        8, "answers sampled to each prompt", source="ours; not stated", unit="samples", ge=2
    )
    minibatches: int = option(
        4,
        "parts, by prompt, of a sampled batch; each has an optimiser update of its own",
        source="paper, Section 5.1",
        unit="parts",
        ge=1,
        le=64,
    )
    learning_rate: float = option(
        1e-6, "peak learning rate of AdamW", source="ours; not stated", gt=0, lt=1
    )
    clip_low: float = option(
        3e-4, "the ratio is held above 1 less this", source="paper, Section 5.1", gt=0, lt=1
    )
    clip_high: float = option(
        4e-4, "the ratio is held below 1 plus this", source="paper, Section 5.1", gt=0, lt=100
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 4e-4, "warmup_steps": 5, "prompts_per_step": 128, "group_size": 8,
        "steps": 40, "minibatches": 2, "clip_low": 0.02, "clip_high": 0.03,
    },
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16", "learning_rate": 1e-5,
        "prompts_per_step": 16, "group_size": 8, "steps": 8, "minibatches": 1,
        "clip_low": 0.02, "clip_high": 0.03,
    },
}  # fmt: skip


def sequence_ratio(logp: Tensor, old_logp: Tensor, mask: Tensor) -> Tensor:
    """Eq. 7 of each answer, (B,), from (B, C) log-probs in nats: the geometric mean of its ratios.

    An answer without a token has ratio 1.
    """
    lengths = mask.sum(-1).clamp(min=1)
    # Far beyond any clip; a larger one could overflow, and infinity has no gradient.
    return (((logp - old_logp) * mask).sum(-1) / lengths).clamp(-20, 20).exp()


def gspo_loss(
    logp: Tensor,
    old_logp: Tensor,
    mask: Tensor,
    advantages: Tensor,
    total_answers: int,
    clip_low: float,
    clip_high: float,
) -> Tensor:
    """One micro-batch's part of -J (Eq. 5), a scalar.

    Log-probs (B, C) in nats; ``mask`` (B, C) bool; ``advantages`` (B,); ``total_answers``: answers
    of the *whole* update.
    """
    ratio = sequence_ratio(logp, old_logp, mask)
    clipped = ratio.clamp(1 - clip_low, 1 + clip_high)
    return -torch.minimum(ratio * advantages, clipped * advantages).sum() / total_answers


def run(run: Run, config: Config) -> None:
    """Sample, score, compare within groups, update; held-out accuracy before and after."""
    loop = Loop(run, config)

    def loss(part: Part) -> Tensor:
        return gspo_loss(
            part.logp, part.old_logp, part.mask, part.advantages, part.answers, config.clip_low,
            config.clip_high,
        )  # fmt: skip

    def outside(part: Part) -> Tensor:
        ratio = sequence_ratio(part.logp.detach(), part.old_logp, part.mask)
        beyond = (ratio < 1 - config.clip_low) | (ratio > 1 + config.clip_high)
        return beyond[:, None].expand_as(part.mask)

    for step in loop.steps():
        drawn = loop.sample(step)
        advantages = group_advantages(drawn.rewards)
        loop.log(step, drawn, loop.update(step, drawn, advantages, loss, outside))
    loop.finish()

"""CISPO: the importance weight is clipped, never the token's gradient.

Paper: arXiv 2506.13585 (MiniMax, *MiniMax-M1: Scaling Test-Time Compute Efficiently with Lightning
Attention*), Eq. 4 and 5, Section 3.1. Clipping as in PPO drops a token from all later updates once
its ratio is outside; those are the rare tokens at which reasoning turns. CISPO weighs each token's
log-prob by the ratio, clipped and held constant (sg stops the gradient):

    J(theta) = E 1/(sum_i |o_i|) sum_i sum_t sg( min(rho_it, 1 + eps_high) ) A_i log pi(o_it)
    A_i = (r_i - mean(r)) / std(r)

There is no lower bound on the weight, as in the paper's runs, and no KL term.

Departures from the paper
1. The paper does not say what eps_high is; ours is 1, so that a weight is at most 2.
2. std divides by G and has 1e-4 added, as in our GRPO. A group without spread gets advantage 0 and
   is not computed; its tokens count in the mean. Groups are not sampled again.
3. No penalty on length and no early stop of repeating answers.
4. The presets are far smaller than the paper's and use a larger learning rate.

Checked against: hand-worked weights and losses on a ragged batch in float64, the closed form of the
gradient, REINFORCE's gradient on policy, and TRL's GRPOTrainer loss (`cispo`), polgrad and verl,
value and gradient.
"""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from methods.engine.options import option
from methods.engine.run import Run
from methods.rl.drawn import Part, outside_ratio
from methods.rl.grpo import group_advantages
from methods.rl.loop import Loop
from methods.rl.options import ReuseOptions


class Config(ReuseOptions):
    """Options of CISPO."""

    prompts_per_step: int = option(
        64, "prompts of one step", source="ours; not stated", unit="prompts", ge=1
    )
    group_size: int = option(
        16, "answers sampled to each prompt", source="ours; not stated", unit="samples", ge=2
    )
    minibatches: int = option(
        16,
        "parts, by prompt, of a sampled batch; each has an optimiser update of its own",
        source="paper, Section 3.1 (16 updates a batch)",
        unit="parts",
        ge=1,
        le=64,
    )
    learning_rate: float = option(
        1e-6, "peak learning rate of AdamW", source="ours; not stated", gt=0, lt=1
    )
    clip_high: float = option(
        1.0, "the weight is at most 1 plus this", source="ours; not stated", gt=0, lt=100
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 4e-4, "warmup_steps": 5, "prompts_per_step": 128, "group_size": 8,
        "steps": 40, "minibatches": 2,
    },
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16", "learning_rate": 1e-5,
        "prompts_per_step": 16, "group_size": 8, "steps": 8, "minibatches": 1,
    },
}  # fmt: skip


def cispo_loss(
    logp: Tensor,
    old_logp: Tensor,
    mask: Tensor,
    advantages: Tensor,
    total_tokens: int,
    clip_high: float,
) -> Tensor:
    """One micro-batch's part of -J (Eq. 4), a scalar.

    Log-probs (B, C) in nats; ``mask`` (B, C) bool; ``advantages`` (B,); ``total_tokens``:
    completion tokens of all answers of the *whole* update.
    """
    # Clipped before exp, so that a huge ratio is the bound and never infinite.
    weight = (logp - old_logp).detach().clamp(max=math.log1p(clip_high)).exp()
    return -(weight * advantages[:, None] * logp * mask).sum() / total_tokens


def run(run: Run, config: Config) -> None:
    """Sample, score, compare within groups, update; held-out accuracy before and after."""
    loop = Loop(run, config)

    def loss(part: Part) -> Tensor:
        return cispo_loss(
            part.logp, part.old_logp, part.mask, part.advantages, part.tokens, config.clip_high
        )

    def outside(part: Part) -> Tensor:
        return outside_ratio(part, 0.0, 1 + config.clip_high)

    for step in loop.steps():
        drawn = loop.sample(step)
        advantages = group_advantages(drawn.rewards)
        loop.log(step, drawn, loop.update(step, drawn, advantages, loss, outside))
    loop.finish()

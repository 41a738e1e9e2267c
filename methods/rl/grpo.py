"""Group Relative Policy Optimization (GRPO): an answer is as good as it is against its group.

Paper: arXiv 2402.03300 (Shao et al., *DeepSeekMath*), Eq. 3 and 4, Section 4.1. For each prompt a
group of G answers o_1..o_G is sampled and scored r_1..r_G; then, to be raised,

    J(theta) = E 1/G sum_i 1/|o_i| sum_t { min[ rho_it A_i, clip(rho_it, 1-eps, 1+eps) A_i ]
                                           - beta k3_it }
    A_i  = (r_i - mean(r)) / std(r)             rho_it = pi(o_it) / pi_old(o_it)
    k3_it = ref/pi - log(ref/pi) - 1            (Eq. 4, per token, inside the loss)

Departures from the paper
1. The reward is a verifier (1 where the answer is right), or the task's score; the paper trains a
   reward model. Outcome supervision only, no process rewards, no iterated reward model.
2. std divides by G and 1e-4 is added to it; the paper does not say. A group without spread gets
   advantage 0 and, where beta is 0, is not computed at all; it still counts in the mean.
3. The clip range is not in the paper; 0.2 as in PPO. With one update a batch it never acts. The
   logarithm of a ratio is held within 20, so that none overflows.
4. The presets are far smaller than the paper's (64 answers a prompt, 1024 a batch, 7B
   parameters), use larger learning rates, and for speed beta 0, so no reference model there.

Checked against: hand-worked advantages and losses on a ragged batch in float64, the on-policy
gradient against REINFORCE's, autograd, and TRL's GRPOTrainer loss (`grpo`), value and gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from methods.engine.options import option
from methods.engine.run import Run
from methods.rl.drawn import Part, outside_ratio
from methods.rl.loop import Loop, Loss, Outside
from methods.rl.options import KlOptions, ReuseOptions


class Config(ReuseOptions, KlOptions):
    """Options of Group Relative Policy Optimization."""

    prompts_per_step: int = option(
        16,
        "prompts of one step",
        source="ours: 1024 / 64 of Section 4.2, a batch read as answers",
        unit="prompts",
        ge=1,
    )
    group_size: int = option(
        64, "answers sampled to each prompt", source="paper, Section 4.2", unit="samples", ge=2
    )
    updates_per_batch: int = option(
        1,
        "passes of optimiser updates over each sampled batch",
        source="paper, Section 4.2",
        ge=1,
        le=16,
    )
    learning_rate: float = option(
        1e-6, "peak learning rate of AdamW", source="paper, Section 4.2", gt=0, lt=1
    )
    kl_beta: float = option(
        0.04, "weight of the KL to the start", source="paper, Section 4.2", ge=0, le=10
    )
    clip_range: float = option(
        0.2, "epsilon of the clipped ratio", source="ours, 0.2 as in PPO", gt=0, lt=1
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 4e-4, "warmup_steps": 10, "prompts_per_step": 256, "group_size": 8,
        "steps": 60, "kl_beta": 0.0,
    },
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16", "learning_rate": 1e-5,
        "prompts_per_step": 16, "group_size": 8, "steps": 8, "kl_beta": 0.0,
    },
}  # fmt: skip


def group_advantages(rewards: Tensor, epsilon: float = 1e-4) -> Tensor:
    """(P, G) rewards -> (P, G): distance from the group's mean in its standard deviations.

    The deviation divides by G. A group of equal rewards gets exactly 0.
    """
    centred = rewards - rewards.mean(-1, keepdim=True)
    # Equal rewards can miss their own mean by a rounding; that is not a preference.
    centred = centred * (rewards.amax(-1, keepdim=True) > rewards.amin(-1, keepdim=True))
    return centred / (rewards.std(-1, correction=0, keepdim=True) + epsilon)


def clipped_loss(
    logp: Tensor,
    old_logp: Tensor,
    advantages: Tensor,
    clip_range: float,
    clip_high: float | None = None,
) -> Tensor:
    """-min(rho A, clip(rho) A) of each token, (B, C), from (B, C) log-probs in nats.

    ``advantages`` (B,), or (B, C). The ratio is held within 1 - clip_range and 1 + ``clip_high``,
    by default 1 + clip_range.
    """
    gain = advantages if advantages.dim() == 2 else advantages[:, None]
    # Far beyond any clip; a larger one could overflow, and infinity has no gradient.
    ratio = (logp - old_logp).clamp(-20, 20).exp()
    clipped = ratio.clamp(1 - clip_range, 1 + (clip_range if clip_high is None else clip_high))
    return -torch.minimum(ratio * gain, clipped * gain)


def k3(logp: Tensor, ref_logp: Tensor) -> Tensor:
    """Eq. 4 of each token, in nats: unbiased for KL(pi || ref) and never negative."""
    log_ratio = ref_logp - logp
    return torch.expm1(log_ratio) - log_ratio


def grpo_loss(
    logp: Tensor,
    old_logp: Tensor,
    mask: Tensor,
    advantages: Tensor,
    total_answers: int,
    clip_range: float,
    kl_beta: float = 0.0,
    ref_logp: Tensor | None = None,
) -> Tensor:
    """One micro-batch's part of -J (Eq. 3), a scalar.

    Log-probs (B, C) in nats; ``mask`` (B, C) bool; ``advantages`` (B,); ``total_answers``: answers
    of the *whole* step, so that parts add up to the mean over answers of each answer's own mean.
    """
    per_token = clipped_loss(logp, old_logp, advantages, clip_range)
    if kl_beta > 0:
        if ref_logp is None:
            raise ValueError("kl_beta > 0 needs the reference's log-probs")
        per_token = per_token + kl_beta * k3(logp, ref_logp)
    per_answer = (per_token * mask).sum(-1) / mask.sum(-1)
    return per_answer.sum() / total_answers


def run(run: Run, config: Config) -> None:
    """Sample, score, compare within groups, update; held-out accuracy before and after."""
    loop = Loop(run, config)
    loss, outside = functions(config)
    for step in loop.steps():
        drawn = loop.sample(step)
        advantages = group_advantages(drawn.rewards)
        done = loop.update(step, drawn, advantages, loss, outside, kl_in_loss=True)
        loop.log(step, drawn, done)
    loop.finish()


def functions(config: Config) -> tuple[Loss, Outside]:
    """What the loop asks of a micro-batch: its part of the loss, and which ratios are outside."""
    low, high = 1 - config.clip_range, 1 + config.clip_range

    def loss(part: Part) -> Tensor:
        return grpo_loss(
            part.logp, part.old_logp, part.mask, part.advantages, part.answers,
            config.clip_range, config.kl_beta, part.ref_logp,
        )  # fmt: skip

    return loss, lambda part: outside_ratio(part, low, high)

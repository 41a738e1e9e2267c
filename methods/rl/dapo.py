"""DAPO: four changes to GRPO for long reasoning, each against one way that training stalls.

Paper: arXiv 2503.14476 (Yu et al., *DAPO: An Open-Source LLM Reinforcement Learning System at
Scale*), Eq. 8 to 13. Decoupled clip and dynamic sampling:

    J(theta) = E 1/(sum_i |o_i|) sum_i sum_t min[ rho_it A_i, clip(rho_it, 1-e_low, 1+e_high) A_i ]
    for groups with answers of different reward only                                (Eq. 8 to 12)
    A_i = (r_i - mean(r)) / std(r)
    r_length = 0 up to L_max - L_cache, then falling linearly to -1 at L_max        (Eq. 13)

The upper clip is higher, so that unlikely tokens can grow; groups in which all answers earn the
same are sampled anew; the mean is over tokens, so that long answers weigh by their tokens; answers
that near the length limit are punished softly. There is no KL term.

Departures from the paper
1. Sampling again stops after ``sampling_tries`` batches of prompts, and the step learns from the
   groups it has (``groups_kept`` in the metrics); the paper goes on until the batch is full.
2. A group is kept by its rewards before the penalty on length; the paper keeps by right and wrong.
3. A right answer earns 1 and a wrong one 0, where the paper's wrong one earns -1: beside them the
   penalty on length weighs twice as much.
4. L_max is where sampling cuts off, so the penalty is never beyond -1. std divides by G and has
   1e-4 added, as in our GRPO.
5. The presets are far smaller than the paper's (512 prompts of 16 answers, 16 updates a batch, 32B
   parameters), use a larger learning rate and allow answers twice the task's length, so that the
   penalty leaves right answers alone.

Checked against: hand-worked losses and penalties on a ragged batch in float64, REINFORCE's gradient
on policy, and TRL's GRPOTrainer loss (`dapo`), polgrad and verl, value and gradient.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from methods.engine.options import option
from methods.engine.run import Run
from methods.rl.drawn import Drawn, Part, outside_ratio
from methods.rl.grpo import clipped_loss, group_advantages
from methods.rl.loop import Loop
from methods.rl.options import ReuseOptions


class Config(ReuseOptions):
    """Options of DAPO."""

    prompts_per_step: int = option(
        512, "prompts of one step", source="paper, Section 4.1", unit="prompts", ge=1
    )
    group_size: int = option(
        16, "answers sampled to each prompt", source="paper, Section 4.1", unit="samples", ge=2
    )
    minibatches: int = option(
        16,
        "parts, by prompt, of a sampled batch; each has an optimiser update of its own",
        source="paper, Section 4.1",
        unit="parts",
        ge=1,
        le=64,
    )
    learning_rate: float = option(
        1e-6, "peak learning rate of AdamW", source="paper, Section 4.1", gt=0, lt=1
    )
    clip_low: float = option(
        0.2, "the ratio is held above 1 less this", source="paper, Section 4.1", gt=0, lt=1
    )
    clip_high: float = option(
        0.28, "the ratio is held below 1 plus this", source="paper, Section 4.1", gt=0, lt=100
    )
    sampling_tries: int = option(
        3,
        "batches of prompts sampled at most until as many groups as prompts_per_step have spread",
        source="ours",
        unit="batches",
        ge=1,
        le=32,
    )
    overlong_buffer: float = option(
        0.2,
        "share of the longest answer over which the penalty on length grows to 1; 0 is none",
        source="paper, Section 4.1 (4096 of 20480 tokens)",
        ge=0,
        le=1,
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 4e-4, "warmup_steps": 5, "prompts_per_step": 96, "group_size": 8,
        "steps": 40, "minibatches": 2, "sampling_tries": 2, "max_new_tokens": 8,
        "overlong_buffer": 0.25,
    },
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16", "learning_rate": 1e-5,
        "prompts_per_step": 16, "group_size": 8, "steps": 8, "minibatches": 1,
        "max_new_tokens": 8, "overlong_buffer": 0.25,
    },
}  # fmt: skip


def overlong_penalty(lengths: Tensor, longest: int, buffer: float) -> Tensor:
    """Eq. 13 for answers of ``lengths`` tokens, in the shape of ``lengths``: from 0 down to -1.

    ``buffer`` is the share of ``longest`` over which it falls, at least one token; 0 is no penalty.
    """
    if buffer == 0:
        return torch.zeros_like(lengths)
    cache = max(1, round(buffer * longest))
    return (((longest - cache) - lengths) / cache).clamp(-1, 0)


def dapo_loss(
    logp: Tensor,
    old_logp: Tensor,
    mask: Tensor,
    advantages: Tensor,
    total_tokens: int,
    clip_low: float,
    clip_high: float,
) -> Tensor:
    """One micro-batch's part of -J (Eq. 12), a scalar.

    Log-probs (B, C) in nats; ``mask`` (B, C) bool; ``advantages`` (B,); ``total_tokens``:
    completion tokens of all answers of the *whole* update.
    """
    per_token = clipped_loss(logp, old_logp, advantages, clip_low, clip_high)
    return (per_token * mask).sum() / total_tokens


def sample_with_spread(loop: Loop, config: Config, step: int) -> tuple[Drawn, Drawn]:
    """(all that was sampled, the groups with spread, at most ``prompts_per_step`` of them)."""
    everything = loop.sample(step, 0, config.sampling_tries)
    for attempt in range(1, config.sampling_tries):
        if int(everything.with_spread.sum()) >= config.prompts_per_step:
            break
        everything = everything + loop.sample(step, attempt, config.sampling_tries)
    kept = everything.with_spread.nonzero()[:, 0].tolist()[: config.prompts_per_step]
    return everything, everything.of(kept)


def run(run: Run, config: Config) -> None:
    """Sample until groups differ, score, compare, update; held-out accuracy before and after."""
    loop = Loop(run, config)
    low, high = 1 - config.clip_low, 1 + config.clip_high

    def loss(part: Part) -> Tensor:
        return dapo_loss(
            part.logp, part.old_logp, part.mask, part.advantages, part.tokens, config.clip_low,
            config.clip_high,
        )  # fmt: skip

    for step in loop.steps():
        everything, kept = sample_with_spread(loop, config, step)
        penalty = overlong_penalty(kept.lengths, loop.longest, config.overlong_buffer)
        # Where no group has spread there is nothing to compare, and the update changes nothing.
        advantages = group_advantages(kept.rewards + penalty) if kept.problems else penalty
        done = loop.update(step, kept, advantages, loss, lambda p: outside_ratio(p, low, high))
        sampled = {
            "groups_sampled": float(len(everything.problems)),
            "groups_kept": float(len(kept.problems)),
        }
        loop.log(step, everything, done | sampled)
    loop.finish()

"""REINFORCE Leave-One-Out (RLOO): the other answers to a prompt say what to expect of this one.

Paper: arXiv 2402.14740 (Ahmadian et al., *Back to Basics: Revisiting REINFORCE Style Optimization
for Learning from Human Feedback in LLMs*), Section 2.3. Of k answers to a prompt,

    R(x, y)  = r(x, y) - beta log( pi(y|x) / ref(y|x) )
    gradient = 1/k sum_i [ R(x, y_i) - 1/(k-1) sum_{j != i} R(x, y_j) ] grad log pi(y_i|x)

The whole answer is one action: no value network, no clipping, no normalisation by a deviation.

Departures from the paper
1. The reward is a verifier, the task's score or a reward model; the paper's is a reward model.
2. The KL of an answer is computed by the policy that wrote it and is a constant of the gradient.
3. A prompt whose answers all earn the same gets advantage 0 and is not computed; it still counts.
4. One update a batch; the paper makes two, each of half the batch.
5. The presets are far smaller than the paper's, sample 8 answers a prompt where the paper has 2 and
   4, use a larger learning rate and, for speed, beta 0, so no reference model there.

Checked against: hand-worked advantages and losses on a ragged batch in float64, REINFORCE's
gradient at equal advantages, its unbiasedness by enumeration of all answers, and TRL's RLOOTrainer,
polgrad and verl, value and gradient.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from methods.engine.options import option
from methods.engine.run import Run
from methods.rl.drawn import Part
from methods.rl.loop import Loop
from methods.rl.options import KlOptions


class Config(KlOptions):
    """Options of REINFORCE Leave-One-Out."""

    prompts_per_step: int = option(
        128,
        "prompts of one step",
        source="ours: 512 of Appendix C, read as answers, by 4",
        unit="prompts",
        ge=1,
    )
    group_size: int = option(
        4,
        "answers sampled to each prompt; each is the baseline of the others",
        source="paper, Table 1 (2 and 4)",
        unit="samples",
        ge=2,
    )
    learning_rate: float = option(
        1e-6, "peak learning rate of AdamW", source="paper, Appendix C", gt=0, lt=1
    )
    kl_beta: float = option(
        0.03,
        "weight of the KL to the start, in the reward; 0 keeps no reference",
        source="paper, Appendix C (TL;DR)",
        ge=0,
        le=10,
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 4e-4, "warmup_steps": 5, "prompts_per_step": 128, "group_size": 8,
        "steps": 40, "kl_beta": 0.0,
    },
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16", "learning_rate": 1e-5,
        "prompts_per_step": 16, "group_size": 8, "steps": 8, "kl_beta": 0.0,
    },
}  # fmt: skip


def leave_one_out(rewards: Tensor) -> Tensor:
    """(..., k) rewards -> (..., k): each less the mean of the others.

    Equal rewards give exactly 0. It is bounded by the spread of the rewards: nothing is divided by.
    """
    count = rewards.shape[-1]
    if count < 2:
        raise ValueError("a reward alone has no others to be compared with")
    centred = (rewards - rewards.mean(-1, keepdim=True)) * (count / (count - 1))
    # Equal rewards can miss their own mean by a rounding; that is not a preference.
    return centred * (rewards.amax(-1, keepdim=True) > rewards.amin(-1, keepdim=True))


def rloo_loss(logp: Tensor, mask: Tensor, advantages: Tensor, total_answers: int) -> Tensor:
    """One micro-batch's part of -E[A log pi(y|x)], a scalar whose gradient is the estimator.

    ``logp`` (B, C) in nats; ``mask`` (B, C) bool; ``advantages`` (B,); ``total_answers``: answers
    of the *whole* step. An answer's log-prob is the sum over its tokens.
    """
    return -(advantages * (logp * mask).sum(-1)).sum() / total_answers


def run(run: Run, config: Config) -> None:
    """Sample, score, compare with the others, update; held-out accuracy before and after."""
    loop = Loop(run, config)

    def loss(part: Part) -> Tensor:
        return rloo_loss(part.logp, part.mask, part.advantages, part.answers)

    for step in loop.steps():
        drawn = loop.sample(step)
        kl = loop.kl(drawn)
        advantages = leave_one_out(drawn.rewards - config.kl_beta * kl)
        done = loop.update(step, drawn, advantages, loss)
        loop.log(step, drawn, done | {"kl": loop.per_token(kl, drawn)})
    loop.finish()

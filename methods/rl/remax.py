"""ReMax: the policy's own greedy answer says what to expect of a prompt.

Paper: arXiv 2310.10505 (Li et al., *ReMax: A Simple, Effective, and Efficient Reinforcement
Learning Method for Aligning Large Language Models*), Algorithm 1. With y' the greedy answer to x,

    gradient = E[ (r(x, y) - r(x, y')) grad log pi(y|x) ]

which is unbiased, as y' does not depend on the sample y, and needs no value network.

Departures from the paper
1. The reward is a verifier, the task's score or a reward model; the paper's is a reward model.
2. A pull to the start, beta times the log-ratio of the whole sampled answer, is taken off its
   reward; the estimator above has none, and in the authors' code each token pays for its own.
3. An answer that earns what the greedy one earns gets advantage 0 and is not computed; it counts.
4. The presets are far smaller than the paper's, use a larger learning rate and, for speed, beta 0.

Checked against: hand-worked advantages and losses on a ragged batch in float64, REINFORCE's
gradient at equal advantages, unbiasedness by enumeration of all answers, and verl's ReMax
advantages.
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
    """Options of ReMax."""

    prompts_per_step: int = option(
        128, "prompts of one step; each also has a greedy answer", source="ours", unit="prompts",
        ge=1,
    )  # fmt: skip
    learning_rate: float = option(
        1e-6, "peak learning rate of AdamW", source="the authors' scripts", gt=0, lt=1
    )
    kl_beta: float = option(
        0.03,
        "weight of the KL to the start, in the reward; 0 keeps no reference",
        source="ours, as RLOO's",
        ge=0,
        le=10,
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 4e-4, "warmup_steps": 5, "prompts_per_step": 1024, "steps": 40,
        "kl_beta": 0.0,
    },
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16", "learning_rate": 1e-5,
        "prompts_per_step": 64, "steps": 8, "kl_beta": 0.0,
    },
}  # fmt: skip


def greedy_advantages(rewards: Tensor, greedy: Tensor) -> Tensor:
    """(P, G) rewards of samples, (P,) of the greedy answer -> (P, G): how much better each is."""
    return rewards - greedy[:, None]


def remax_loss(logp: Tensor, mask: Tensor, advantages: Tensor, total_answers: int) -> Tensor:
    """One micro-batch's part of -E[A log pi(y|x)], a scalar whose gradient is the estimator.

    ``logp`` (B, C) in nats; ``mask`` (B, C) bool; ``advantages`` (B,); ``total_answers``: answers
    of the *whole* step. An answer's log-prob is the sum over its tokens.
    """
    return -(advantages * (logp * mask).sum(-1)).sum() / total_answers


def run(run: Run, config: Config) -> None:
    """Sample, score, compare with the greedy answer, update; held-out accuracy before and after."""
    loop = Loop(run, config)

    def loss(part: Part) -> Tensor:
        return remax_loss(part.logp, part.mask, part.advantages, part.answers)

    for step in loop.steps():
        drawn = loop.sample(step)
        kl, greedy = loop.kl(drawn), loop.greedy(step, drawn)
        advantages = greedy_advantages(drawn.rewards - config.kl_beta * kl, greedy)
        done = loop.update(step, drawn, advantages, loss)
        found = {"kl": loop.per_token(kl, drawn), "greedy_reward": greedy.mean().item()}
        loop.log(step, drawn, done | found)
    loop.finish()

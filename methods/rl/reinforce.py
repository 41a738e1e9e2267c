"""REINFORCE with a batch-mean baseline: an answer is one action, scaled by what it earned.

Paper: arXiv 2402.14740 (Ahmadian et al., *Back to Basics: Revisiting REINFORCE Style Optimization
for Learning from Human Feedback in LLMs*), Eq. 3 and Section 2.2; the estimator is Williams'
(1992). With the KL to the start taken off the reward,

    R(x, y)  = r(x, y) - beta log( pi(y|x) / ref(y|x) )                                (Eq. 3)
    gradient = E[ (R(x, y) - b) grad log pi(y|x) ]                                     (Eq. 7)

where the baseline b is a mean of rewards that does not see the answer's own.

Departures from the paper
1. The baseline is the mean over the step's other answers, whatever their prompts; the paper's is a
   moving average over all of training (Eq. 8). Ours needs no state that a resumed run must keep.
2. The reward is a verifier, the task's score or a reward model; the paper's is a reward model.
3. The KL of an answer is computed by the policy that wrote it and is a constant of the gradient.
4. One update a batch; the paper makes two, each of half the batch.
5. The presets are far smaller than the paper's, use a larger learning rate and, for speed, beta 0.

Checked against: hand-worked baselines and losses on a ragged batch in float64, the gradient
E[A grad log pi] by autograd, GRPO's and RLOO's gradients at equal advantages, polgrad's
REINFORCE surrogate, value and gradient.
"""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from methods.engine.options import option
from methods.engine.run import Run
from methods.rl.drawn import Part
from methods.rl.loop import Loop
from methods.rl.options import KlOptions
from methods.rl.rloo import leave_one_out


class Config(KlOptions):
    """Options of REINFORCE."""

    prompts_per_step: int = option(
        512, "prompts of one step", source="paper, Appendix C", unit="prompts", ge=2
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
    baseline: Literal["batch", "none"] = option(
        "batch",
        "subtracted from the reward: the mean of the step's other answers, or nothing",
        source="ours; the paper's is a moving average over training",
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 4e-4, "warmup_steps": 5, "prompts_per_step": 1024, "steps": 40,
        "kl_beta": 0.0,
    },
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16", "learning_rate": 1e-5,
        "prompts_per_step": 128, "steps": 8, "kl_beta": 0.0,
    },
}  # fmt: skip


def reinforce_loss(logp: Tensor, mask: Tensor, advantages: Tensor, total_answers: int) -> Tensor:
    """One micro-batch's part of -E[A log pi(y|x)], a scalar whose gradient is the estimator.

    ``logp`` (B, C) in nats; ``mask`` (B, C) bool; ``advantages`` (B,); ``total_answers``: answers
    of the *whole* step. An answer's log-prob is the sum over its tokens.
    """
    return -(advantages * (logp * mask).sum(-1)).sum() / total_answers


def run(run: Run, config: Config) -> None:
    """Sample, score, subtract the baseline, update; held-out accuracy before and after."""
    loop = Loop(run, config)

    def loss(part: Part) -> Tensor:
        return reinforce_loss(part.logp, part.mask, part.advantages, part.answers)

    for step in loop.steps():
        drawn = loop.sample(step)
        kl = loop.kl(drawn)
        advantages = drawn.rewards - config.kl_beta * kl
        if config.baseline == "batch":
            advantages = leave_one_out(advantages.flatten())
        done = loop.update(step, drawn, advantages, loss)
        loop.log(step, drawn, done | {"kl": loop.per_token(kl, drawn)})
    loop.finish()

"""Supervised fine-tuning (SFT): raise the likelihood of demonstrated answers.

Paper: arXiv 2203.02155 (Ouyang et al., *Training language models to follow instructions with human
feedback*), Section 3.5, the first of its three steps. The paper prints no equation; what it
minimises is, over demonstrations (x_i, y_i),

    L(theta) = - sum_i sum_t log pi_theta(y_it | x_i, y_i<t)  /  sum_i |y_i|

Departures from the paper
1. AdamW with torch's moments, an optional warm-up and a cosine to zero, where the paper uses Adam
   and a cosine to 10 %; no residual dropout (the paper: 0.2): what is trained is what is sampled.
2. Steps are counted, not epochs (the paper trains 16 epochs and selects on a reward model's score).
3. The mean runs over all answer tokens of an optimiser step; the paper does not say.

Checked against: the hand-worked loss and its gradient (softmax minus one-hot) in float64, and
torch's cross-entropy over the answer tokens (as TRL's SFTTrainer computes it), value and gradient.
"""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from methods.engine.options import option
from methods.engine.run import Run
from methods.finetune.loop import supervised
from methods.finetune.options import SMOLLM2, TINY, SupervisedOptions


class Config(SupervisedOptions):
    """Options of supervised fine-tuning."""

    batch_size: int = option(
        32, "demonstrations of one optimiser step", source="paper, Appendix C.1", unit="rows", ge=1
    )
    learning_rate: float = option(
        9.65e-6,
        "peak learning rate of AdamW",
        source="paper, Appendix C.1 (1.3B and 6B)",
        gt=0,
        lt=1,
    )
    schedule: Literal["constant", "linear", "cosine"] = option(
        "cosine", "after the warm-up: kept, or falling to zero", source="paper, Section 3.5"
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def sft_loss(logp: Tensor, mask: Tensor, total_tokens: int) -> Tensor:
    """One micro-batch's part of the loss, in nats per token.

    ``logp`` (B, C) float: log pi of each answer token; ``mask`` (B, C) bool: which are real;
    ``total_tokens``: answer tokens of the *whole* optimiser step, so that parts add up.
    """
    return -(logp * mask).sum() / total_tokens


def run(run: Run, config: Config) -> None:
    """Train on demonstrations; held-out loss and, where answers are checked, accuracy."""
    supervised(run, config, sft_loss)

"""Dynamic Fine-Tuning (DFT): weigh each token's loss by the probability the model gives it.

Paper: arXiv 2508.05629 (Wu et al., *On the Generalization of SFT: A Reinforcement Learning
Perspective with Reward Rectification*), the token-level objective that ends its method section.
Seen as a policy gradient, supervised fine-tuning rewards a demonstrated token by one over its
probability: what the model finds unlikely pulls hardest. DFT cancels that factor. Over
demonstrations (x_i, y_i), with sg the stop-gradient,

    L(theta) = - sum_i sum_t sg(pi_theta(y_it | x_i, y_i<t)) log pi_theta(y_it | x_i, y_i<t)
               / sum_i |y_i|

so that its gradient is that of minus the probability itself, not of its logarithm.

Departures from the paper
1. The mean runs over all answer tokens of an optimiser step; the paper writes a sum over the tokens
   of an expectation over demonstrations.
2. Steps are counted, not epochs, and AdamW's moments are torch's.

Checked against: hand-worked values and the closed-form gradient, -grad of the probability, in
float64; TRL's SFTTrainer with loss_type="dft", value and gradient.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from methods.engine.options import option
from methods.engine.run import Run
from methods.finetune.loop import supervised
from methods.finetune.options import SMOLLM2, TINY, SupervisedOptions


class Config(SupervisedOptions):
    """Options of Dynamic Fine-Tuning."""

    batch_size: int = option(
        256, "demonstrations of one optimiser step", source="paper, Section 4.1", unit="rows", ge=1
    )
    learning_rate: float = option(
        5e-5, "peak learning rate of AdamW", source="paper, Section 4.1", gt=0, lt=1
    )
    schedule: Literal["constant", "linear", "cosine"] = option(
        "cosine", "after the warm-up: kept, or falling to zero", source="the authors' code"
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def dft_loss(logp: Tensor, mask: Tensor, total_tokens: int) -> Tensor:
    """One micro-batch's part of the loss, in nats per token, never negative.

    ``logp`` (B, C) float: log pi of each answer token; ``mask`` (B, C) bool: which are real, the
    others may hold anything; ``total_tokens``: answer tokens of the *whole* optimiser step, so that
    parts add up.
    """
    logp = torch.where(mask, logp, logp.new_zeros(()))  # exp of a masked one may overflow
    return -(logp.exp().detach() * logp).sum() / total_tokens


def run(run: Run, config: Config) -> None:
    """Train on demonstrations; held-out loss (plain, unweighted) and, where checked, accuracy."""
    supervised(run, config, dft_loss)

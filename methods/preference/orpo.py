"""Odds Ratio Preference Optimization (ORPO): supervised training that also parts the odds.

Paper: arXiv 2403.07691 (Hong, Lee and Thorne, *ORPO: Monolithic Preference Optimization without
Reference Model*), Eq. 6 and 7. With P(y|x) the likelihood of the average token,
log P = 1/|y| sum_t log pi(y_t | x, y_<t), and odds(y|x) = P / (1 - P),

    L(theta) = E[ -log P(y_w|x) + lambda L_OR ]
    L_OR = -log sigma( log odds(y_w|x) - log odds(y_l|x) )

Departures from the paper
1. Training begins at a model that has been trained already (the tiny model on the task's text,
   SmolLM2 on instructions), so that it can sample pairs; the paper begins at a pretrained model.
2. The supervised term is over the answer's tokens alone, its end token among them; the paper
   does not say whether the prompt's count.
3. log P is kept at or below minus the machine epsilon, so that the odds stay finite.
4. The learning rate, the batch and the schedule are ours.
5. The KL to the start is measured, though the method needs no reference.

Checked against: the closed-form gradient of Eq. 8 to 10, finite values and slopes at log P of
-1e-6, -1 and -50, and hand-worked values in float64; TRL's ``odds_ratio_loss`` and Liger's ORPO
loss, value and gradient.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from methods.engine.options import option
from methods.engine.run import Run
from methods.preference.loop import Pairs, train
from methods.preference.options import SMOLLM2, TINY, PreferenceOptions


class Config(PreferenceOptions):
    """Options of Odds Ratio Preference Optimization."""

    odds_weight: float = option(
        0.1,
        "lambda: weight of the odds ratio beside the supervised loss",
        source="paper, its Mistral 7B; the authors' script",
        ge=0,
        le=10,
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def log_odds(mean_logp: Tensor) -> Tensor:
    """log [P / (1 - P)] of log P, any shape, finite for every log P <= 0.

    log(1 - P) is taken by expm1 near P = 1 and by log1p elsewhere, so neither digits nor slopes
    are lost. Closer to 0 than the machine epsilon log P counts as minus that.
    """
    logp = mean_logp.clamp(max=-torch.finfo(mean_logp.dtype).eps)
    near_one = logp > -math.log(2)
    # Each branch sees only arguments it can take: the slope of the other is not multiplied in.
    near = torch.log(-torch.expm1(torch.where(near_one, logp, -1.0)))
    far = torch.log1p(-torch.exp(torch.where(near_one, -1.0, logp)))
    return logp - torch.where(near_one, near, far)


def orpo_loss(chosen_mean_logp: Tensor, rejected_mean_logp: Tensor, odds_weight: float) -> Tensor:
    """Eq. 6 for each pair in nats, (P,). Tensors (P,): mean log-prob of the answer's tokens."""
    ratio = log_odds(chosen_mean_logp) - log_odds(rejected_mean_logp)
    return -chosen_mean_logp - odds_weight * logsigmoid(ratio)


def run(run: Run, config: Config) -> None:
    """Train on preference pairs; held-out reward at a measured KL, or held-out pair accuracy."""

    def margin(pairs: Pairs) -> Tensor:
        chosen, rejected = pairs.averaged()
        return log_odds(chosen) - log_odds(rejected)

    train(
        run,
        config,
        lambda pairs: orpo_loss(*pairs.averaged(), config.odds_weight),
        margin=margin,
        needs_reference=False,
    )

"""Simple Preference Optimization (SimPO): the mean log-prob is the reward; no reference model.

Paper: arXiv 2405.14734 (Meng, Xia and Chen, *SimPO: Simple Preference Optimization with a
Reference-Free Reward*), Eq. 6:

    L(theta) = -E log sigma( beta / |y_w| log pi(y_w|x) - beta / |y_l| log pi(y_l|x) - gamma )

What is compared is what sampling follows, the likelihood of the average token, so that a pair is
not won by length; gamma is the margin by which it should be won.

Departures from the paper
1. |y| counts the end token, once, where the answer really ended; an answer cut off at the length
   limit has none. The paper does not say.
2. Pairs are sampled from the start and ranked by the task's score; the paper takes UltraFeedback,
   or samples scored by a reward model.
3. A constant learning rate after the warm-up and our presets; the paper: cosine, batches of 128.
4. The KL to the start is measured, though the method needs no reference.

Checked against: hand-worked values on a ragged batch, the closed-form gradient
-beta sigma(-u) / |y| and what gamma shifts, in float64; TRL's CPO with ``simpo`` and Liger's
SimPO loss, value and gradient.
"""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods.engine.options import option
from methods.engine.run import Run
from methods.preference.loop import Pairs, train
from methods.preference.options import SMOLLM2, TINY, PreferenceOptions


class Config(PreferenceOptions):
    """Options of Simple Preference Optimization."""

    beta: float = option(
        2.0, "scale of the mean log-prob", source="paper, Llama-3-Base", gt=0, le=100
    )
    gamma: float = option(
        1.0, "margin by which a pair should be won", source="paper, Llama-3-Base", ge=0, le=100
    )
    tokens: Literal["mean", "sum"] = option(
        "mean",
        "an answer's reward is the mean over its tokens; their sum is a control (the paper's "
        "ablation of length normalisation), with beta and gamma as they are",
        source="paper, Eq. 6",
    )
    batch_size: int = option(
        128, "pairs of one optimiser step", source="paper, Appendix B", unit="pairs", ge=1
    )
    learning_rate: float = option(
        6e-7, "peak learning rate of AdamW", source="paper, Llama-3-Base", gt=0, lt=1
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def simpo_loss(
    chosen_mean_logp: Tensor, rejected_mean_logp: Tensor, beta: float, gamma: float
) -> Tensor:
    """Eq. 6 for each pair in nats, (P,). Tensors (P,): mean log-prob of the answer's tokens."""
    return -logsigmoid(beta * (chosen_mean_logp - rejected_mean_logp) - gamma)


def scores(pairs: Pairs, tokens: str) -> tuple[Tensor, Tensor]:
    """What the chosen and the rejected answers are compared by, (P,) each."""
    if tokens == "mean":
        return pairs.averaged()
    logp = pairs.logp.sum(-1)
    return logp[:, 0], logp[:, 1]


def run(run: Run, config: Config) -> None:
    """Train on preference pairs; held-out reward at a measured KL, or held-out pair accuracy."""

    def margin(pairs: Pairs) -> Tensor:
        chosen, rejected = scores(pairs, config.tokens)
        return config.beta * (chosen - rejected)

    train(
        run,
        config,
        lambda pairs: simpo_loss(*scores(pairs, config.tokens), config.beta, config.gamma),
        margin=margin,
        needs_reference=False,
    )

"""Conservative DPO (cDPO): DPO where a preference is wrong with a known chance.

Paper: arXiv 2305.18290 (Rafailov et al., *Direct Preference Optimization*), Eq. 7, with the label
smoothing of Eric Mitchell's note of 2023, *A note on DPO with noisy preferences & relationship to
IPO*, which is not on arXiv. With m = log-ratio of the chosen answer less that of the rejected one,

    L(theta) = E[ - (1 - epsilon) log sigma(beta m) - epsilon log sigma(-beta m) ]

It is least where sigma(beta m) = 1 - epsilon: the margin is wanted finite, and a pair that is
beyond it is pushed back.

Departures from the paper
1. AdamW, sampled pairs, the start as reference: as in our DPO (``methods.preference.dpo``).
2. epsilon is whatever the labels' error is thought to be; 0.1 is ours.

Checked against: epsilon 0 is DPO, epsilon 1/2 is symmetric under a swap, the minimum and the
closed-form gradient in float64; torchtune's and OpenRLHF's label smoothing, value and gradient.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.functional import logsigmoid

from methods.engine.options import option
from methods.engine.run import Run
from methods.preference.loop import log_ratio_margin, train
from methods.preference.options import SMOLLM2, TINY, PreferenceOptions


class Config(PreferenceOptions):
    """Options of conservative DPO."""

    beta: float = option(
        0.1, "strength of the pull to the reference", source="DPO paper, Appendix B", gt=0, le=10
    )
    label_smoothing: float = option(
        0.1,
        "epsilon, the chance that a preference is wrong; 0 is DPO",
        source="ours",
        ge=0,
        lt=0.5,
    )
    batch_size: int = option(
        64, "pairs of one optimiser step", source="DPO paper, Appendix B", unit="pairs", ge=1
    )
    learning_rate: float = option(
        1e-6, "peak learning rate of AdamW", source="DPO paper, Appendix B", gt=0, lt=1
    )
    warmup_steps: int = option(
        150, "linear warm-up from zero", source="DPO paper, Appendix B", unit="steps", ge=0
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def cdpo_loss(
    chosen_logp: Tensor,
    rejected_logp: Tensor,
    ref_chosen_logp: Tensor,
    ref_rejected_logp: Tensor,
    beta: float,
    label_smoothing: float,
) -> Tensor:
    """The loss of each pair in nats, (P,). Tensors (P,): log-probs summed over the answer."""
    margin = beta * ((chosen_logp - ref_chosen_logp) - (rejected_logp - ref_rejected_logp))
    right, wrong = logsigmoid(margin), logsigmoid(-margin)
    return -(1 - label_smoothing) * right - label_smoothing * wrong


def run(run: Run, config: Config) -> None:
    """Train on preference pairs; held-out reward at a measured KL, or held-out pair accuracy."""
    train(
        run,
        config,
        lambda pairs: cdpo_loss(*pairs.summed(), config.beta, config.label_smoothing),
        margin=lambda pairs: config.beta * log_ratio_margin(pairs),
    )

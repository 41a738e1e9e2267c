"""DPO-Positive (DPOP): DPO that may not make the preferred answer less likely.

Paper: arXiv 2402.13228 (Pal et al., *Smaug: Fixing Failure Modes of Preference Optimisation with
DPO-Positive*), its DPOP loss:

    L(theta) = -E log sigma( beta [ log pi(y_w|x)/ref(y_w|x) - log pi(y_l|x)/ref(y_l|x)
                                    - lambda max(0, log ref(y_w|x)/pi(y_w|x)) ] )

DPO's margin also widens where both answers lose likelihood and the rejected one loses more.

Departures from the paper
1. AdamW on sampled pairs, with the start as reference: as in our DPO; the paper fine-tunes 7B to
   72B models, with pairs built from MetaMath, ARC and HellaSwag among others.
2. lambda is the paper's 50; its authors have found any from 5 to 500 to do about as well
   (abacusai/smaug#2). beta and the learning rate are those of our DPO, so that the two differ in
   the penalty alone.
3. The brackets are those of the later versions: version 1 prints others, which its authors call an
   error (the same thread).

Checked against: DPO where no preferred answer has lost likelihood, the closed-form gradient on
either side of the bend, hand-worked values in float64. No peer installed here has it.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.functional import logsigmoid, relu

from methods.engine.options import option
from methods.engine.run import Run
from methods.preference.loop import log_ratio_margin, train
from methods.preference.options import SMOLLM2, TINY, PreferenceOptions


class Config(PreferenceOptions):
    """Options of DPO-Positive."""

    beta: float = option(
        0.1, "strength of the pull to the reference", source="ours, that of DPO", gt=0, le=10
    )
    penalty: float = option(
        50.0,
        "lambda: what each nat costs that a preferred answer has lost, in nats of margin",
        source="paper, its experiments",
        ge=0,
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def dpop_loss(
    chosen_logp: Tensor,
    rejected_logp: Tensor,
    ref_chosen_logp: Tensor,
    ref_rejected_logp: Tensor,
    beta: float,
    penalty: float,
) -> Tensor:
    """The loss of each pair in nats, (P,). Tensors (P,): log-probs summed over the answer.

    At the bend (a preferred answer exactly as likely as under the reference) the slope is DPO's.
    """
    margin = (chosen_logp - ref_chosen_logp) - (rejected_logp - ref_rejected_logp)
    lost = relu(ref_chosen_logp - chosen_logp)
    return -logsigmoid(beta * (margin - penalty * lost))


def run(run: Run, config: Config) -> None:
    """Train on preference pairs; held-out reward at a measured KL, or held-out pair accuracy."""
    train(
        run,
        config,
        lambda pairs: dpop_loss(*pairs.summed(), config.beta, config.penalty),
        margin=lambda pairs: config.beta * log_ratio_margin(pairs),
    )

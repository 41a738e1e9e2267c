"""Token-level DPO (TDPO): DPO that also weighs how far each answer's every token has moved.

Paper: arXiv 2404.11999 (Zeng et al., *Token-level Direct Preference Optimization*), Section 4, its
losses TDPO1 and TDPO2. With u DPO's scaled margin and the sequential KL of an answer,
D(y) = sum_t KL( ref(.|x, y_<t) || pi(.|x, y_<t) ),

    L(theta) = -E log sigma( u - delta )
    TDPO1: delta = beta D(y_l) - beta D(y_w)
    TDPO2: delta = alpha ( beta D(y_l) - sg[ beta D(y_w) ] )         sg: no gradient

Departures from the paper
1. AdamW on sampled pairs, with the start as reference, at our DPO's presets; the authors' code:
   RMSprop, 5e-6 after 150 steps of warm-up.
2. Held-out loss, where pairs are a user's, is DPO's: u alone.

Checked against: DPO where both answers have moved as far, the closed-form gradients of both
versions with the stop of one, hand-worked values in float64, the sequential KL against whole
distributions worked out row by row. No peer installed here has it.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import model_validator
from torch import Tensor
from torch.nn.functional import logsigmoid

from methods.engine.options import option
from methods.engine.run import Run
from methods.preference.dpo import dpo_loss
from methods.preference.loop import log_ratio_margin, train
from methods.preference.options import SMOLLM2, TINY, PreferenceOptions


class Config(PreferenceOptions):
    """Options of token-level DPO."""

    beta: float = option(
        0.1, "strength of the pull to the reference", source="the authors' code", gt=0, le=10
    )
    version: Literal["tdpo1", "tdpo2"] = option(
        "tdpo2", "which of the paper's two losses", source="paper, Section 4"
    )
    alpha: float = option(
        0.5,
        "weight of the sequential KLs in tdpo2; tdpo1 has none",
        source="the authors' code; the paper also tries others",
        ge=0,
        le=10,
    )

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if self.version == "tdpo1":
            self.refuse_idle(("alpha",), "version=tdpo1", "take version=tdpo2")
        return self


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def tdpo1_loss(
    logps: tuple[Tensor, Tensor, Tensor, Tensor], kls: tuple[Tensor, Tensor], beta: float
) -> Tensor:
    """TDPO1 of each pair in nats, (P,).

    ``logps``: of whole answers, (P,) each: chosen, rejected, and both by the reference. ``kls``:
    sequential KL(reference || policy) of the chosen and of the rejected answer, (P,) each.
    """
    chosen_kl, rejected_kl = kls
    return -logsigmoid(_margin(logps, beta) - beta * (rejected_kl - chosen_kl))


def tdpo2_loss(
    logps: tuple[Tensor, Tensor, Tensor, Tensor],
    kls: tuple[Tensor, Tensor],
    beta: float,
    alpha: float,
) -> Tensor:
    """TDPO2 of each pair in nats, (P,), from what ``tdpo1_loss`` takes.

    The chosen answer's KL shifts the loss and passes no gradient: it may grow.
    """
    chosen_kl, rejected_kl = kls
    return -logsigmoid(_margin(logps, beta) - alpha * beta * (rejected_kl - chosen_kl.detach()))


def _margin(logps: tuple[Tensor, Tensor, Tensor, Tensor], beta: float) -> Tensor:
    chosen, rejected, ref_chosen, ref_rejected = logps
    return beta * ((chosen - ref_chosen) - (rejected - ref_rejected))


def run(run: Run, config: Config) -> None:
    """Train on preference pairs; held-out reward at a measured KL, or held-out pair accuracy."""
    beta = config.beta
    losses = {
        "tdpo1": lambda p: tdpo1_loss(p.summed(), p.sequential_kl(), beta),
        "tdpo2": lambda p: tdpo2_loss(p.summed(), p.sequential_kl(), beta, config.alpha),
    }
    train(
        run,
        config,
        losses[config.version],
        margin=lambda pairs: beta * log_ratio_margin(pairs),
        held_out_loss=lambda pairs: dpo_loss(*pairs.summed(), beta),
        needs_kl=True,
    )

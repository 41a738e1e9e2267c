"""Our preference losses beside Liger's fused ones, from the head's input on.

Value and gradient by the hidden states and by the head's weight, so that Liger's chunks, masks and
means are compared too. Liger takes its log-softmax in float32.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from methods.preference.cdpo import cdpo_loss
from methods.preference.dpo import dpo_loss
from tests.methods.parity.held import held
from tests.methods.parity.preference import examples as ex

pytest.importorskip("liger_kernel")
SINGLE = 1e-5


def from_states(loss: Any) -> Any:
    """``loss`` of token log-probs as one of the states and the head."""
    return lambda states, weight: loss(ex.gathered(states, weight))


def test_simpo_is_liger_s() -> None:
    from liger_kernel.chunked_loss import LigerFusedLinearSimPOLoss

    fused = LigerFusedLinearSimPOLoss(
        beta=ex.BETA, gamma=ex.GAMMA, compute_nll_loss=False, compiled=False
    )
    held(
        "simpo", "liger-kernel", "LigerFusedLinearSimPOLoss", from_states(ex.simpo),
        lambda states, weight: fused(weight, states, ex.targets())[0],
        [ex.hidden(), ex.head()], SINGLE,
    )  # fmt: skip


def test_orpo_s_odds_are_liger_s() -> None:
    from liger_kernel.chunked_loss import LigerFusedLinearORPOLoss

    fused = LigerFusedLinearORPOLoss(beta=ex.ODDS, compute_nll_loss=False, compiled=False)
    held(
        "orpo", "liger-kernel", "LigerFusedLinearORPOLoss without its supervised term",
        from_states(ex.odds),
        lambda states, weight: fused(weight, states, ex.targets())[0],
        [ex.hidden(), ex.head()], SINGLE,
    )  # fmt: skip


def test_deviation_liger_s_orpo_takes_the_supervised_mean_over_all_tokens() -> None:
    from liger_kernel.chunked_loss import LigerFusedLinearORPOLoss

    fused = LigerFusedLinearORPOLoss(beta=ex.ODDS, compiled=False)
    held(
        "orpo", "liger-kernel", "LigerFusedLinearORPOLoss", from_states(ex.orpo),
        lambda states, weight: fused(weight, states, ex.targets())[0],
        [ex.hidden(), ex.head()], SINGLE,
    )  # fmt: skip


def by_liger_dpo(states: Tensor, weight: Tensor, smoothing: float = 0.0) -> Tensor:
    from liger_kernel.chunked_loss import LigerFusedLinearDPOLoss

    fused = LigerFusedLinearDPOLoss(
        beta=ex.BETA, label_smoothing=smoothing, use_ref_model=True, compiled=False
    )
    head = ex.head()
    return fused(weight, states, ex.targets(), ref_input=ex.ref_hidden(), ref_weight=head)[0]


def our_pairs(states: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
    ref = ex.gathered(ex.ref_hidden(), ex.head())
    return ex.pairs(ex.gathered(states, weight), ref).summed()


def test_dpo_is_liger_s() -> None:
    held(
        "dpo", "liger-kernel", "LigerFusedLinearDPOLoss",
        lambda states, weight: dpo_loss(*our_pairs(states, weight), ex.BETA).mean(),
        by_liger_dpo, [ex.hidden(), ex.head()], SINGLE,
    )  # fmt: skip


def test_deviation_liger_s_sigmoid_loss_takes_no_notice_of_label_smoothing() -> None:
    held(
        "cdpo", "liger-kernel", "LigerFusedLinearDPOLoss, label_smoothing 0.2",
        lambda s, w: cdpo_loss(*our_pairs(s, w), ex.BETA, ex.SMOOTHING).mean(),
        lambda s, w: by_liger_dpo(s, w, ex.SMOOTHING),
        [ex.hidden(), ex.head()], SINGLE,
    )  # fmt: skip


def test_kto_is_liger_s_with_weights_of_1_and_a_given_reference_point() -> None:
    from liger_kernel.chunked_loss import LigerFusedLinearKTOLoss

    from methods.preference.kto import kto_loss

    fused = LigerFusedLinearKTOLoss(beta=ex.BETA, use_ref_model=True, compiled=False)
    z0 = torch.tensor(0.7, dtype=ex.F64)

    def ours(states: Tensor, weight: Tensor) -> Tensor:
        ref = ex.gathered(ex.ref_hidden(), ex.head())
        ratio = ((ex.gathered(states, weight) - ref) * ex.MASK).sum(-1)
        return kto_loss(ratio, ex.LABELS, z0, ex.BETA, (1.0, 1.0)).mean()

    def theirs(states: Tensor, weight: Tensor) -> Tensor:
        return fused(
            states, weight, ex.targets(), preference_labels=ex.LABELS, ref_input=ex.ref_hidden(),
            ref_weight=ex.head(), kl=z0,
        )[0]  # fmt: skip

    held(
        "kto", "liger-kernel", "LigerFusedLinearKTOLoss, a given kl", ours, theirs,
        [ex.hidden(), ex.head()], SINGLE,
    )  # fmt: skip

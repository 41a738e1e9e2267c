"""KD and GKD beside liger-kernel's chunked JSD, value and gradient by states and head."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import Tensor

from methods.engine.divergence import forward_kl
from tests.methods.parity.distill import examples as ex
from tests.methods.parity.held import held

pytest.importorskip("liger_kernel")
SINGLE = 1e-6  # its sum and its cross-entropy are float32


def theirs(**options) -> Callable[..., Tensor]:
    from liger_kernel.chunked_loss import LigerFusedLinearJSDLoss

    loss = LigerFusedLinearJSDLoss(compiled=False, chunk_size=3, **options)
    _, _, hidden, weight = ex.heads()

    def value(ours: Tensor, head: Tensor) -> Tensor:
        return loss(ours, head, hidden, weight, ex.LABELS.flatten()).double()

    return value


def logits(hidden: Tensor, weight: Tensor) -> Tensor:
    return (hidden @ weight.T).view(2, 3, ex.VOCABULARY)


def ours_gkd(hidden: Tensor, weight: Tensor) -> Tensor:
    divergence = ex.by_position(ex.jsd, logits(hidden, weight), logits(*ex.heads()[2:]), 1.0)
    return ex.gkd_loss(divergence, ex.EVEN, 2)


def ours_kd(hidden: Tensor, weight: Tensor) -> Tensor:
    teacher = logits(*ex.heads()[2:])
    return ex.our_kd(forward_kl, logits(hidden, weight), teacher, ex.TEMPERATURE, 0.5)


def test_gkd_is_liger_s_jsd_without_its_cross_entropy() -> None:
    what = "LigerFusedLinearJSDLoss(weight_hard_loss=0, weight_soft_loss=1)"
    other = theirs(weight_hard_loss=0.0, weight_soft_loss=1.0, beta=ex.BETA)
    held("gkd", "liger-kernel", what, ours_gkd, other, ex.heads()[:2], SINGLE)


def test_liger_s_defaults_add_half_a_cross_entropy() -> None:
    what = "LigerFusedLinearJSDLoss at its default weights"
    held("gkd", "liger-kernel", what, ours_gkd, theirs(beta=ex.BETA), ex.heads()[:2])


def test_kd_is_liger_s_loss_with_the_square_of_the_temperature_as_a_weight() -> None:
    what = "LigerFusedLinearJSDLoss(beta=0, temperature=2, weight_soft_loss=4)"
    other = theirs(weight_hard_loss=0.5, weight_soft_loss=4.0, beta=0, temperature=ex.TEMPERATURE)
    held("kd", "liger-kernel", what, ours_kd, other, ex.heads()[:2], SINGLE)


def test_liger_leaves_the_square_of_the_temperature_to_its_weights() -> None:
    what = "LigerFusedLinearJSDLoss(beta=0, temperature=2), weights 0.5 and 1"
    other = theirs(weight_hard_loss=0.5, weight_soft_loss=1.0, beta=0, temperature=ex.TEMPERATURE)
    held("kd", "liger-kernel", what, ours_kd, other, ex.heads()[:2])

"""DPO and its label smoothing beside torchtune's, value and gradient by each log-prob."""

from __future__ import annotations

from typing import Any

import pytest
from torch import Tensor

from tests.methods.parity.held import held
from tests.methods.parity.preference import examples as ex

pytest.importorskip("torchtune")


def by_torchtune(smoothing: float) -> Any:
    from torchtune.rlhf.loss import DPOLoss

    def loss(logp: Tensor) -> Tensor:
        fused = DPOLoss(beta=ex.BETA, label_smoothing=smoothing)
        return fused(*ex.pairs(logp, ex.ref_logps()).summed())[0].mean()

    return loss


def test_dpo_is_torchtune_s() -> None:
    held("dpo", "torchtune", "DPOLoss", ex.dpo, by_torchtune(0.0), [ex.token_logps()])


def test_cdpo_is_torchtune_s_label_smoothing() -> None:
    held(
        "cdpo", "torchtune", "DPOLoss, label_smoothing 0.2", ex.cdpo, by_torchtune(ex.SMOOTHING),
        [ex.token_logps()],
    )  # fmt: skip

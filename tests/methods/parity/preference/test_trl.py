"""Our preference losses beside TRL's trainers, value and gradient by each token's log-prob.

TRL has no pure loss functions: its trainers' own methods are called unbound, with a stand-in for
the trainer and a model that returns given log-probs.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from methods.preference.dpo import dpo_loss
from tests.methods.parity.held import held
from tests.methods.parity.preference import examples as ex

pytest.importorskip("trl")
SINGLE = 1e-6  # what TRL computes in float32


def trainer(**fields: Any) -> SimpleNamespace:
    """Just so much of a trainer as a loss reads: one process, one micro-batch, no extras."""
    alone = SimpleNamespace(
        device=torch.device("cpu"),
        gather=lambda x: x,
        gather_for_metrics=lambda x: x,
        autocast=nullcontext,
    )
    return SimpleNamespace(
        accelerator=alone,
        model=SimpleNamespace(training=True),
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
        aux_loss_enabled=False,
        **fields,
    )


def given(logp: Tensor) -> Any:
    """A model that returns these log-probs, and zeros for what only metrics read."""
    zeros = torch.zeros_like(logp)
    outputs = SimpleNamespace(
        log_probs=logp * ex.MASK, label_mask=ex.MASK, entropy=zeros, mean_logits=zeros,
        is_top1=ex.MASK, loss=None,
    )  # fmt: skip
    return lambda **inputs: outputs


def padded_inputs() -> dict[str, Tensor]:
    """A batch as TRL's collators make it: position t is predicted at t - 1."""
    return {
        "input_ids": torch.zeros(6, 7, dtype=torch.int64),
        "attention_mask": torch.ones(6, 7, dtype=torch.int64),
        "completion_mask": torch.cat([torch.zeros(6, 1, dtype=torch.bool), ex.MASK], 1),
    }


def by_dpo_trainer(kind: str, beta: float, smoothing: float = 0.0) -> Any:
    from trl import DPOTrainer

    def loss(logp: Tensor) -> Tensor:
        stub = trainer(
            beta=beta, ld_alpha=None, precompute_ref_logps=True, f_divergence_type="reverse_kl",
            loss_types=[kind], loss_weights=[1.0], label_smoothing=smoothing, use_weighting=False,
        )  # fmt: skip
        chosen, rejected = (ex.ref_logps() * ex.MASK).sum(-1).chunk(2)
        inputs = {**padded_inputs(), "ref_chosen_logps": chosen, "ref_rejected_logps": rejected}
        return DPOTrainer._compute_loss(stub, given(logp), inputs, False)

    return loss


def test_dpo_is_trl_s_sigmoid_loss() -> None:
    theirs = by_dpo_trainer("sigmoid", ex.BETA)
    held("dpo", "trl", "DPOTrainer, sigmoid", ex.dpo, theirs, [ex.token_logps()])


@pytest.mark.parametrize(("beta", "scale"), [(0.1, 2.0), (0.5, 5.0), (0.1, 500.0)])
def test_dpo_stays_trl_s_sigmoid_loss_at_log_probs_of_any_size(beta: float, scale: float) -> None:
    ours, other = (
        (scale * ex.token_logps()).requires_grad_(),
        (scale * ex.token_logps()).requires_grad_(),
    )
    loss = dpo_loss(*ex.pairs(ours, ex.ref_logps()).summed(), beta).mean()
    theirs = by_dpo_trainer("sigmoid", beta)(other)
    loss.backward(), theirs.backward()
    assert loss.item() == pytest.approx(theirs.item(), rel=1e-12)
    assert (ours.grad - other.grad).abs().max() <= 1e-12 * ours.grad.abs().max()


def test_deviation_trl_s_sigmoid_loss_takes_no_notice_of_label_smoothing() -> None:
    theirs = by_dpo_trainer("sigmoid", ex.BETA, ex.SMOOTHING)
    held(
        "cdpo", "trl", "DPOTrainer, sigmoid, label_smoothing 0.2", ex.cdpo, theirs,
        [ex.token_logps()],
    )  # fmt: skip


def test_ipo_by_the_mean_over_tokens_is_trl_s_ipo() -> None:
    theirs = by_dpo_trainer("ipo", ex.TAU)
    held("ipo", "trl", "DPOTrainer, ipo, tokens=mean", ex.ipo("mean"), theirs, [ex.token_logps()])


def test_deviation_trl_s_ipo_divides_each_log_ratio_by_its_tokens() -> None:
    theirs = by_dpo_trainer("ipo", ex.TAU)
    held("ipo", "trl", "DPOTrainer, ipo", ex.ipo("sum"), theirs, [ex.token_logps()])


def test_kto_is_trl_s_loss_with_its_reference_point_and_weights() -> None:
    from trl import KTOTrainer

    kl, ref_kl = ex.mismatched_logps()
    assert (kl - ref_kl).mean() > 0.1  # or the clamp would hide it

    def theirs(logp: Tensor) -> Tensor:
        stub = trainer(
            beta=ex.BETA, loss_type="kto", precompute_ref_logps=True, calculate_KL=True,
            desirable_weight=ex.WEIGHTS[0], undesirable_weight=ex.WEIGHTS[1],
        )  # fmt: skip
        stub._compute_kl_logps = lambda model, batch: kl
        inputs = {
            **padded_inputs(),
            "label": ex.LABELS,
            "ref_logps": (ex.ref_logps() * ex.MASK).sum(-1),
            "ref_KL_logps": ref_kl,
        }
        return KTOTrainer._compute_loss(stub, given(logp), inputs, False)

    held("kto", "trl", "KTOTrainer, kto", ex.kto(ex.WEIGHTS), theirs, [ex.token_logps()])


def test_simpo_is_trl_s_cpo_with_simpo_and_no_supervised_term() -> None:
    from trl.experimental.cpo import CPOTrainer

    def theirs(logp: Tensor) -> Tensor:
        stub = trainer(
            alpha=0.0, loss_type="simpo", simpo_gamma=ex.GAMMA, beta=ex.BETA, label_smoothing=0.0
        )
        chosen, rejected = ((logp * ex.MASK).sum(-1) / ex.MASK.sum(-1)).chunk(2)
        return CPOTrainer.cpo_loss(stub, chosen, rejected)[0].mean()

    held("simpo", "trl", "CPOTrainer.cpo_loss, simpo", ex.simpo, theirs, [ex.token_logps()])


def test_orpo_s_odds_are_trl_s_which_its_trainer_subtracts() -> None:
    from trl.experimental.orpo import ORPOTrainer

    def theirs(logp: Tensor) -> Tensor:
        chosen, rejected = ((logp * ex.MASK).sum(-1) / ex.MASK.sum(-1)).chunk(2)
        found = ORPOTrainer.odds_ratio_loss(trainer(beta=ex.ODDS), chosen, rejected)[0]
        return -found.mean()

    held(
        "orpo", "trl", "ORPOTrainer.odds_ratio_loss, subtracted", ex.odds, theirs,
        [ex.token_logps()], SINGLE,
    )  # fmt: skip

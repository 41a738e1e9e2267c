"""Our divergences beside torchtune's losses of distillation, which compute in float32."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from methods.engine.divergence import forward_kl, reverse_kl
from tests.methods.parity.distill import examples as ex
from tests.methods.parity.held import held

pytest.importorskip("torchtune")
SINGLE = 1e-6


def theirs(name: str, temperature: float = 1.0):
    from torchtune.modules.loss import kd_losses

    loss = getattr(kd_losses, name)()
    return lambda ours: loss(
        ours.flatten(0, 1) / temperature, ex.teacher().flatten(0, 1) / temperature,
        ex.LABELS.flatten(),
    ).double()  # fmt: skip


def entropy(temperature: float) -> Tensor:
    logp = (ex.teacher() / temperature).log_softmax(-1)
    return -(logp.exp() * logp).sum(-1).mean()


def test_kd_s_soft_part_is_torchtune_s_forward_kl_less_the_teacher_s_entropy() -> None:
    held(
        "kd", "torchtune", "ForwardKLLoss, with the teacher's entropy added to ours",
        lambda ours: ex.our_kd(forward_kl, ours, ex.teacher(), 1.0, 0.0) + entropy(1.0),
        theirs("ForwardKLLoss"), [ex.student()], SINGLE,
    )  # fmt: skip


def test_torchtune_has_no_square_of_the_temperature() -> None:
    held(
        "kd", "torchtune", "ForwardKLLoss of logits divided by 2",
        lambda ours: ex.our_kd(forward_kl, ours, ex.teacher(), ex.TEMPERATURE, 0.0),
        theirs("ForwardKLLoss", ex.TEMPERATURE), [ex.student()],
    )  # fmt: skip


def test_gkd_with_reverse_kl_is_torchtune_s() -> None:
    held("gkd", "torchtune", "ReverseKLLoss, answers of one length", ex.our_gkd(reverse_kl),
         theirs("ReverseKLLoss"), [ex.student()], SINGLE)  # fmt: skip


def test_torchtune_s_symmetric_loss_is_the_mean_of_both_directions() -> None:
    """No method of ours: it holds the two divergences together."""

    def ours(logits: Tensor) -> Tensor:
        both = (ex.our_gkd(fn)(logits) for fn in (forward_kl, reverse_kl))
        return sum(both, torch.zeros((), dtype=ex.F64)) / 2

    found = ours(ex.student()) + entropy(1.0) / 2
    assert theirs("SymmetricKLLoss")(ex.student()).item() == pytest.approx(found.item(), rel=SINGLE)

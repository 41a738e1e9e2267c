"""The loss of DFT: what is likely already pulls hardest, and nothing pulls through the weight."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from methods.finetune.dft import dft_loss
from methods.finetune.sft import sft_loss

F64 = torch.float64
LENGTHS = (1, 5, 2, 7, 3, 4)
MASK = torch.arange(max(LENGTHS))[None, :] < torch.tensor(LENGTHS)[:, None]


def logps(seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return -5 * torch.rand(len(LENGTHS), max(LENGTHS), generator=draw, dtype=F64)


def test_the_loss_of_a_ragged_batch_worked_by_hand():
    # 1/2 ln 2, 1/4 ln 4 and 1/8 ln 8: 1/2, 1/2 and 3/8 of ln 2, over three tokens.
    logp = torch.tensor([[0.5, 0.25], [0.125, 1.0]], dtype=F64).log()
    mask = torch.tensor([[True, True], [True, False]])
    assert dft_loss(logp, mask, 3).item() == pytest.approx(11 / 24 * math.log(2), rel=1e-15)


def test_the_gradient_is_that_of_minus_the_probability():
    ours, plain = logps().requires_grad_(), logps().requires_grad_()
    dft_loss(ours, MASK, sum(LENGTHS)).backward()
    (-(plain.exp() * MASK).sum() / sum(LENGTHS)).backward()
    assert torch.allclose(ours.grad, plain.grad, rtol=1e-14, atol=0)


def test_by_the_logits_it_is_sft_s_gradient_times_the_probability():
    draw = torch.Generator().manual_seed(1)
    logits = torch.randn(*MASK.shape, 11, generator=draw, dtype=F64)
    labels = torch.randint(11, MASK.shape, generator=draw)
    found = []
    for loss in (dft_loss, sft_loss):
        leaf = logits.clone().requires_grad_()
        logp = leaf.log_softmax(-1).gather(-1, labels[..., None])[..., 0]
        loss(logp, MASK, sum(LENGTHS)).backward()
        found.append(leaf.grad)
    probability = logits.softmax(-1).gather(-1, labels[..., None])
    assert torch.allclose(found[0], found[1] * probability, rtol=1e-12, atol=1e-18)


def test_an_unlikely_token_pulls_less_where_it_pulls_as_much_in_sft():
    logp = torch.tensor([[0.9, 0.01]], dtype=F64).log().requires_grad_()
    dft_loss(logp, torch.ones(1, 2, dtype=torch.bool), 2).backward()
    assert logp.grad[0].tolist() == pytest.approx([-0.45, -0.005])


def test_micro_batches_add_up_to_the_loss_and_gradient_of_the_step():
    whole, cut = logps().requires_grad_(), logps().requires_grad_()
    expected = dft_loss(whole, MASK, sum(LENGTHS))
    expected.backward()
    value = 0.0
    for rows in ([3, 1], [5], [0, 2, 4]):
        part = dft_loss(cut[rows], MASK[rows], sum(LENGTHS))
        part.backward()
        value += part.item()
    assert value == pytest.approx(expected.item(), rel=1e-14)
    assert torch.equal(cut.grad, whole.grad)


@pytest.mark.parametrize("content", [0.0, -1e30, 1e30, -7.25, float("inf")])
def test_masked_positions_may_hold_anything_and_get_no_gradient(content: float):
    dirty = torch.where(MASK, logps(), torch.full_like(logps(), content)).requires_grad_()
    loss = dft_loss(dirty, MASK, sum(LENGTHS))
    loss.backward()
    assert loss.item() == dft_loss(logps(), MASK, sum(LENGTHS)).item()
    assert (dirty.grad[~MASK] == 0).all() and dirty.grad.isfinite().all()


def test_a_row_without_a_real_token_adds_nothing():
    logp = logps().requires_grad_()
    loss = dft_loss(logp, torch.zeros_like(MASK), 5)
    loss.backward()
    assert loss.item() == 0 and not logp.grad.any()


def test_extreme_log_probs_stay_finite_and_the_loss_is_at_most_one_over_e():
    logp = torch.tensor([[-1e-12, -1.0, -50.0, -1e4, -1e30]], dtype=torch.float32).requires_grad_()
    mask = torch.ones(1, 5, dtype=torch.bool)
    loss = dft_loss(logp, mask, 5)
    loss.backward()
    assert 0 <= loss.item() <= math.exp(-1) and logp.grad.isfinite().all()


def test_a_certain_answer_costs_nothing_and_still_holds_its_place():
    logp = torch.zeros(1, 1, dtype=F64).requires_grad_()
    loss = dft_loss(logp, torch.ones(1, 1, dtype=torch.bool), 1)
    loss.backward()
    assert loss.item() == 0 and logp.grad.item() == -1

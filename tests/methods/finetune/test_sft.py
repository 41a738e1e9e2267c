"""The supervised loss: one number per token of the whole step, whatever the step is cut into."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from methods.engine.batch import Tokens
from methods.engine.errors import MethodError
from methods.finetune.loop import shuffled
from methods.finetune.sft import sft_loss

LENGTHS = (1, 5, 2, 7, 3, 4)


def mask_of(lengths: tuple[int, ...]) -> Tensor:
    return torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]


@pytest.fixture
def logits() -> Tensor:
    draw = torch.Generator().manual_seed(1)
    return torch.randn(len(LENGTHS), max(LENGTHS), 11, generator=draw, dtype=torch.float64)


@pytest.fixture
def labels() -> Tensor:
    draw = torch.Generator().manual_seed(2)
    return torch.randint(11, (len(LENGTHS), max(LENGTHS)), generator=draw)


def logp_of(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.log_softmax(-1).gather(-1, labels[..., None])[..., 0]


def test_the_loss_of_a_ragged_batch_is_the_mean_over_all_its_tokens():
    # Probabilities 1/2 and 1/4 in one answer, 1/8 in the other: 6 ln 2 over three tokens.
    logp = torch.tensor([[0.5, 0.25], [0.125, 1.0]], dtype=torch.float64).log()
    mask = torch.tensor([[True, True], [True, False]])
    assert sft_loss(logp, mask, 3).item() == pytest.approx(2 * math.log(2), rel=1e-15)


def test_a_long_answer_weighs_by_its_tokens_and_not_as_one_answer():
    logp = torch.tensor([[0.5, 0.25], [0.125, 1.0]], dtype=torch.float64).log()
    mask = torch.tensor([[True, True], [True, False]])
    mean_of_answers = (1.5 + 3) / 2 * math.log(2)
    assert mean_of_answers - sft_loss(logp, mask, 3).item() == pytest.approx(math.log(2) / 4)


def test_the_gradient_is_softmax_minus_one_hot_over_the_total_tokens(logits, labels):
    logits.requires_grad_()
    mask, total = mask_of(LENGTHS), sum(LENGTHS)
    sft_loss(logp_of(logits, labels), mask, total).backward()
    one_hot = torch.nn.functional.one_hot(labels, 11).double()
    expected = (logits.detach().softmax(-1) - one_hot) * mask[..., None] / total
    assert torch.allclose(logits.grad, expected, rtol=1e-13, atol=1e-16)
    assert (logits.grad[~mask] == 0).all()
    assert logits.grad[mask].abs().min() > 0


@pytest.mark.parametrize(
    "parts",
    [
        [[0, 1, 2, 3, 4, 5]],
        [[0], [1], [2], [3], [4], [5]],
        [[3, 1], [5, 4], [2, 0]],
        [[0], [5, 4, 3, 2, 1]],
        [[2, 0, 4], [1, 5], [3]],
    ],
)
def test_micro_batches_add_up_to_the_same_loss_and_gradient(logits, labels, parts):
    mask, total = mask_of(LENGTHS), sum(LENGTHS)
    whole = logits.clone().requires_grad_()
    expected = sft_loss(logp_of(whole, labels), mask, total)
    expected.backward()
    cut = logits.clone().requires_grad_()
    value = 0.0
    for rows in parts:
        width = max(LENGTHS[i] for i in rows)  # each part is padded to its own longest answer
        part = sft_loss(logp_of(cut[rows, :width], labels[rows, :width]), mask[rows, :width], total)
        part.backward()
        value += part.item()
    assert value == pytest.approx(expected.item(), rel=1e-12)
    assert torch.allclose(cut.grad, whole.grad, rtol=1e-12, atol=1e-15)


def test_averaging_the_averages_of_micro_batches_would_be_another_loss(logits, labels):
    # The commonest bug of gradient accumulation; this is what the total in the signature is for.
    logp, mask = logp_of(logits, labels), mask_of(LENGTHS)
    right = sft_loss(logp, mask, sum(LENGTHS)).item()
    halves = [sft_loss(logp[h], mask[h], int(mask[h].sum())).item() for h in ([0, 2, 4], [1, 3, 5])]
    assert abs(sum(halves) / 2 - right) > 0.01


@pytest.mark.parametrize("content", [0.0, -1e30, 1e30, -7.25])
def test_masked_positions_may_hold_anything_and_get_no_gradient(logits, labels, content):
    mask, total = mask_of(LENGTHS), sum(LENGTHS)
    clean = logp_of(logits, labels)
    dirty = torch.where(mask, clean, torch.full_like(clean, content)).requires_grad_()
    loss = sft_loss(dirty, mask, total)
    loss.backward()
    assert loss.item() == sft_loss(clean.where(mask, clean.new_zeros(())), mask, total).item()
    assert (dirty.grad[~mask] == 0).all()
    assert torch.equal(dirty.grad[mask], torch.full((total,), -1 / total, dtype=torch.float64))


def test_it_equals_torch_cross_entropy_over_the_answer_tokens(logits, labels):
    mask, total = mask_of(LENGTHS), sum(LENGTHS)
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    loss = sft_loss(logp_of(ours, labels), mask, total)
    ignored = labels.masked_fill(~mask, -100)
    expected = cross_entropy(theirs.flatten(0, 1), ignored.flatten(), ignore_index=-100)
    loss.backward()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-14)
    assert torch.allclose(ours.grad, theirs.grad, rtol=1e-12, atol=1e-16)


def test_a_uniform_guess_costs_the_logarithm_of_the_vocabulary(labels):
    flat = torch.zeros(len(LENGTHS), max(LENGTHS), 11, dtype=torch.float64)
    loss = sft_loss(logp_of(flat, labels), mask_of(LENGTHS), sum(LENGTHS))
    assert loss.item() == pytest.approx(math.log(11), rel=1e-15)


def test_shuffled_labels_give_every_prompt_the_answer_of_another_row_and_lose_none():
    rows = [Tokens((100 + i, 200 + i, *range(i + 1)), 2) for i in range(9)]
    mixed = shuffled(rows, torch.Generator().manual_seed(3))
    assert [r.ids[:2] for r in mixed] == [r.ids[:2] for r in rows]
    answers = [r.completion for r in rows]
    assert sorted(r.completion for r in mixed) == sorted(answers)
    assert all(a.completion != b for a, b in zip(mixed, answers, strict=True))


def test_one_row_cannot_beshuffled():
    with pytest.raises(MethodError, match="at least two"):
        shuffled([Tokens((1, 2), 1)], torch.Generator())

"""DPO that weighs how far each answer has moved, token by token."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from methods.engine.batch import Tokens, pack
from methods.engine.model import LanguageModel
from methods.preference import loop
from methods.preference.dpo import dpo_loss
from methods.preference.tdpo import tdpo1_loss, tdpo2_loss
from tests.engine.conftest import own_attention, small_model

F64 = torch.float64
BETA, ALPHA = 0.3, 0.5


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=F64)


@pytest.fixture
def logps() -> list[Tensor]:
    """Chosen, rejected, and the same under the reference: five pairs."""
    draw = torch.Generator().manual_seed(11)
    return [-8 * torch.rand(5, generator=draw, dtype=F64) for _ in range(4)]


@pytest.fixture
def kls() -> list[Tensor]:
    """Sequential KLs of the chosen and of the rejected answers."""
    draw = torch.Generator().manual_seed(12)
    return [3 * torch.rand(5, generator=draw, dtype=F64) for _ in range(2)]


def test_the_losses_of_a_pair_worked_by_hand():
    # u = 1/2 (2 - 0) = 1; sequential KLs 0.4 and 2.4.
    logps = (tensor(-8), tensor(-5), tensor(-10), tensor(-5))
    kls = (tensor(0.4), tensor(2.4))
    assert tdpo1_loss(logps, kls, 0.5).item() == pytest.approx(math.log(2), rel=1e-14)  # delta 1
    wanted = math.log1p(math.exp(-0.75))  # delta 1/4
    assert tdpo2_loss(logps, kls, 0.5, 0.25).item() == pytest.approx(wanted, rel=1e-14)


def test_where_both_answers_have_moved_as_far_either_version_is_dpo(logps, kls):
    equal = (kls[0], kls[0].clone())
    plain = dpo_loss(*logps, BETA)
    assert torch.allclose(tdpo1_loss(tuple(logps), equal, BETA), plain, rtol=1e-13)
    assert torch.allclose(tdpo2_loss(tuple(logps), equal, BETA, ALPHA), plain, rtol=1e-13)


def test_without_a_weight_tdpo2_is_dpo_value_and_gradient(logps, kls):
    leaves = [p.clone().requires_grad_() for p in (*logps, *kls)]
    loss = tdpo2_loss(tuple(leaves[:4]), tuple(leaves[4:]), BETA, 0.0)
    loss.sum().backward()
    assert torch.allclose(loss, dpo_loss(*logps, BETA), rtol=1e-13)
    assert leaves[5].grad.abs().max() == 0


@pytest.mark.parametrize("version", [1, 2])
def test_the_gradients_are_the_closed_forms_with_the_stop_of_tdpo2(logps, kls, version):
    leaves = [p.clone().requires_grad_() for p in (*logps, *kls)]
    four, two = tuple(leaves[:4]), tuple(leaves[4:])
    loss = tdpo1_loss(four, two, BETA) if version == 1 else tdpo2_loss(four, two, BETA, ALPHA)
    loss.sum().backward()
    weight = 1.0 if version == 1 else ALPHA
    chosen, rejected, ref_chosen, ref_rejected = logps
    margin = (chosen - ref_chosen) - (rejected - ref_rejected) - weight * (kls[1] - kls[0])
    wrong = BETA * torch.sigmoid(-BETA * margin)
    for leaf, slope in zip(leaves[:4], (-1, 1, 1, -1), strict=True):
        assert torch.allclose(leaf.grad, slope * wrong, rtol=1e-12)
    assert torch.allclose(leaves[5].grad, weight * wrong, rtol=1e-12)
    if version == 1:
        assert torch.allclose(leaves[4].grad, -wrong, rtol=1e-12)
        given = (tuple(p.clone() for p in logps), tuple(p.clone().requires_grad_() for p in kls))
        assert torch.autograd.gradcheck(lambda a, b: tdpo1_loss(given[0], (a, b), BETA), given[1])
    else:
        assert leaves[4].grad is None  # the chosen answer's KL passes none


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_extreme_log_probs_and_divergences_stay_finite(dtype):
    zero = torch.zeros(2, dtype=dtype)
    chosen = torch.tensor([1e4, -1e4], dtype=dtype, requires_grad=True)
    kl = torch.tensor([0.0, 1e4], dtype=dtype)
    for loss in (
        tdpo1_loss((chosen, zero, zero, zero), (zero, kl), 0.5),
        tdpo2_loss((chosen, zero, zero, zero), (zero, kl), 0.5, 0.5),
    ):
        (slope,) = torch.autograd.grad(loss.sum(), chosen)
        assert loss.isfinite().all() and slope.tolist() == [0.0, -0.5]


def distributions(model: LanguageModel, ids: Tensor) -> Tensor:
    """The log-probs of every next token, by the model's own attention on one row."""
    with own_attention(model):
        return model.module(ids, use_cache=False).logits[0].log_softmax(-1)


def test_the_sequential_kl_is_that_of_whole_distributions_row_by_row():
    """Shared beginnings and ragged answers, one of a single token; the policy gets a gradient."""
    policy, start = small_model(dtype=F64), small_model(seed=5, dtype=F64)
    rows = [
        Tokens((5, 6, 7, 8, 9, 2), 2), Tokens((5, 6, 10, 2), 2),
        Tokens((4, 11), 1), Tokens((4, 12, 13, 2), 1),
    ]  # fmt: skip
    batch = pack(rows, [2, 3, 0, 1])
    known = [torch.zeros(r.completion_length) for r in rows]
    pairs = loop._read(policy, batch, known, start)
    found = torch.stack(pairs.sequential_kl(), 1).flatten()
    wanted = []
    for index in batch.rows:
        ids = torch.tensor(rows[index].ids[:-1])[None]
        ours, theirs = (distributions(model, ids) for model in (policy, start))
        kl = (theirs.exp() * (theirs - ours)).sum(-1)
        wanted.append(kl[rows[index].prompt_length - 1 :].sum())
    assert torch.allclose(found, torch.stack(wanted), rtol=1e-9)
    assert found.requires_grad and (found > 0.01).all()

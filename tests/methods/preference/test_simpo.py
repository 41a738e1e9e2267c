"""The mean log-prob as reward: what counts as an answer's length, and what gamma asks for."""

from __future__ import annotations

import math

import pytest
import torch

from methods.engine.batch import Tokens, pack
from methods.engine.examples import row
from methods.engine.logprobs import completion_logprobs
from methods.preference.loop import Pairs
from methods.preference.simpo import scores, simpo_loss
from tests.engine.conftest import plain_logprobs, small_model

F64 = torch.float64


def ragged() -> Pairs:
    """Three tokens against one, and one against two."""
    logp = torch.tensor([[[-1, -2, -3], [-4, 0, 0]], [[-0.5, 0, 0], [-1, -2, 0]]], dtype=F64)
    return Pairs(logp.requires_grad_(), logp.detach() < 0)


def test_the_loss_of_a_ragged_batch_worked_by_hand():
    # Mean differences -2 + 4 = 2 and -0.5 + 1.5 = 1; times beta 2, less gamma 1: 3 and 1.
    loss = simpo_loss(*ragged().averaged(), 2.0, 1.0)
    wanted = [math.log1p(math.exp(-3)), math.log1p(math.exp(-1))]
    assert loss.tolist() == pytest.approx(wanted, rel=1e-14)
    assert loss.tolist() == pytest.approx([0.048587351573742, 0.31326168751822286], rel=1e-12)


def test_each_token_is_pushed_by_its_share_of_its_own_answer():
    pairs = ragged()
    simpo_loss(*pairs.averaged(), 2.0, 1.0).sum().backward()
    first, second = (2 / (1 + math.exp(u)) for u in (3, 1))  # beta sigma(-u)
    wanted = [[-first / 3] * 3, [first] * 3, [-second] * 3, [second / 2] * 3]
    mask, grad = pairs.mask.view(4, 3), pairs.logp.grad.view(4, 3)
    for ours, slopes, real in zip(grad, wanted, mask, strict=True):
        assert ours[real].tolist() == pytest.approx(
            [s for s, r in zip(slopes, real, strict=True) if r]
        )


def test_the_control_compares_sums_and_so_length_decides():
    pairs = ragged()
    chosen, rejected = scores(pairs, "sum")
    assert (chosen.tolist(), rejected.tolist()) == ([-6.0, -0.5], [-4.0, -3.0])
    means = scores(pairs, "mean")
    assert [v.tolist() for v in means] == [v.tolist() for v in pairs.averaged()]
    # The first pair is won by its mean and lost by its sum.
    assert means[0][0] > means[1][0] and chosen[0] < rejected[0]


def test_gamma_asks_for_a_margin_and_is_a_shift_of_the_sigmoid():
    zero, gap = torch.zeros(1, dtype=F64), torch.tensor([0.7], dtype=F64)
    assert simpo_loss(gap, zero, 2.0, 1.4).item() == pytest.approx(math.log(2), rel=1e-15)
    assert simpo_loss(gap, zero, 2.0, 0.0) < simpo_loss(gap, zero, 2.0, 0.5)
    forth, back = simpo_loss(gap, zero, 2.0, 0.0), simpo_loss(zero, gap, 2.0, 0.0)
    assert (forth - back).item() == pytest.approx(-1.4, rel=1e-13)


def test_autograd_agrees_with_finite_differences():
    draw = torch.Generator().manual_seed(8)
    leaves = [(-3 * torch.rand(5, generator=draw, dtype=F64)).requires_grad_() for _ in range(2)]
    assert torch.autograd.gradcheck(lambda a, b: simpo_loss(a, b, 2.0, 0.5), leaves)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_extreme_log_probs_stay_finite(dtype):
    chosen = torch.tensor([0, -1e5], dtype=dtype, requires_grad=True)
    loss = simpo_loss(chosen, chosen.detach().flip(0), 2.0, 0.0)
    loss.sum().backward()
    assert loss.tolist() == [0.0, 2e5]
    assert chosen.grad.tolist() == [0.0, -2.0]


def test_simpo_divides_by_the_answer_s_tokens_with_its_end_once_and_never_by_the_prompt_s():
    """The mean that a pair is won by, worked out token by token; prompts of two lengths."""
    model = small_model(dtype=F64)
    rows = [row(model, prompt, answer) for prompt, answer in (("1+2=", "33"), ("1+2=", "4"))]
    ended = [model.eos_id == r.ids[-1] for r in rows]
    assert ended == [True, True] and [r.completion_length for r in rows] == [3, 2]
    cut = [Tokens(r.ids[:-1], r.prompt_length) for r in rows]  # cut off: no end token to count
    for each in (rows, cut):
        batch = pack(each, [0, 1])
        logp = completion_logprobs(model, batch)
        pairs = Pairs.of(logp, batch.completion_mask, batch.rows, None)
        by_hand = [plain_logprobs(model, r).sum() / r.completion_length for r in each]
        assert torch.stack([v[0] for v in pairs.averaged()]).tolist() == pytest.approx(
            [v.item() for v in by_hand], rel=1e-12
        )
    long = [Tokens((5, 6, 5, 6, *r.ids), r.prompt_length + 4) for r in rows]
    batch = pack(long, [0, 1])
    assert batch.completion_mask.sum(-1).tolist() == [3, 2]

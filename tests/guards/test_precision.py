"""Numbers that a kernel or a short type may get wrong without a word."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from methods.engine.batch import Tokens, pack
from methods.engine.logprobs import completion_logprobs, head_logprobs
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions
from tests.engine.conftest import gradients, plain_logprobs, relative, small_model
from tests.guards.small import each_training_method, play

ROWS = [Tokens(tuple(range(4, 4 + n)), p) for n, p in ((14, 3), (6, 5), (9, 1), (12, 6))]
PAPER_RATE = 1e-6  # of DPO and GRPO


def head_case(dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(states, weight, labels, weight of each label in a loss), the first two in ``dtype``."""
    g = torch.Generator().manual_seed(0)
    hidden = torch.randn(37, 16, generator=g).to(dtype)
    weight = torch.randn(50, 16, generator=g).to(dtype)
    return hidden, weight, torch.randint(50, (37,), generator=g), torch.randn(37, generator=g)


def head_gradients(compute, hidden: Tensor, weight: Tensor, losses: Tensor):
    hidden, weight = hidden.clone().requires_grad_(), weight.clone().requires_grad_()
    value = compute(hidden, weight)
    (value.double() * losses.double()).sum().backward()
    return value.detach(), hidden.grad, weight.grad


@pytest.mark.parametrize("temperature", [0.7, 1.0])
@pytest.mark.parametrize("chunk", [1, 8, 512])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-6), (torch.bfloat16, 2e-2)]
)
def test_the_chunked_head_is_the_plain_one_forward_and_backward(
    dtype: torch.dtype, tolerance: float, chunk: int, temperature: float
) -> None:
    """Against whole logits in float64, of the very operands: what is left is the type's rounding."""
    hidden, weight, labels, losses = head_case(dtype)

    def plain(h: Tensor, w: Tensor) -> Tensor:
        logits = h.double() @ w.double().T / temperature
        return torch.log_softmax(logits, -1).gather(-1, labels[:, None])[:, 0]

    def ours(h: Tensor, w: Tensor) -> Tensor:
        return head_logprobs(h, w, labels, temperature=temperature, chunk=chunk)

    expected = head_gradients(plain, hidden, weight, losses)
    found = head_gradients(ours, hidden, weight, losses)
    for a, b in zip(found, expected, strict=True):
        assert relative(a.double(), b.double()) < tolerance


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("bfloat16", 3e-2)])
def test_a_model_s_gradient_through_the_chunked_head_is_that_of_whole_logits(
    precision: str, tolerance: float
) -> None:
    model = small_model()
    model.precision = precision

    def plain() -> None:
        with model.autocast():
            sum(plain_logprobs(model, r).sum() for r in ROWS).backward()

    def ours() -> None:
        completion_logprobs(model, pack(ROWS, range(len(ROWS)))).sum().backward()

    assert relative(gradients(model, ours), gradients(model, plain)) < tolerance


@each_training_method
def test_weights_moments_and_their_changes_are_float32_where_bfloat16_computes(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, pulled, moved = [], [], []
    step = Optimiser.step

    def watched(optimiser: Optimiser, number: int) -> dict[str, float]:
        seen.extend(p.grad.dtype for p in optimiser.parameters if p.grad is not None)
        # The first matrix of an adapter has a gradient of zero while the second is zero.
        slopes = [torch.zeros_like(p) if p.grad is None else p.grad for p in optimiser.parameters]
        pulled.append(torch.cat([s.flatten() != 0 for s in slopes]))
        before = [p.detach().clone() for p in optimiser.parameters]
        numbers = step(optimiser, number)
        # Of the step itself: moments that begin anew in a second task may take it all back.
        changes = zip(optimiser.parameters, before, strict=True)
        moved.append(torch.cat([(p.detach() != old).flatten() for p, old in changes]))
        seen.extend(v.dtype for s in optimiser.adamw.state.values() for v in s.values())
        return numbers

    monkeypatch.setattr(Optimiser, "step", watched)
    played = play(
        method, tmp_path / "run", monkeypatch, precision="bfloat16", learning_rate=PAPER_RATE,
        steps=2,  # a head of zeros passes no gradient on in the first
    )  # fmt: skip
    assert {p.dtype for p in played.policy.module.parameters()} | set(seen) == {torch.float32}
    assert float(pulled[-1].double().mean()) > 0.4
    assert float(moved[-1][pulled[-1]].double().mean()) > 0.9


def test_an_update_at_the_papers_rate_would_be_lost_in_bfloat16_and_is_not_lost_here() -> None:
    """The same step on weights of both types: in one all but nothing moves, in ours nearly all."""
    model = small_model()
    model.precision = "bfloat16"
    optimiser = Optimiser(model, TrainingOptions(learning_rate=PAPER_RATE))
    before = torch.cat([p.detach().flatten() for p in optimiser.parameters])
    optimiser.backward(-completion_logprobs(model, pack(ROWS, range(len(ROWS)))).mean())
    optimiser.step(1)
    after = torch.cat([p.detach().flatten() for p in optimiser.parameters])
    moved = after - before
    assert float((moved != 0).double().mean()) > 0.9
    short = before.bfloat16()
    assert float(((short + moved.bfloat16()) != short).double().mean()) < 0.1


def test_log_probs_of_training_are_never_positive_nor_below_float32_in_bfloat16() -> None:
    """A log-prob above 0 is what makes an entropy or a KL estimate negative."""
    model = small_model()
    with torch.no_grad():
        model.head_weight.mul_(20)  # all but certain of one token: where rounding shows
    model.precision = "bfloat16"
    logp = completion_logprobs(model, pack(ROWS, range(len(ROWS))))
    assert logp.dtype == torch.float32 and bool((logp <= 0).all()) and bool(logp.isfinite().all())

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from methods.distill import minillm
from methods.distill.minillm import minillm_loss, mixture, returns_after
from methods.engine.divergence import reverse_kl
from methods.engine.examples import row
from tests.engine.conftest import relative
from tests.methods.distill.steps import (
    ANSWERS,
    PROMPTS,
    expected_gradient,
    models,
    stepped,
    whole_logits,
)

F64 = torch.float64
MASK = torch.tensor([[True, True, True], [True, True, False], [True, False, False]])


def drawn(seed: int, *shape: int, scale: float = 1.0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, generator=draw, dtype=F64)


# --- returns and the mixture --------------------------------------------------------------------


def test_returns_of_a_ragged_batch_worked_by_hand() -> None:
    rewards = torch.tensor([[1.0, 2.0, 4.0], [1.0, -3.0, 9.0], [5.0, 9.0, 9.0]], dtype=F64)
    plain = returns_after(rewards, MASK, length_normalised=False)
    assert plain.tolist() == [[6, 4, 0], [-3, 0, 0], [0, 0, 0]]
    mean = returns_after(rewards, MASK, length_normalised=True)
    assert mean.tolist() == [[3, 4, 0], [-3, 0, 0], [0, 0, 0]]


def test_a_masked_row_returns_nothing() -> None:
    none = torch.zeros(1, 3, dtype=torch.bool)
    assert not returns_after(torch.ones(1, 3), none, length_normalised=True).any()


def test_the_mixture_is_that_of_probabilities() -> None:
    q, p = drawn(0, 4, 6).log_softmax(-1), drawn(1, 4, 6).log_softmax(-1)
    mixed = mixture(q, p, 0.2)
    assert torch.allclose(mixed.exp(), 0.2 * p.exp() + 0.8 * q.exp(), rtol=1e-14, atol=0)
    assert mixture(q, p, 0.0) is q
    impossible = torch.full((1,), -math.inf, dtype=F64)
    assert mixture(torch.zeros(1, dtype=F64), impossible, 0.2).item() == pytest.approx(
        math.log(0.8)
    )


# --- the loss -----------------------------------------------------------------------------------


def test_the_loss_of_a_ragged_batch_worked_by_hand() -> None:
    ratios = torch.tensor([[1.0, 1.5, 0.5], [1.0, 2.0, 7.0], [0.5, 7.0, 7.0]], dtype=F64)
    returns = torch.tensor([[2.0, 3.0, 0.0], [-1.0, -1.0, 7.0], [4.0, 7.0, 7.0]], dtype=F64)
    single = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 7.0], [0.6, 7.0, 7.0]], dtype=F64)
    found = minillm_loss(ratios.log(), torch.zeros(3, 3, dtype=F64), single, returns, MASK, 3, 0.2)
    one = (0.1 - 2) + (0.3 - 1.2 * 3) + 0.15  # a good token is not raised beyond 1.2
    two = (0.4 + 1) + (1.0 + 2)  # a bad one is lowered as far as it is
    three = 0.3 - 0.5 * 4
    assert found.item() == pytest.approx((one + two + three) / 3, abs=1e-14)


def test_beyond_the_clip_a_good_token_has_no_slope_and_a_bad_one_has() -> None:
    logp = torch.tensor([[1.5, 1.5]], dtype=F64).log().requires_grad_()
    returns = torch.tensor([[1.0, -1.0]], dtype=F64)
    zeros, mask = torch.zeros(1, 2, dtype=F64), torch.ones(1, 2, dtype=torch.bool)
    minillm_loss(logp, zeros, zeros, returns, mask, 1, 0.2).backward()
    assert logp.grad.tolist() == [[0.0, pytest.approx(1.5)]]


def test_an_answer_of_one_token_is_the_exact_reverse_kl_alone() -> None:
    student, teacher = drawn(0, 1, 5).requires_grad_(), drawn(1, 1, 5).log_softmax(-1)
    q = student.log_softmax(-1)
    single = reverse_kl(q, teacher)[:, None]
    after = returns_after(torch.ones(1, 1), torch.ones(1, 1).bool(), length_normalised=True)
    loss = minillm_loss(q[:, :1], q[:, :1].detach(), single, after, torch.ones(1, 1).bool(), 1, 0.2)
    (found,) = torch.autograd.grad(loss, student, retain_graph=True)
    (expected,) = torch.autograd.grad(single.sum(), student)
    assert torch.allclose(found, expected, rtol=0, atol=1e-15)


def sequence_gradients(teacher_mix: float) -> tuple[Tensor, Tensor]:
    """(expected gradient of the loss over all samples, gradient of KL over all sequences).

    Sequences of three tokens out of three; every table of next-token logits is a parameter.
    """
    tables = [drawn(s, *[3] * (s + 1)).requires_grad_() for s in range(3)]
    teacher = [drawn(s + 5, *[3] * (s + 1)).log_softmax(-1) for s in range(3)]
    q = [t.log_softmax(-1) for t in tables]
    mask = torch.ones(1, 3, dtype=torch.bool)
    loss, divergence = torch.zeros((), dtype=F64), torch.zeros((), dtype=F64)
    for y in itertools.product(range(3), repeat=3):
        rows = [(q[t][y[:t]], teacher[t][y[:t]]) for t in range(3)]
        logp = torch.stack([a[y[t]] for t, (a, _) in enumerate(rows)])[None]
        other = torch.stack([b[y[t]] for t, (_, b) in enumerate(rows)])[None]
        single = torch.cat([reverse_kl(a[None], b[None]) for a, b in rows])[None]
        mixed = mixture(logp.detach(), other, teacher_mix)
        after = returns_after(other - logp.detach(), mask, length_normalised=False)
        part = minillm_loss(logp, mixed, single, after, mask, 1, 0.999)
        loss = loss + mixed.sum().exp() * part
        divergence = divergence + logp.sum().exp() * (logp - other).sum()
    found, expected = (
        torch.autograd.grad(v, tables, retain_graph=True) for v in (loss, divergence)
    )
    return torch.cat([g.flatten() for g in found]), torch.cat([g.flatten() for g in expected])


def test_on_policy_its_gradient_is_that_of_the_kl_over_whole_sequences() -> None:
    assert relative(*sequence_gradients(0.0)) < 1e-12


def test_with_the_teachers_help_the_token_s_own_weight_makes_it_an_approximation() -> None:
    """Section 2.2 keeps one factor of the product: no longer exact, and close."""
    found, expected = sequence_gradients(0.2)
    assert 1e-3 < relative(found, expected) < 0.3
    assert torch.nn.functional.cosine_similarity(found, expected, 0) > 0.95


def test_a_teacher_that_agrees_leaves_nothing_to_learn() -> None:
    logits = drawn(0, 2, 3, 5).requires_grad_()
    q = logits.log_softmax(-1)
    single = reverse_kl(q.flatten(0, 1), q.detach().flatten(0, 1)).view(2, 3)
    logp, mask = q[..., 0], torch.ones(2, 3, dtype=torch.bool)
    after = returns_after(torch.zeros(2, 3, dtype=F64), mask, length_normalised=True)
    minillm_loss(logp, logp.detach(), single, after, mask, 2, 0.2).backward()
    assert logits.grad.abs().max() < 1e-15


def test_extreme_log_probs_leave_loss_and_slope_finite() -> None:
    logp = torch.tensor([[-1e-6, -50.0, -700.0]], dtype=F64, requires_grad=True)
    mixed = mixture(logp.detach(), torch.tensor([[-700.0, -1e-6, -700.0]], dtype=F64), 0.2)
    mask = torch.ones(1, 3, dtype=torch.bool)
    loss = minillm_loss(logp, mixed, torch.ones(1, 3, dtype=F64), -logp.detach(), mask, 1, 0.2)
    loss.backward()
    assert loss.isfinite() and logp.grad.isfinite().all()


# --- the step -----------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [1, 10**6])
@pytest.mark.parametrize("mix", [0.0, 0.3])
def test_a_step_s_gradient_is_that_of_the_equation_on_whole_logits(
    monkeypatch: pytest.MonkeyPatch, budget: int, mix: float
) -> None:
    run, (found,), (rows,) = stepped(
        minillm, monkeypatch, teacher_mix=mix, updates_per_batch=1, lm_weight=0.0,
        clip_range=0.999, micro_batch_tokens=budget,
    )  # fmt: skip

    def loss(student, teacher):
        total = torch.zeros((), dtype=F64)
        for answer in rows:
            labels = torch.tensor(answer.completion)[:, None]
            q = whole_logits(student, answer).log_softmax(-1)
            p = whole_logits(teacher, answer).log_softmax(-1).detach()
            logp, other = q.gather(-1, labels)[:, 0], p.gather(-1, labels)[:, 0]
            weight = logp.exp() / (mix * other.exp() + (1 - mix) * logp.detach().exp())
            single = (q.exp() * (q - p)).sum(-1)
            reward = other - logp.detach()
            after = [reward[t + 1 :].mean() if t + 1 < len(reward) else reward[0] * 0
                     for t in range(len(reward))]  # fmt: skip
            total = total + (weight.detach() * single - weight * torch.stack(after)).sum()
        return total / len(rows)

    value, expected = expected_gradient(loss)
    # Log-probs are recorded in float32.
    assert run.logged[0]["loss"] == pytest.approx(value, rel=1e-5)
    assert relative(found, expected) < 1e-5


def test_the_language_modelling_loss_is_added_with_its_weight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = {"updates_per_batch": 1, "teacher_mix": 0.0}
    _, (without,), (rows,) = stepped(minillm, monkeypatch, lm_weight=0.0, **options)
    monkeypatch.undo()
    _, (with_it,), (same,) = stepped(minillm, monkeypatch, lm_weight=2.0, **options)
    assert rows == same

    def loss(student, teacher):
        total, tokens = torch.zeros((), dtype=F64), 0
        for prompt, answer in zip(PROMPTS, ANSWERS, strict=True):
            example = row(student, prompt, answer)
            logp = whole_logits(student, example).log_softmax(-1)
            total = total - logp.gather(-1, torch.tensor(example.completion)[:, None]).sum()
            tokens += example.completion_length
        return 2.0 * total / tokens

    assert relative(with_it - without, expected_gradient(loss)[1]) < 1e-6


def test_later_updates_of_a_batch_are_off_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    run, gradients, rows = stepped(minillm, monkeypatch, updates_per_batch=3)
    assert len(gradients) == 3 and len(run.logged) == 1
    assert rows[0] == rows[1] == rows[2]
    assert relative(gradients[0], gradients[2]) > 1e-3


def test_the_share_of_the_teacher_in_the_samples_is_alpha() -> None:
    """Against the distribution that either model gives: over many first tokens."""
    student, teacher = models()
    count = 6000
    loop = SimpleNamespace(
        policy=student, teacher=teacher, examples=[("12+3=", "")] * count, longest=1, task=None,
        chosen=lambda step: list(range(count)),
    )  # fmt: skip
    run = SimpleNamespace(generator=lambda *_: torch.Generator().manual_seed(1))
    config = minillm.Config(teacher_mix=0.3)
    rows = minillm._mixed_rows(run, config, loop, 1)
    found = torch.bincount(torch.tensor([r.completion[0] for r in rows]), minlength=27) / count
    q, p = (whole_logits(m, rows[0])[0].softmax(-1).detach() for m in (student, teacher))
    expected = 0.3 * p + 0.7 * q
    spread = (expected * (1 - expected) / count).sqrt()
    assert ((found[: len(expected)] - expected).abs() <= 4.5 * spread + 1e-3).all()
    assert (expected - q).abs().max() > 5 * spread.max()

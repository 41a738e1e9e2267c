from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from methods.distill import kd
from methods.distill.kd import kd_loss
from methods.engine.divergence import forward_kl
from tests.engine.conftest import relative
from tests.methods.distill.steps import expected_gradient, stepped, whole_logits

F64 = torch.float64


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def test_the_loss_of_a_ragged_batch_worked_by_hand() -> None:
    divergence = torch.tensor([[0.1, 0.2, 0.4], [0.5, 9.0, 9.0]], dtype=F64)
    logp = torch.tensor([[-1.0, -2.0, -3.0], [-4.0, -9.0, -9.0]], dtype=F64)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    found = kd_loss(divergence, logp, mask, 4, temperature=3.0, hard_weight=0.5)
    assert found.item() == pytest.approx((9 * 1.2 + 0.5 * 10) / 4, abs=1e-15)


def test_a_row_without_tokens_and_an_answer_of_one_are_counted_as_they_are() -> None:
    ones = torch.ones(2, 1, dtype=F64)
    mask = torch.tensor([[True], [False]])
    assert kd_loss(ones, -ones, mask, 1, 1.0, 0.5).item() == pytest.approx(1.5)


def soft_slope(temperature: float, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    student = student.clone().requires_grad_()
    divergence = forward_kl(
        (student / temperature).log_softmax(-1), (teacher / temperature).log_softmax(-1)
    )
    kd_loss(
        divergence[None], torch.zeros(1, len(student), dtype=F64),
        torch.ones(1, len(student), dtype=torch.bool), 1, temperature, 0.0,
    ).backward()  # fmt: skip
    return student.grad


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_the_slope_is_equation_two_times_the_square_of_the_temperature(temperature: float) -> None:
    student, teacher = drawn(0, 4, 9), drawn(1, 4, 9)
    q, p = (student / temperature).softmax(-1), (teacher / temperature).softmax(-1)
    found = soft_slope(temperature, student, teacher)
    assert torch.allclose(found, temperature * (q - p), rtol=0, atol=1e-13)


def test_a_high_temperature_matches_centred_logits() -> None:
    """Eq. 4, with the factor T^2: (z - v) / V."""
    student, teacher = drawn(0, 4, 9), drawn(1, 4, 9)
    student, teacher = (x - x.mean(-1, keepdim=True) for x in (student, teacher))
    found = soft_slope(1e5, student, teacher)
    assert torch.allclose(found, (student - teacher) / 9, rtol=0, atol=1e-4)
    cold = soft_slope(1.0, student, teacher)
    assert not torch.allclose(cold, (student - teacher) / 9, rtol=0, atol=1e-2)


def test_the_soft_part_keeps_its_weight_when_the_temperature_changes() -> None:
    student, teacher = drawn(0, 50, 30), drawn(1, 50, 30)
    norms = [float(soft_slope(t, student, teacher).norm()) for t in (1.0, 2.0, 5.0, 20.0)]
    assert max(norms) < 2 * min(norms)


def test_a_student_that_agrees_with_its_teacher_learns_the_labels_alone() -> None:
    logits = drawn(0, 6, 9)
    assert not soft_slope(2.0, logits, logits).any()


@pytest.mark.parametrize("budget", [1, 10**6])
def test_the_loss_of_a_step_is_that_of_whole_logits(
    monkeypatch: pytest.MonkeyPatch, budget: int
) -> None:
    run, (found,), (rows,) = stepped(
        kd, monkeypatch, temperature=3.0, hard_weight=0.7, micro_batch_tokens=budget
    )
    tokens = sum(r.completion_length for r in rows)

    def loss(student, teacher):
        total = torch.zeros((), dtype=F64)
        for row in rows:
            ours, theirs = whole_logits(student, row), whole_logits(teacher, row).detach()
            soft = (theirs / 3).softmax(-1)
            cross = -(soft * (ours / 3).log_softmax(-1)).sum()
            entropy = -(soft * (theirs / 3).log_softmax(-1)).sum()
            hard = cross_entropy(ours, torch.tensor(row.completion), reduction="sum")
            total = total + (9 * (cross - entropy) + 0.7 * hard) / tokens
        return total

    value, expected = expected_gradient(loss)
    assert run.logged[0]["loss"] == pytest.approx(value, rel=1e-10)
    assert relative(found, expected) < 1e-10
    assert run.logged[0]["grad_norm"] == pytest.approx(float(expected.norm()), rel=1e-10)


def test_the_control_learns_the_labels_and_hears_no_teacher(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, (found,), (rows,) = stepped(kd, monkeypatch, objective="sft")
    tokens = sum(r.completion_length for r in rows)

    def loss(student, teacher):
        losses = [
            cross_entropy(whole_logits(student, r), torch.tensor(r.completion), reduction="sum")
            for r in rows
        ]
        return sum(losses) / tokens

    value, expected = expected_gradient(loss)
    assert run.logged[0]["loss"] == pytest.approx(value, rel=1e-10)
    assert relative(found, expected) < 1e-10


def test_extreme_log_probs_leave_loss_and_slope_finite() -> None:
    student = torch.tensor([[[300.0, -300.0, 0.0]]], dtype=F64, requires_grad=True)
    teacher = torch.tensor([[[-300.0, 300.0, 0.0]]], dtype=F64)
    mask = torch.tensor([[True]])
    divergence = forward_kl(student.log_softmax(-1), teacher.log_softmax(-1))
    loss = kd_loss(divergence, student.log_softmax(-1)[..., 1], mask, 1, 1.0, 0.5)
    loss.backward()
    assert loss.item() == pytest.approx(600 + 300, rel=1e-12)
    assert student.grad.isfinite().all() and math.isfinite(loss.item())

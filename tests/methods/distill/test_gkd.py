from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import kl_div

from methods.distill import gkd
from methods.distill.gkd import gkd_loss
from methods.engine.divergence import forward_kl, generalised_jsd, reverse_kl
from tests.engine.conftest import relative
from tests.methods.distill.steps import ANSWERS, expected_gradient, models, stepped, whole_logits

F64 = torch.float64
FNS = {
    "jsd": partial(generalised_jsd, beta=0.3),
    "forward-kl": forward_kl,
    "reverse-kl": reverse_kl,
}


def test_an_answer_is_the_mean_over_its_tokens_whatever_its_length() -> None:
    divergence = torch.tensor([[0.1, 0.2, 0.6], [0.5, 9.0, 9.0]], dtype=F64)
    mask = torch.tensor([[True, True, True], [True, False, False]])
    assert gkd_loss(divergence, mask, 2).item() == pytest.approx((0.3 + 0.5) / 2, abs=1e-15)
    # Answers of the step that stand in another micro-batch still count in the mean.
    assert gkd_loss(divergence, mask, 4).item() == pytest.approx((0.3 + 0.5) / 4, abs=1e-15)


def test_a_row_without_tokens_adds_nothing_and_no_nan() -> None:
    divergence = torch.ones(2, 2, dtype=F64, requires_grad=True)
    loss = gkd_loss(divergence, torch.tensor([[True, True], [False, False]]), 2)
    loss.backward()
    assert loss.item() == pytest.approx(0.5)
    assert divergence.grad.tolist() == [[0.25, 0.25], [0.0, 0.0]]


@pytest.mark.parametrize("name", FNS)
@pytest.mark.parametrize("budget", [1, 10**6])
@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_the_loss_of_a_step_is_the_divergence_of_whole_logits_and_nothing_beside(
    monkeypatch: pytest.MonkeyPatch, name: str, budget: int, fraction: float
) -> None:
    options = {"beta": 0.3} if name == "jsd" else {}
    run, (found,), (rows,) = stepped(
        gkd, monkeypatch, student_fraction=fraction, divergence=name, micro_batch_tokens=budget,
        **options,
    )  # fmt: skip

    def kl(p, q):
        return kl_div(q, p, reduction="none", log_target=True).sum(-1)

    def loss(student, teacher):
        total = torch.zeros((), dtype=F64)
        for row in rows:
            q = whole_logits(student, row).log_softmax(-1)
            p = whole_logits(teacher, row).log_softmax(-1).detach()
            m = (0.3 * p.exp() + 0.7 * q.exp()).log()
            values = {
                "jsd": 0.3 * kl(p, m) + 0.7 * kl(q, m), "forward-kl": kl(p, q),
                "reverse-kl": kl(q, p),
            }  # fmt: skip
            total = total + values[name].mean() / len(rows)
        return total

    value, expected = expected_gradient(loss)
    assert run.logged[0]["loss"] == pytest.approx(value, rel=1e-10)
    assert relative(found, expected) < 1e-10


def test_on_policy_steps_are_on_the_students_words_and_the_others_on_the_labels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    student, _ = models()
    labels = {tuple(student.encode_completion(a)) for a in ANSWERS}
    _, _, (fixed,) = stepped(gkd, monkeypatch, student_fraction=0.0)
    assert {r.completion for r in fixed} == labels
    monkeypatch.undo()
    _, _, (own,) = stepped(gkd, monkeypatch, student_fraction=1.0)
    assert {r.completion for r in own} != labels
    assert {r.ids[: r.prompt_length] for r in own} == {r.ids[: r.prompt_length] for r in fixed}


def test_the_share_of_on_policy_steps_is_lambda() -> None:
    def generator(*purpose: str | int) -> torch.Generator:
        return torch.Generator().manual_seed(hash(purpose[1]) * 7919 + 1)

    coins = [gkd._coin(SimpleNamespace(generator=generator), step) for step in range(2000)]
    assert abs(sum(c < 0.3 for c in coins) / 2000 - 0.3) < 0.05
    assert all(0 <= c < 1 for c in coins)  # lambda 1 is every step, lambda 0 none


def test_likelihood_of_the_teachers_samples_is_sequence_level_distillation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, (found,), (rows,) = stepped(
        gkd, monkeypatch, student_fraction=0.0, fixed="teacher", objective="likelihood"
    )

    def loss(student, teacher):
        total = torch.zeros((), dtype=F64)
        for row in rows:
            logp = whole_logits(student, row).log_softmax(-1)
            total = total - logp.gather(-1, torch.tensor(row.completion)[:, None]).mean()
        return total / len(rows)

    value, expected = expected_gradient(loss)
    assert run.logged[0]["loss"] == pytest.approx(value, rel=1e-10)
    assert relative(found, expected) < 1e-10


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fixed": "teacher"}, "student_fraction"),
        ({"beta": 0.1, "divergence": "forward-kl"}, "beta=0.1 has no effect"),
        ({"beta": 0.0}, "greater than 0"),
        ({"beta": 1.0}, "less than 1"),
    ],
)
def test_options_that_would_do_nothing_are_refused(options: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        gkd.Config(**options)

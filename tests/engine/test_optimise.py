from __future__ import annotations

import pytest
import torch

from methods.engine.batch import Tokens, pack
from methods.engine.errors import MethodError
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser, learning_rate
from methods.engine.options import TrainingOptions


def test_warm_up_rises_to_the_peak_and_the_schedule_falls_towards_zero() -> None:
    config = TrainingOptions(steps=10, warmup_steps=4, learning_rate=1.0 / 2, schedule="linear")
    rates = [learning_rate(s, config) for s in range(1, 11)]
    assert rates[:5] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert rates[5:] == pytest.approx([0.5 * (1 - k / 6) for k in range(1, 6)])
    cosine = [
        learning_rate(s, config.model_copy(update={"schedule": "cosine"})) for s in range(5, 11)
    ]
    assert cosine[0] == pytest.approx(0.5) and cosine == sorted(cosine, reverse=True)
    constant = config.model_copy(update={"schedule": "constant"})
    assert learning_rate(10, constant) == 0.5


def test_a_step_is_that_of_adamw_after_one_clip_of_the_whole_gradient(model: LanguageModel) -> None:
    config = TrainingOptions(learning_rate=0.01, max_grad_norm=0.5, weight_decay=0.1)
    parameters = list(model.module.parameters())
    twin = [p.detach().clone().requires_grad_() for p in parameters]
    reference = torch.optim.AdamW(twin, lr=0.01, weight_decay=0.1)
    optimiser = Optimiser(model, config)
    for step in (1, 2, 3):
        g = torch.Generator().manual_seed(step)
        parts = [[torch.randn(p.shape, generator=g) for p in parameters] for _ in range(2)]
        for part in parts:
            optimiser.backward(sum((p * v).sum() for p, v in zip(parameters, part, strict=True)))
        for t, a, b in zip(twin, *parts, strict=True):
            t.grad = a + b
        expected = torch.nn.utils.clip_grad_norm_(twin, 0.5)
        reference.step()
        assert optimiser.step(step)["grad_norm"] == pytest.approx(float(expected), rel=1e-5)
    for p, t in zip(parameters, twin, strict=True):
        assert torch.allclose(p, t, atol=1e-6)


def test_a_run_shorter_than_its_warm_up_rises_all_along() -> None:
    config = TrainingOptions(steps=3, warmup_steps=9, learning_rate=0.5, schedule="cosine")
    assert [learning_rate(s, config) for s in (1, 2, 3)] == pytest.approx([0.05, 0.1, 0.15])


def test_a_step_without_gradient_changes_nothing_not_even_by_weight_decay(
    model: LanguageModel,
) -> None:
    before = [p.detach().clone() for p in model.module.parameters()]
    numbers = Optimiser(model, TrainingOptions(weight_decay=0.5)).step(1)
    assert numbers["grad_norm"] == 0.0
    assert all(torch.equal(a, b) for a, b in zip(before, model.module.parameters(), strict=True))


def test_a_gradient_that_is_not_finite_stops_the_run_with_the_weights_intact(
    model: LanguageModel,
) -> None:
    before = [p.detach().clone() for p in model.module.parameters()]
    optimiser = Optimiser(model, TrainingOptions())
    first = next(model.module.parameters())
    optimiser.backward(first.sum() * float("inf"))
    with pytest.raises(MethodError, match="step 7: the gradient is not finite"):
        optimiser.step(7)
    assert all(torch.equal(a, b) for a, b in zip(before, model.module.parameters(), strict=True))


def test_an_update_at_the_papers_learning_rate_moves_float32_weights(model: LanguageModel) -> None:
    optimiser = Optimiser(model, TrainingOptions(learning_rate=1e-6))
    before = [p.detach().clone() for p in model.module.parameters()]
    optimiser.backward(
        -completion_logprobs(model, pack([Tokens(tuple(range(4, 14)), 1)], [0])).mean()
    )
    optimiser.step(1)
    moved = [not torch.equal(a, b) for a, b in zip(before, model.module.parameters(), strict=True)]
    assert all(p.dtype == torch.float32 for p in model.module.parameters()) and all(moved)

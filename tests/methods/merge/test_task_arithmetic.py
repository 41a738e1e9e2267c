"""Task vectors and their sum, by hand and by what must hold whatever the numbers are."""

from __future__ import annotations

import itertools

import pytest
import torch

from methods.merge.task_arithmetic import add_task_vectors, task_vector

F64 = torch.float64


def noise(seed: int, *shape: int, dtype: torch.dtype = F64) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_two_vectors_add_up_as_worked_by_hand():
    base = torch.tensor([1.0, 2.0, -3.0], dtype=F64)
    first, second = base + torch.tensor([0.5, 0, 1.0]), base + torch.tensor([-0.25, 1.0, 1.0])
    vectors = [task_vector(m, base) for m in (first, second)]
    found = add_task_vectors(base, vectors, 0.4)
    assert torch.allclose(found, torch.tensor([1.1, 2.4, -2.2], dtype=F64), rtol=0, atol=1e-15)


def test_scale_0_is_the_start_and_one_model_at_scale_1_is_that_model():
    base, model = noise(0, 5, 3), noise(1, 5, 3)
    vectors = [task_vector(model, base)]
    assert torch.equal(add_task_vectors(base, vectors, 0.0), base)
    assert torch.allclose(add_task_vectors(base, vectors, 1.0), model, rtol=0, atol=1e-15)


def test_scale_1_over_n_is_the_average_of_the_models():
    base, models = noise(0, 7), [noise(i, 7) for i in (1, 2, 3)]
    found = add_task_vectors(base, [task_vector(m, base) for m in models], 1 / 3)
    assert torch.allclose(found, torch.stack(models).mean(0), rtol=0, atol=1e-15)


def test_a_negative_scale_takes_away_what_a_positive_one_adds():
    base, vectors = noise(0, 6), [noise(1, 6), noise(2, 6)]
    there = add_task_vectors(base, vectors, 0.7)
    assert torch.allclose(add_task_vectors(there, vectors, -0.7), base, rtol=0, atol=1e-15)


def test_the_order_of_the_models_changes_nothing():
    base = noise(0, 40, dtype=torch.float32)
    vectors = [noise(i, 40, dtype=torch.float32) * 10.0 ** (i - 3) for i in range(1, 5)]
    wanted = add_task_vectors(base, vectors, 0.3)
    for order in itertools.permutations(vectors):
        assert torch.equal(add_task_vectors(base, order, 0.3), wanted)


def test_a_small_vector_beside_large_ones_is_not_lost_to_rounding():
    base = torch.zeros(1)
    vectors = [torch.tensor([x]) for x in (1e8, 1.0, -1e8)]
    assert add_task_vectors(base, vectors, 1.0).item() == 1.0  # float32 alone gives 0


@pytest.mark.parametrize("scale", [0.4, -1.0])
def test_the_gradient_is_the_scale_for_every_vector_and_one_for_the_start(scale: float):
    base, first, second = (noise(i, 4).requires_grad_() for i in range(3))
    assert torch.autograd.gradcheck(
        lambda b, x, y: add_task_vectors(b, [x, y], scale), (base, first, second)
    )
    add_task_vectors(base, [first, second], scale).sum().backward()
    assert torch.equal(first.grad, torch.full((4,), scale, dtype=F64))
    assert torch.equal(base.grad, torch.ones(4, dtype=F64))

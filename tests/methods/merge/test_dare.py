"""Drop and rescale: by hand, at its limits, and in expectation over many masks."""

from __future__ import annotations

import pytest
import torch

from methods.merge.dare import drop_and_rescale, keep_mask
from methods.merge.loop import generator
from methods.merge.task_arithmetic import add_task_vectors

F64 = torch.float64


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def test_what_stays_is_divided_by_the_share_that_stays():
    vector, keep = torch.tensor([1.0, -2.0, 3.0, 4.0], dtype=F64), torch.tensor([1, 0, 0, 1]).bool()
    wanted = torch.tensor([4.0, 0.0, 0.0, 16.0], dtype=F64)
    assert torch.equal(drop_and_rescale(vector, keep, 0.75), wanted)
    assert torch.equal(drop_and_rescale(vector, keep, 0.75, rescale=False), wanted / 4)


def test_drop_rate_0_is_task_arithmetic():
    base, vectors = noise(0, 30), [noise(1, 30), noise(2, 30)]
    dropped = [
        drop_and_rescale(v, keep_mask(v.shape, 0.0, generator(0, "x", str(i))), 0.0)
        for i, v in enumerate(vectors)
    ]
    found = add_task_vectors(base, dropped, 0.5)
    assert torch.equal(found, add_task_vectors(base, vectors, 0.5))


@pytest.mark.parametrize("drop_rate", [0.1, 0.5, 0.9, 0.99])
def test_its_expectation_is_the_vector_itself_and_dropping_alone_shrinks_it(drop_rate: float):
    vector, times = noise(0, 20), 20_000
    keep = keep_mask(torch.Size((times, 20)), drop_rate, generator(0, "expectation"))
    found = drop_and_rescale(vector.expand(times, 20), keep, drop_rate)
    # A mean of `times` draws has this standard error; 20 values: 4.5 of them are never left.
    error = vector.abs() * (drop_rate / (1 - drop_rate) / times) ** 0.5
    assert ((found.mean(0) - vector).abs() < 4.5 * error).all()
    alone = drop_and_rescale(vector.expand(times, 20), keep, drop_rate, rescale=False)
    assert (alone.mean(0).abs() < vector.abs() * (1 - drop_rate) + 4.5 * error).all()


def test_the_share_that_is_dropped_is_the_drop_rate():
    n = 200_000
    for p in (0.2, 0.9):
        dropped = 1 - keep_mask(torch.Size((n,)), p, generator(0, "share")).double().mean().item()
        assert abs(dropped - p) < 4 * (p * (1 - p) / n) ** 0.5


def test_a_mask_follows_from_seed_model_and_tensor_and_from_nothing_else():
    def mask(*purpose: str, seed: int = 0) -> torch.Tensor:
        return keep_mask(torch.Size((64,)), 0.5, generator(seed, "dare", *purpose))

    first = mask("a", "layer.0")
    torch.manual_seed(99)
    mask("a", "layer.1")
    assert torch.equal(mask("a", "layer.0"), first)
    for other in (mask("b", "layer.0"), mask("a", "layer.1"), mask("a", "layer.0", seed=1)):
        assert not torch.equal(other, first)


def test_the_gradient_reaches_what_stays_and_nothing_else():
    vector, keep = noise(0, 9).requires_grad_(), keep_mask(torch.Size((9,)), 0.5, generator(1, "g"))
    assert torch.autograd.gradcheck(lambda v: drop_and_rescale(v, keep, 0.5), (vector,))
    drop_and_rescale(vector, keep, 0.5).sum().backward()
    assert torch.equal(vector.grad, 2.0 * keep)

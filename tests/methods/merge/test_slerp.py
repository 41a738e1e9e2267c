"""The arc between two tensors: quarter circles by hand, its ends, its symmetry, its limits."""

from __future__ import annotations

import math

import pytest
import torch

from methods.merge.slerp import angle, linear, slerp

F64 = torch.float64


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def row(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=F64)


def close(a: torch.Tensor, b: torch.Tensor, atol: float = 1e-14) -> bool:
    return torch.allclose(a, b, rtol=0, atol=atol)


def test_a_quarter_circle_in_thirds_and_halves():
    a, b = row(1, 0), row(0, 1)
    assert close(slerp(a, b, 1 / 3), row(math.cos(math.pi / 6), math.sin(math.pi / 6)))
    assert close(slerp(a, b, 0.5), row(math.sqrt(0.5), math.sqrt(0.5)))
    assert close(linear(a, b, 0.5), row(0.5, 0.5))


def test_two_lengths_meet_as_the_formula_says():
    # A right angle, t = 1/2: both weigh sin 45.
    assert close(slerp(row(2, 0), row(0, 6), 0.5), row(2, 6) * math.sqrt(0.5))


def test_the_ends_are_the_two_tensors():
    a, b = noise(0, 4, 5), noise(1, 4, 5)
    assert close(slerp(a, b, 0.0), a)
    assert close(slerp(a, b, 1.0), b)


def test_a_swap_runs_the_arc_backwards():
    a, b = noise(0, 4, 5), noise(1, 4, 5)
    for t in (0.1, 0.5, 0.8):
        assert close(slerp(a, b, t), slerp(b, a, 1 - t))


def test_on_the_sphere_the_norm_stays_and_the_angle_grows_evenly():
    a, b = (x / x.norm() for x in (noise(0, 30), noise(1, 30)))
    whole = angle(a, b)
    for t in (0.25, 0.5, 0.9):
        point = slerp(a, b, t)
        assert point.norm().item() == pytest.approx(1.0, abs=1e-14)
        assert angle(a, point).item() == pytest.approx(t * whole.item(), abs=1e-14)
        assert linear(a, b, t).norm() < 0.999


@pytest.mark.parametrize("small", [1e-3, 1e-6, 1e-9, 1e-12, 0.0])
def test_nearly_parallel_tensors_are_finite_and_as_near_to_the_chord_as_they_must(small: float):
    a = noise(0, 50)
    across = noise(1, 50)
    across -= a * (a @ across) / (a @ a)
    b = a + small * across
    a.requires_grad_()
    found = slerp(a, b, 0.3)
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert torch.isfinite(a.grad).all()
    assert close(found.detach(), linear(a.detach(), b, 0.3), atol=small**2 + 1e-14)


def test_an_angle_far_below_the_root_of_rounding_is_still_exact():
    for tiny in (1e-4, 1e-8, 1e-11):
        a, b = row(1, 0), row(math.cos(tiny), math.sin(tiny))
        assert angle(a, b).item() == pytest.approx(tiny, rel=1e-9)
    # The arc cosine of the dot product sees nothing of the last.
    assert math.acos(min(1.0, float(a @ b))) == 0.0


def test_opposite_and_zero_tensors_are_joined_by_the_chord():
    a, zero = noise(0, 8), torch.zeros(8, dtype=F64)
    assert close(slerp(a, -a, 0.25), 0.5 * a)
    assert close(slerp(a, zero, 0.25), 0.75 * a)
    assert close(slerp(zero, zero, 0.5), zero)


def test_scaling_both_scales_the_arc():
    a, b = noise(0, 8), noise(1, 8)
    assert close(slerp(3 * a, 3 * b, 0.4), 3 * slerp(a, b, 0.4))
    tiny = slerp(*((1e-30 * x).float() for x in (a, b)), 0.4)  # squares of float32 would be zero
    assert tiny.dtype == torch.float32
    assert torch.allclose(tiny.double(), 1e-30 * slerp(a, b, 0.4), rtol=1e-5, atol=0)


def test_the_gradient_is_that_of_finite_differences():
    a, b = noise(0, 6).requires_grad_(), noise(1, 6).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: slerp(x, y, 0.3), (a, b))
    near = (a.detach() + 1e-2 * noise(2, 6)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: slerp(x, y, 0.3), (a, near))

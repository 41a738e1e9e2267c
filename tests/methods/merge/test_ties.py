"""Trim, elect, merge: by hand, against a sort, and by what must hold whatever the numbers are."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.merge.ties import (
    disjoint_mean,
    elect_sign,
    kept_count,
    largest,
    ties,
    trim,
)

F64 = torch.float64
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def noise(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def row(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=F64)


# --- trim -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("density", "size", "count"),
    [(0.2, 10, 2), (0.2, 14, 2), (0.29, 100, 29), (1.0, 7, 7), (0.001, 7, 1), (0.2, 5, 1)],
)
def test_the_share_kept_is_rounded_down_and_never_nothing(density: float, size: int, count: int):
    assert kept_count(density, size) == count


@given(st.lists(st.lists(FLOATS, min_size=1, max_size=9), min_size=1, max_size=4), st.data())
@settings(max_examples=60)
def test_the_threshold_over_many_tensors_is_that_of_a_sort(parts: list[list[float]], data):
    tensors = [torch.tensor(part, dtype=torch.float32) for part in parts]
    flat = sorted((abs(v) for part in tensors for v in part.tolist()), reverse=True)
    count = data.draw(st.integers(1, len(flat)))
    assert largest(lambda: iter(tensors), count) == flat[count - 1]


def test_the_threshold_does_not_depend_on_how_values_are_cut_into_tensors():
    values = torch.randn(1000, generator=torch.Generator().manual_seed(4))
    whole = largest(lambda: [values], 137)
    for size in (1, 7, 999):
        assert largest(lambda size=size: values.split(size), 137) == whole
    assert int((values.abs() >= whole).sum()) == 137


def test_trim_keeps_the_largest_by_magnitude_and_all_that_are_as_large_as_the_last():
    vector = row(0.1, -3.0, 2.0, -2.0, 0.0)
    assert torch.equal(trim(vector, largest(lambda: [vector], 1)), row(0, -3.0, 0, 0, 0))
    assert torch.equal(trim(vector, largest(lambda: [vector], 2)), row(0, -3.0, 2.0, -2.0, 0))


def test_density_1_trims_nothing():
    vector = noise(0, 50)
    assert torch.equal(trim(vector, largest(lambda: [vector], kept_count(1.0, 50))), vector)


# --- elect and merge --------------------------------------------------------------------------


def test_three_vectors_merge_as_worked_by_hand():
    trimmed = torch.stack([
        row(3.0, -1.0, 0.0, 2.0, 1.0),
        row(1.0, 4.0, 0.0, -2.0, 0.0),
        row(-2.0, 0.0, 0.0, 1.0, 2.0),
    ])  # fmt: skip
    signs = elect_sign(trimmed)
    assert torch.equal(signs, row(1, 1, 0, 1, 1))
    # Means of {3, 1}, {4}, nothing, {2, 1}, and {1, 2}: a trimmed value does not count.
    assert torch.equal(disjoint_mean(trimmed, signs), row(2.0, 4.0, 0.0, 1.5, 1.5))
    assert torch.equal(ties(row(1, 1, 1, 1, 1), trimmed, 2.0), row(5, 9, 1, 4, 4))


def test_values_that_cancel_exactly_elect_nobody():
    trimmed = torch.stack([row(0.7, 0.5), row(-0.7, -0.25)])
    assert torch.equal(elect_sign(trimmed), row(0, 1))
    assert torch.equal(ties(row(9, 9), trimmed, 1.0), row(9, 9.5))


def test_equal_vectors_come_out_trimmed_and_otherwise_as_they_are():
    vector = noise(3, 30)
    kept = trim(vector, largest(lambda: [vector], 6))
    found = ties(torch.zeros(30, dtype=F64), torch.stack([kept] * 4), 1.0)
    assert torch.equal(found, kept)
    assert int((found != 0).sum()) == 6


def test_scale_0_is_the_start_and_one_whole_vector_at_scale_1_is_its_model():
    base, model = noise(0, 12), noise(1, 12)
    assert torch.equal(ties(base, (model - base)[None], 0.0), base)
    assert torch.allclose(ties(base, (model - base)[None], 1.0), model, rtol=0, atol=1e-15)


def test_the_order_of_the_models_changes_nothing():
    base, vectors = noise(0, 25), noise(1, 4, 25)
    vectors[noise(2, 4, 25) > 0.5] = 0
    wanted = ties(base, vectors, 1.0)
    for order in itertools.permutations(range(4)):
        assert torch.allclose(ties(base, vectors[list(order)], 1.0), wanted, rtol=0, atol=1e-15)


def test_turning_every_vector_around_turns_the_merge_around():
    vectors, zero = noise(1, 3, 40), torch.zeros(40, dtype=F64)
    vectors[0, :5], vectors[1, :5], vectors[2, :5] = 1.0, -1.0, 0.0  # sums of exactly zero
    assert torch.equal(ties(zero, -vectors, 1.0), -ties(zero, vectors, 1.0))


def test_no_merged_value_has_the_sign_that_was_not_elected_or_is_beyond_what_was_merged():
    vectors = noise(5, 5, 200)
    found = disjoint_mean(vectors, elect_sign(vectors))
    assert (found.sign() == vectors.sum(0).sign()).all()
    assert (found.abs() <= vectors.abs().amax(0)).all()


def test_extreme_values_stay_finite():
    vectors = torch.tensor([[3e38, 1e-45, 0.0], [3e38, 1e-45, -0.0]])
    found = ties(torch.zeros(3), vectors, 1.0)
    assert torch.isfinite(found).all()
    assert found[0].item() == pytest.approx(3e38)  # float32 alone would add up to infinity


def test_the_gradient_goes_to_those_that_agree_in_equal_parts():
    base, vectors = noise(0, 6).requires_grad_(), noise(1, 3, 6).requires_grad_()
    assert torch.autograd.gradcheck(lambda b, v: ties(b, v, 0.7), (base, vectors))
    ties(base, vectors, 0.7).sum().backward()
    agree = (vectors.sign() == elect_sign(vectors.detach())).double()
    assert torch.allclose(vectors.grad, 0.7 * agree / agree.sum(0), rtol=0, atol=1e-15)

"""The area under a learning curve, on curves worked by hand."""

from __future__ import annotations

import pytest
import torch

from methods.active.measures import accuracy, area_under, aulc


def test_the_area_of_a_curve_of_three_points_worked_by_hand() -> None:
    # From 10 to 20 labels the mean is 0.6, from 20 to 50 it is 0.8: (10 * 0.6 + 30 * 0.8) / 40.
    found = area_under([10, 20, 50], torch.tensor([0.5, 0.7, 0.9], dtype=torch.float64))
    assert float(found) == pytest.approx(0.75, abs=1e-15)


def test_the_area_of_a_constant_is_the_constant_and_of_a_line_its_middle() -> None:
    x = [20.0, 25.0, 60.0, 100.0]
    both = torch.tensor([[0.3] * 4, [0.0, 0.0625, 0.5, 1.0]], dtype=torch.float64)
    assert area_under(x, both).tolist() == pytest.approx([0.3, 0.5], abs=1e-15)


def test_one_point_is_its_own_area_and_labels_must_rise() -> None:
    assert float(area_under([20], torch.tensor([0.7], dtype=torch.float64))) == 0.7
    with pytest.raises(ValueError, match="more labels at each point"):
        area_under([20, 20], torch.tensor([0.5, 0.6]))


def test_the_mean_of_the_texts_areas_is_the_area_under_their_mean_accuracy() -> None:
    right = [[0, 0, 1, 0], [0, 1, 1, 0], [1, 1, 1, 0]]
    x = [10.0, 20.0, 50.0]
    found = aulc(x, right)
    means = torch.tensor([sum(r) / 4 for r in right], dtype=torch.float64)
    assert found.mean == pytest.approx(float(area_under(x, means)), abs=1e-15)
    assert found.n == 4
    assert 0 <= found.interval[0] < found.mean < found.interval[1] <= 1


def test_the_interval_is_that_of_texts_and_narrows_with_them() -> None:
    few = aulc([1, 2], [[0, 1] * 10, [1, 1] * 10])
    many = aulc([1, 2], [[0, 1] * 1000, [1, 1] * 1000])
    assert few.mean == many.mean == 0.75
    wide, narrow = (e.interval[1] - e.interval[0] for e in (few, many))
    assert narrow == pytest.approx(wide / 10, rel=0.1)
    assert accuracy([1, 0, 1, 1]).mean == 0.75

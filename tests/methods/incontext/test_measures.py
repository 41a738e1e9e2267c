"""Distances in closed form, power laws made by hand, forecasters worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from methods.incontext import measures
from methods.incontext.digits import Scale
from methods.incontext.laws import gaussian_masses, normal_cdf

F64 = torch.float64


def test_the_distance_of_two_discrete_laws_by_hand() -> None:
    p, q = torch.tensor([0.5, 0.5, 0.0], dtype=F64), torch.tensor([0.125, 0.125, 0.75], dtype=F64)
    assert float(measures.bhattacharyya(p, q)) == pytest.approx(-math.log(0.5), abs=1e-15)
    assert float(measures.bhattacharyya(p, p)) == pytest.approx(0.0, abs=1e-15)
    assert math.isinf(float(measures.bhattacharyya(p, torch.tensor([0.0, 0.0, 1.0]).double())))
    assert torch.equal(measures.bhattacharyya(p, q), measures.bhattacharyya(q, p))


@pytest.mark.parametrize("second", [(0.0, 1.0), (1.5, 1.0), (0.0, 3.0), (-2.0, 0.7)])
def test_the_distance_of_two_normal_laws_in_fine_bins_is_the_closed_form(second) -> None:
    scale = Scale(-17.5, 17.5, 4)  # ten thousand bins from -25 to 25
    one = gaussian_masses(torch.zeros(1, dtype=F64), 1.0, scale)
    two = gaussian_masses(torch.tensor([second[0]], dtype=F64), second[1], scale)
    expected = measures.bhattacharyya_of_gaussians(0.0, 1.0, *second)
    assert float(measures.bhattacharyya(one, two)) == pytest.approx(expected, abs=1e-5)


def test_a_power_law_is_found_again_and_a_level_line_has_exponent_nothing() -> None:
    lengths = [2, 5, 11, 40]
    made = torch.tensor([0.7 * n**-0.6 for n in lengths], dtype=F64)
    assert measures.power_law(lengths, made) == pytest.approx((0.7, 0.6), rel=1e-12)
    assert measures.power_law(lengths, torch.full((4,), 0.3))[1] == pytest.approx(0.0, abs=1e-7)


def test_the_exponent_s_interval_holds_the_truth_and_narrows_with_more_series() -> None:
    lengths, g = [2, 4, 8, 16, 32], torch.Generator().manual_seed(0)
    curve = torch.tensor([n**-0.5 for n in lengths], dtype=F64)
    widths = []
    for count in (20, 500):
        noise = torch.rand(count, 5, generator=g, dtype=F64) + 0.5
        found = measures.exponent(lengths, curve * noise, g)
        low, high = found.interval
        assert low < 0.5 < high and found.n == count
        widths.append(high - low)
    assert widths[1] < widths[0] / 3


def test_simple_forecasters_by_hand() -> None:
    scale, context = Scale(0.0, 4.0, 2), torch.tensor([0.0, 2.0, 4.0], dtype=F64)
    small = scale.width**2 / 12
    for forecast, mean, variance in (
        (measures.naive_gaussian, 2.0, 4.0), (measures.persistence, 4.0, 4.0),
    ):  # fmt: skip
        masses = forecast(context, scale)
        spread = math.sqrt(variance + small)
        edges = (scale.edges() - mean) / spread
        assert float(masses[0]) == pytest.approx(float(normal_cdf(edges)[0]), abs=1e-14)
        assert float(masses.cumsum(0)[50]) == pytest.approx(float(normal_cdf(edges)[50]), abs=1e-13)
    counts = measures.unigram(context, scale)
    assert float(counts[scale.codes(context)[1]]) == pytest.approx((1 + 0.01) / 4)
    assert float(counts.sum()) == pytest.approx(1.0, abs=1e-14)


def test_a_context_of_one_value_over_and_over_is_no_point_beyond_its_bin() -> None:
    scale, context = Scale(0.0, 1.0, 2), torch.full((5,), 0.4, dtype=F64)
    for forecast in (measures.naive_gaussian, measures.persistence):
        masses = forecast(context, scale)
        assert torch.isfinite(masses).all() and float(masses.max()) < 1.0

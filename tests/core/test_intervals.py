from __future__ import annotations

import math

import pytest

from registry.core.intervals import mean_over_seeds, paired_difference, range_of, t_quantile


@pytest.mark.parametrize("freedom", [1, 2, 3, 10, 30, 31, 40, 100, 1000])
def test_students_quantile_is_that_of_scipy(freedom: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=1e-5)


def test_student_needs_a_degree_of_freedom() -> None:
    with pytest.raises(ValueError, match="at least one"):
        t_quantile(0)


def test_three_seeds_by_hand() -> None:
    # mean 2, sample deviation 1, so 4.302653 / sqrt(3) to each side.
    found = mean_over_seeds([1.0, 2.0, 3.0])
    half = 4.302653 / math.sqrt(3)
    assert found.value == 2
    assert found.interval == pytest.approx((2 - half, 2 + half))


def test_an_interval_ends_where_the_measure_does() -> None:
    # 0.9 and 1.0: Student's half width is 0.635, far over what a fraction can be.
    found = mean_over_seeds([0.9, 1.0], within=(0.0, 1.0))
    assert found.value == pytest.approx(0.95)
    assert found.interval == pytest.approx((0.95 - 12.706205 * 0.05, 1.0))
    assert mean_over_seeds([0.0, 0.1], within=(0.0, 1.0)).interval[0] == 0.0
    assert mean_over_seeds([0.9, 1.0]).interval[1] > 1.5


def test_equal_seeds_leave_no_interval() -> None:
    assert mean_over_seeds([0.5, 0.5]).interval == (0.5, 0.5)


def test_one_seed_keeps_the_interval_of_its_run() -> None:
    assert mean_over_seeds([0.5], (0.4, 0.7)).interval == (0.4, 0.7)
    assert mean_over_seeds([0.5]).interval == (0.5, 0.5)
    with pytest.raises(ValueError, match="nothing"):
        mean_over_seeds([])


def test_pairing_takes_out_what_the_seeds_share() -> None:
    # The seeds differ widely, the difference is 1 each time.
    found = paired_difference([11.0, 21.0, 31.0], [10.0, 20.0, 30.0])
    assert (found.value, found.interval) == (1.0, (1.0, 1.0))
    with pytest.raises(ValueError, match="paired"):
        paired_difference([1.0], [1.0, 2.0])


def test_one_pair_combines_the_intervals_of_both_runs() -> None:
    # left 0.7 (-0.03, +0.06), right 0.4 (-0.08, +0.04):
    # low side sqrt(0.03^2 + 0.04^2) = 0.05, high side sqrt(0.06^2 + 0.08^2) = 0.10
    found = paired_difference([0.7], [0.4], (0.67, 0.76), (0.32, 0.44))
    assert found.value == pytest.approx(0.3)
    assert found.interval == pytest.approx((0.25, 0.4))


def test_a_fraction_is_bounded_and_a_difference_of_fractions_is_not() -> None:
    assert range_of("fraction", [0.2, 1.0]) == (0.0, 1.0)
    assert range_of("fraction", [-0.3, 0.1]) is None
    assert range_of("nats", [0.2]) is None
    assert range_of("fraction", [0.01, 0.02], [(-0.01, 0.03), None]) is None
    assert range_of("fraction", [0.01, 0.02], [(0.0, 0.03), None]) == (0.0, 1.0)
    fell = [-0.30, -0.28, -0.33]
    found = mean_over_seeds(fell, within=range_of("fraction", fell))
    assert found.interval[0] < found.value < found.interval[1] < 0

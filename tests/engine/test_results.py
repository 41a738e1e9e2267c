"""Intervals against published and closed forms, and that results survive being written."""

from __future__ import annotations

import json
import math

import pytest

from methods.engine.results import Estimate, Measure, Results

Z = 1.959964


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17:857, Table I, the score method
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_s_interval_is_the_published_one(right, n, low, high):
    found = Estimate.of_fraction(right, n)
    assert found.mean == right / n
    assert found.n == n
    assert [round(v, 4) for v in found.interval] == [low, high]


@pytest.mark.parametrize(("right", "n"), [(1, 3), (5, 10), (37, 50), (999, 1000), (2, 2000)])
def test_at_its_ends_the_fraction_is_just_z_deviations_away(right, n):
    for end in Estimate.of_fraction(right, n).interval:
        distance = abs(right / n - end) / math.sqrt(end * (1 - end) / n)
        assert distance == pytest.approx(Z, rel=1e-9)


@pytest.mark.parametrize("n", [1, 8, 200])
def test_none_and_all_right_keep_a_width_inside_zero_and_one(n):
    none, every = Estimate.of_fraction(0, n).interval, Estimate.of_fraction(n, n).interval
    assert none == (pytest.approx(0.0, abs=1e-15), pytest.approx(Z**2 / (n + Z**2), rel=1e-12))
    assert every == (pytest.approx(n / (n + Z**2), rel=1e-12), pytest.approx(1.0, abs=1e-15))
    assert 0.0 <= none[0] <= every[1] <= 1.0


def test_a_fraction_lies_in_its_own_interval_however_many_trials_there_are():
    for n in range(1, 2001):
        for right in (0, 1, n // 3, n - 1, n):
            found = Estimate.of_fraction(right, n)
            assert found.interval[0] <= found.mean <= found.interval[1]
        assert Estimate.of_fraction(0, n).interval[0] == 0.0
        assert Estimate.of_fraction(n, n).interval[1] == 1.0


def test_the_interval_mirrors_when_right_and_wrong_change_places():
    low, high = Estimate.of_fraction(12, 50).interval
    other = Estimate.of_fraction(38, 50).interval
    assert other == (pytest.approx(1 - high, rel=1e-12), pytest.approx(1 - low, rel=1e-12))


def test_four_times_the_trials_halve_the_interval():
    widths = [
        high - low for low, high in (Estimate.of_fraction(n / 2, n).interval for n in (400, 1600))
    ]
    assert widths[1] / widths[0] == pytest.approx(0.5, rel=1e-2)


def test_a_mean_of_values_worked_by_hand():
    found = Estimate.of_values([1.0, 2.0, 3.0, 4.0])
    half = Z * math.sqrt(5 / 3 / 4)
    assert found.mean == 2.5
    assert found.n == 4
    assert found.interval == (pytest.approx(2.5 - half, rel=1e-15), pytest.approx(2.5 + half))


def test_values_that_are_all_the_same_have_no_spread():
    assert Estimate.of_values([0.1] * 7).interval == (pytest.approx(0.1), pytest.approx(0.1))


def test_a_large_offset_does_not_drown_the_spread():
    near, far = Estimate.of_values([0.0, 1.0, 2.0]), Estimate.of_values([1e9, 1e9 + 1, 1e9 + 2])
    assert far.mean == 1e9 + 1
    assert far.interval[1] - far.mean == pytest.approx(near.interval[1] - near.mean, rel=1e-6)


def test_fractions_of_problems_stay_in_range_and_keep_a_width() -> None:
    assert Estimate.of_fractions([0.0] * 50).interval == Estimate.of_fraction(0, 50).interval
    assert Estimate.of_fractions([1.0] * 50).interval == Estimate.of_fraction(50, 50).interval
    near = Estimate.of_fractions([1.0] * 199 + [0.0])
    assert near.mean == pytest.approx(0.995) and near.interval[1] <= 1.0
    # Zeros and ones are coin tosses: as many as there are values, but for the divisor n - 1.
    coins = Estimate.of_fractions([1.0, 0.0] * 100)
    assert coins.interval == pytest.approx(Estimate.of_fraction(100, 200).interval, abs=1e-3)
    # Values that hardly differ say more of their mean than tosses would.
    calm = Estimate.of_fractions([0.45, 0.55] * 100)
    assert calm.interval[1] - calm.interval[0] < (coins.interval[1] - coins.interval[0]) / 5


def test_nothing_has_no_mean_and_no_fraction():
    with pytest.raises(ValueError, match="nothing"):
        Estimate.of_values([])
    with pytest.raises(ValueError, match="no fraction"):
        Estimate.of_fraction(0, 0)
    with pytest.raises(ValueError, match="no fraction"):
        Estimate.of_fraction(3, 2)


def test_an_estimate_comes_back_from_json_as_it_was():
    for estimate in (Estimate.of_fraction(1, 3), Estimate.of_values([0.1, 0.2, 1e-30])):
        back = Estimate.from_json(json.loads(json.dumps(estimate.to_json())))
        assert back == estimate
        assert isinstance(back.interval, tuple)


def a_measure(name: str) -> Measure:
    before, after = Estimate.of_fraction(20, 50), Estimate.of_fraction(37, 50)
    return Measure.between(name, "Title", "fraction", True, before.to_json(), after.to_json())


def test_a_measure_between_two_stored_estimates_holds_them_both():
    measure = a_measure("accuracy")
    assert measure.before == Estimate.of_fraction(20, 50)
    assert measure.after == Estimate.of_fraction(37, 50)


def test_a_measure_is_written_flat_with_intervals_as_lists():
    data = json.loads(json.dumps(a_measure("accuracy").to_json()))
    assert set(data) == {
        "name", "title", "unit", "higher_is_better", "before", "before_interval", "after",
        "after_interval", "n",
    }  # fmt: skip
    assert (data["name"], data["unit"], data["higher_is_better"]) == ("accuracy", "fraction", True)
    assert (data["before"], data["after"], data["n"]) == (0.4, 0.74, 50)
    assert data["before_interval"] == list(Estimate.of_fraction(20, 50).interval)
    assert data["after_interval"] == list(Estimate.of_fraction(37, 50).interval)


def test_a_measure_without_a_before_says_so():
    data = Measure("x", "X", "score", False, None, Estimate.of_values([1.0, 2.0])).to_json()
    assert data["before"] is None
    assert data["before_interval"] is None
    assert data["after"] == 1.5


def test_the_first_measure_is_the_key_and_the_rest_is_kept_in_order():
    curve = {"name": "c", "series": []}
    results = Results((a_measure("loss"), a_measure("accuracy")), (curve,), ("a note",))
    data = json.loads(json.dumps(results.to_json(12.34567)))
    assert data["key"] == "loss"
    assert [m["name"] for m in data["measures"]] == ["loss", "accuracy"]
    assert data["curves"] == [curve]
    assert data["notes"] == ["a note"]
    assert data["train_seconds"] == 12.346

"""What methods that train nothing must gain."""

from __future__ import annotations

import pytest

from tests.methods.effects.conftest import Run, rises

pytestmark = pytest.mark.effect


def test_best_of_n_follows_its_expected_curve_and_the_unbiased_pass_at_n(run: Run) -> None:
    found = run("best-of-n")
    measured, expected, passed = found["curves"][0]["series"]
    assert measured["x"] == expected["x"] == passed["x"] == [1.0, 2.0, 4.0, 8.0, 16.0]
    # An exact verifier keeps a right answer whenever there is one: the two curves are one.
    assert expected["y"] == pytest.approx(passed["y"], abs=1e-12)
    for low, high, value in zip(measured["low"], measured["high"], expected["y"], strict=True):
        half = (high - low) / 2
        # Both curves are estimates from samples of their own: twice the measured one's interval.
        assert low - half <= value <= high + half
    assert rises(found["accuracy_at_n"])


def test_a_coin_as_scorer_gains_nothing_over_a_single_sample(run: Run) -> None:
    assert not rises(run("best-of-n", scorer="random")["accuracy_at_n"])

"""AP, BWT and FWT on a matrix worked by hand, and their intervals."""

from __future__ import annotations

import pytest

from methods.continual.measures import (
    Scores,
    average_performance,
    backward_transfer,
    curve_of,
    estimate,
    forward_transfer,
    learned,
    mean_of,
    of_stream,
)
from methods.engine.results import Estimate


def share(right: int, of: int = 10) -> Scores:
    """So many problems of ``of`` right, the first ones."""
    return Scores((1.0,) * right + (0.0,) * (of - right), (1.0,) * of)


# Three tasks; rows: the start, then after each task.
MATRIX = [
    [share(1), share(2), share(0)],
    [share(8), share(3), share(1)],
    [share(6), share(9), share(5)],
    [share(5), share(7), share(10)],
]


def test_the_measures_of_a_matrix_worked_by_hand() -> None:
    assert average_performance(MATRIX[3]).mean == pytest.approx((0.5 + 0.7 + 1.0) / 3)
    assert average_performance(MATRIX[2][:2]).mean == pytest.approx((0.6 + 0.9) / 2)
    assert backward_transfer(MATRIX).mean == pytest.approx(((0.5 - 0.8) + (0.7 - 0.9)) / 2)
    assert forward_transfer(MATRIX, MATRIX[0]).mean == pytest.approx(((0.3 - 0.2) + (0.5 - 0)) / 2)
    assert learned(MATRIX).mean == pytest.approx((0.8 + 0.9 + 1.0) / 3)


def test_forward_transfer_is_against_the_baseline_that_is_handed_in() -> None:
    nothing = [share(0)] * 3
    assert forward_transfer(MATRIX, nothing).mean == pytest.approx((0.3 + 0.5) / 2)


def test_a_model_that_never_changes_transfers_nothing_and_surely_so() -> None:
    still = [MATRIX[1]] * 4
    for found in (backward_transfer(still), forward_transfer(still, still[0])):
        assert found.mean == 0
    # Problem by problem there is no difference at all; unpaired there would be an interval.
    assert backward_transfer(
        [[Scores((0.3, 1.7), (1.0, 2.0))] * 2] * 3
    ).interval == (0.0, 0.0)  # fmt: skip


def test_differences_are_taken_problem_by_problem() -> None:
    """Half right both times: the same half, or the other one."""
    before, other = share(5), Scores((0.0,) * 5 + (1.0,) * 5, (1.0,) * 10)
    same, swapped = estimate(before - before), estimate(other - before)
    assert same.mean == swapped.mean == 0
    assert swapped.interval[1] - swapped.interval[0] > 1
    with pytest.raises(ValueError, match="different problems"):
        _ = share(1, of=3) - share(1)


def test_a_difference_of_accuracies_is_no_fraction() -> None:
    """Where no problem was lost and some were won, it still has a difference's interval."""
    up = [[share(2)] * 2, [share(2)] * 2, [share(5)] * 2]
    found = backward_transfer(up)
    assert found.mean == pytest.approx(0.3)
    assert found.mean - found.interval[0] == pytest.approx(found.interval[1] - found.mean)
    still = [[share(2)] * 2] * 3
    assert backward_transfer(still).interval == (0.0, 0.0)


def test_a_loss_weighs_problems_by_their_tokens() -> None:
    found = estimate(Scores((2.0, 3.0), (1.0, 4.0)))
    assert found.mean == pytest.approx(1.0)
    # Residuals 2 - 1 and 3 - 4; n / (n - 1) = 2; 1.96 sqrt(2 * 2) / 5.
    assert found.interval[1] - found.mean == pytest.approx(1.959964 * 2 / 5)


def test_a_fraction_has_wilson_s_interval_also_where_all_are_right() -> None:
    assert estimate(share(10)) == Estimate.of_fraction(10, 10)
    assert estimate(share(10)).interval[0] < 0.8


def test_the_interval_of_a_mean_over_tasks_is_narrower_than_that_of_one() -> None:
    one, three = estimate(share(5)), mean_of([share(5)] * 3)
    assert three.n == 30
    width = (one.interval[1] - one.mean) / 3**0.5
    assert three.interval[1] - three.mean == pytest.approx(width)


def entries(rows: list[list[Scores]]) -> list[list[dict]]:
    return [[{"accuracy": s.to_json(), "loss": s.to_json()} for s in row] for row in rows]


def test_a_run_that_trained_in_turn_has_transfer_and_one_that_did_not_has_none() -> None:
    general = entries([[share(9)], [share(4)]])
    table = entries(MATRIX)
    ends = [general[0][0], general[1][0]]
    turn = {m.name: m for m in of_stream(table, ends)}
    joint = {m.name: m for m in of_stream([table[0], table[3]], ends)}
    assert {"bwt_accuracy", "fwt_loss", "learned_accuracy"} <= turn.keys() - joint.keys()
    assert turn["ap_accuracy"].after == joint["ap_accuracy"].after
    assert turn["ap_accuracy"].before == mean_of(MATRIX[0])
    assert turn["task_2_accuracy"].after == estimate(share(7))
    delta = turn["general_accuracy"]
    assert delta.before is not None
    assert delta.after.mean - delta.before.mean == pytest.approx(-0.5)
    assert turn["bwt_loss"].higher_is_better is False
    line = curve_of(table, ["a", "b", "c"])["series"][1]
    assert line["y"] == pytest.approx([0.2, 0.3, 0.9, 0.7])

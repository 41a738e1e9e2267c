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


def test_the_vote_of_sixteen_beats_one_sample_and_follows_its_exact_expectation(run: Run) -> None:
    found = run("self-consistency", repeats=1)
    measured, expected, passed = found["curves"][0]["series"]
    assert found["over_one"]["after_interval"][0] > 0.05
    assert expected["y"][1] == pytest.approx(expected["y"][0], abs=1e-12)  # two votes are a tie
    assert expected["y"][1:] == sorted(expected["y"][1:])
    assert all(e <= p + 1e-12 for e, p in zip(expected["y"], passed["y"], strict=True))
    assert measured["y"][-1] == pytest.approx(expected["y"][-1], abs=0.1)


def test_a_coin_in_place_of_the_count_gains_nothing(run: Run) -> None:
    found = run("self-consistency", repeats=1, control="random")["over_one"]
    assert found["after_interval"] == pytest.approx([0, 0], abs=1e-12)


def test_a_vote_of_answers_to_other_problems_is_worse_than_one_answer_to_this(run: Run) -> None:
    strangers = run("self-consistency", repeats=1, control="shuffled")["expected_accuracy_at_n"]
    own = run("self-consistency", repeats=1)["expected_accuracy_at_n"]
    assert strangers["after_interval"][1] < own["before_interval"][0]


def test_verdicts_of_which_half_are_right_improve_on_the_plain_vote(run: Run) -> None:
    found = run("weighted-best-of-n", repeats=1)
    assert found["over_majority"]["after_interval"][0] > 0.05
    assert found["over_best"]["after_interval"][0] > 0  # the same scores fool best-of-n more


def test_verdicts_exchanged_whole_do_not_improve_on_the_plain_vote(run: Run) -> None:
    found = run("weighted-best-of-n", repeats=1, control="shuffled")
    assert found["over_majority"]["after_interval"][0] <= 0


def test_thinking_that_is_cut_off_costs_accuracy_and_a_vote_of_fresh_answers_gains(
    run: Run,
) -> None:
    found = run("budget-forcing", waits=3, cuts=1)
    assert rises(found["accuracy_cut"])
    votes = found["curves"][0]["series"][1]["y"]
    assert votes[-1] > votes[0] + 0.03
    assert found["over_vote"]["after_interval"][1] < 0  # continuations are no vote


def test_answering_the_bare_problem_again_neither_gains_nor_loses(run: Run) -> None:
    found = run("budget-forcing", waits=3, cuts=1, control="fresh")["over_natural"]
    assert found["after_interval"][0] <= 0 <= found["after_interval"][1]


def test_a_model_that_was_never_taught_to_go_on_loses_by_it(run: Run) -> None:
    """Not the paper's model: the method alone gives nothing, and the run says so."""
    found = run("budget-forcing", waits=3, cuts=1)
    assert found["over_natural"]["after_interval"][1] < 0
    assert found["spoiled"]["after"] > found["corrected"]["after"]

"""What a model must learn from its context alone, and what it must not where nothing is to learn."""

from __future__ import annotations

import pytest

from tests.methods.effects.conftest import Run

pytestmark = pytest.mark.effect


def test_the_law_of_a_chain_comes_nearer_with_the_numbers_read(run: Run) -> None:
    found = run("llm-time-series", law="markov-chain")
    distance = found["distance"]
    assert distance["after_interval"][1] < distance["before_interval"][0]
    assert found["exponent"]["after_interval"][0] > 0
    # More than the frequencies of the states: the model has found who follows whom.
    assert found["gain_over_unigram"]["after_interval"][0] > 0


@pytest.mark.parametrize("control", ["shuffled", "untrained"])
def test_a_chain_in_a_random_order_and_an_untrained_model_stay_further_off(
    run: Run, control: str
) -> None:
    found = run("llm-time-series", law="markov-chain")["distance"]
    other = run("llm-time-series", law="markov-chain", control=control)["distance"]
    assert found["after_interval"][1] < other["after_interval"][0]


def test_a_rollout_in_context_is_nearer_than_one_from_a_context_without_dynamics(run: Run) -> None:
    found = run("dicl")
    for control in ("shuffled", "untrained"):
        assert found["mse"]["after"] < run("dicl", control=control)["mse"]["after"]
    gaussian = found["mse_gain_over_gaussian"]
    assert gaussian["after_interval"][0] > 0

"""What a model must learn from its context alone, and what it must not where nothing is to learn."""

from __future__ import annotations

import pytest

from tests.methods.effects.conftest import Run

pytestmark = pytest.mark.effect


def test_the_law_of_a_chain_comes_nearer_with_the_numbers_read(run: Run) -> None:
    found = run("llm-time-series")
    assert found["fall"]["after_interval"][0] > 0
    assert found["exponent"]["after_interval"][0] > 0
    for simple in ("gaussian", "persistence"):
        assert found[f"gain_over_{simple}"]["after_interval"][0] > 0


def test_neither_an_untrained_model_nor_a_random_order_comes_as_near(run: Run) -> None:
    found = run("llm-time-series")
    untrained = run("llm-time-series", control="untrained")
    shuffled = run("llm-time-series", control="shuffled")
    assert untrained["fall"]["after_interval"][0] <= 0
    for control in (untrained, shuffled):
        assert found["distance"]["after_interval"][1] < control["distance"]["after_interval"][0]
    # What follows what is read, and not how often each state comes alone.
    assert found["gain_over_unigram"]["after_interval"][0] > 0
    assert shuffled["gain_over_unigram"]["after_interval"][0] <= 0


def test_a_rollout_in_context_is_nearer_than_one_from_a_context_without_dynamics(run: Run) -> None:
    found = run("dicl")
    for control in ("shuffled", "untrained"):
        assert found["mse"]["after"] < run("dicl", control=control)["mse"]["after"]


@pytest.mark.parametrize("method", ["supericl", "supercontext"])
def test_a_hint_brings_what_the_reader_does_not_know_and_a_flipped_one_takes_it_away(
    run: Run, method: str
) -> None:
    found, flipped = run(method, resamples=1), run(method, resamples=1, control="flipped")
    # At home the small model knows the words that the reader was never told of.
    assert found["in_gain_over_model"]["after_interval"][0] > 0
    assert flipped["in_gain_over_model"]["after_interval"][1] < 0
    # Far from home the reader knows better: it does not only copy.
    assert found["far_accuracy"]["after_interval"][0] > found["far_small_accuracy"]["after"]
    assert found["out_override_precision"]["after_interval"][0] > 0.5

"""What each way against forgetting must keep of a stream, and what its control must lose."""

from __future__ import annotations

from typing import Any

import pytest

from tests.methods.effects.conftest import Run

pytestmark = pytest.mark.effect

# Products of three digits, then greatest common divisors.
STREAM: dict[str, Any] = {"later_tasks": "gcd:digits=2", "steps": 120}
FULL = ("replay", "ewc", "lwf", "a-gem")


def forgotten(found: dict[str, Any]) -> list[float]:
    """The interval of what the first task's loss rose by, in nats per token."""
    return list(found["bwt_loss"]["after_interval"])


def sequential(run: Run) -> dict[str, Any]:
    return run("replay", control="sequential", **STREAM)


def test_one_task_after_another_forgets_the_first_and_both_at_once_learns_both(run: Run) -> None:
    alone, joint = sequential(run), run("replay", control="joint", **STREAM)
    assert forgotten(alone)[0] > 0.3
    assert joint["ap_loss"]["after_interval"][1] < alone["ap_loss"]["after_interval"][0]
    assert joint["ap_loss"]["after"] < joint["ap_loss"]["before"]


@pytest.mark.parametrize("method", FULL)
def test_less_is_forgotten_than_without_it(run: Run, method: str) -> None:
    assert forgotten(run(method, **STREAM))[1] < forgotten(sequential(run))[0]


def test_replay_costs_the_new_task_little(run: Run) -> None:
    new = run("replay", **STREAM)["task_2_loss"]
    assert new["after"] < 0.5 * new["before"]


def test_permuted_fisher_information_keeps_less(run: Run) -> None:
    kept, control = (
        run("ewc", fisher=kind, **STREAM)["bwt_loss"] for kind in ("empirical", "shuffled")
    )
    # Of the same problems from the same start: the difference is steadier than either interval.
    assert kept["after"] < control["after"] - 0.1


def test_prompts_forget_nothing_and_one_prompt_for_all_does(run: Run) -> None:
    found = run("progressive-prompts", **STREAM)
    assert found["bwt_loss"]["after"] == pytest.approx(0, abs=1e-4)
    assert found["general_loss"]["after"] == pytest.approx(
        found["general_loss"]["before"], abs=1e-6
    )
    assert found["ap_loss"]["after_interval"][1] < found["ap_loss"]["before_interval"][0]
    control = run("progressive-prompts", control="sequential", **STREAM)
    assert forgotten(control)[0] > 0.1


def test_adapters_in_orthogonal_subspaces_forget_less_than_unbound_ones_or_one(run: Run) -> None:
    """By some 0.15 nats on this stream: all adapters count for every text, also for the old."""
    bound, unbound, one = (
        run("o-lora", **STREAM, **given)["bwt_loss"]["after"]
        for given in ({}, {"strength": 0.0}, {"control": "sequential"})
    )
    assert bound < min(unbound, one) - 0.05
    assert bound > 0.3  # and still it forgets


# Two packages of two domains each, and the smaller start.
CHAIN: dict[str, Any] = {
    "domains": "sympy.physics;sympy.polys;sqlalchemy.orm;sqlalchemy.dialects", "size": "small",
    "steps": 96, "train_chars": 12000,
}  # fmt: skip


def test_a_chain_of_domains_teaches_each_and_one_of_shuffled_text_none(run: Run) -> None:
    found = run("continual-pretraining", **CHAIN)
    mixed = run("continual-pretraining", control="shuffled", alone=False, **CHAIN)
    assert found["mean_gain"]["after_interval"][0] > 0 > mixed["mean_gain"]["after_interval"][1]
    assert found["mean_ft"]["after"] < found["mean_ft"]["before"]


def test_a_domain_of_one_package_is_forgotten_over_one_of_another_and_replay_keeps_some(
    run: Run,
) -> None:
    two = {**CHAIN, "domains": "sympy.polys;sqlalchemy.dialects", "alone": False}
    found = run("continual-pretraining", **two)
    again = run("continual-pretraining", share=0.25, **two)
    assert found["mean_fg"]["after"] > 0.1
    assert again["mean_fg"]["after"] < 0.7 * found["mean_fg"]["after"]

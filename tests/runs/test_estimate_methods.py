"""What the options of a family's loop mean for a prediction, one option at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from methods.index import METHODS, find
from registry.core.errors import UsageError
from registry.runs.devices import Choice
from registry.runs.estimate import Estimate, estimate
from registry.runs.lengths import given_lengths
from registry.runs.plan import Plan, Request, make_plan
from registry.runs.shapes import BUILT_IN
from registry.runs.workload import Setting, Workload, workload
from tests.runs.test_estimate import DEVICE, amounts, predicted


def of(method: str, **options: Any) -> Workload:
    info = find(method)
    assert info is not None
    plan = make_plan(Request(method, {"model": "smollm2-135m", **options}, device="cpu"))
    return workload(Setting(info, plan.config, BUILT_IN["smollm2-135m"], given_lengths(40, 20)))


def seconds(found: Estimate) -> dict[str, float]:
    return {share.name: share.seconds or 0.0 for share in found.time}


def tokens_written(made: Workload, around: bool = False) -> float:
    pieces = made.around if around else made.step
    return sum(p.counts["answers"] * p.times for p in pieces if p.kind == "finish")


@pytest.mark.parametrize("info", [m for m in METHODS if m.family == "peft"], ids=lambda m: m.slug)
def test_an_adapter_trains_little_and_keeps_moments_of_that_alone(info: Any) -> None:
    found = predicted(info.slug)
    assert 0 < found.trained < 0.05 * found.parameters
    assert amounts(found)["moments"] == 8 * found.trained
    assert predicted(info.slug, rank=16).trained == 2 * found.trained


def test_a_teacher_is_another_model_in_memory_and_reads_the_rows_of_every_step() -> None:
    student, taught = predicted("sft", batch_size=16), predicted("kd")
    assert amounts(taught)["other models"] == 4 * taught.parameters
    assert "other models" not in amounts(student)
    assert "scoring" in seconds(taught)
    assert "scoring" not in seconds(student)
    assert any("teacher or reward model is taken to be as large" in n for n in taught.notes)


def test_a_student_that_writes_its_own_rows_samples_in_the_step() -> None:
    assert tokens_written(of("gkd", student_fraction=1.0)) == 16
    assert tokens_written(of("gkd", student_fraction=0.5)) == 8
    assert tokens_written(of("gkd", student_fraction=0.0)) == 0
    assert tokens_written(of("kd")) == 0


def test_each_round_writes_answers_anew() -> None:
    two, four = (tokens_written(of("rest-em", rounds=n), around=True) for n in (2, 4))
    held_out = tokens_written(of("rest-em", rounds=1), around=True)
    assert four - two == pytest.approx(2 * (60 * 4))
    assert held_out > 0


def test_answers_of_any_kind_are_written_before_the_first_step() -> None:
    for method in ("kto", "orm", "prm", "bt-rm"):
        few, many = (tokens_written(of(method, prompts=n), around=True) for n in (10, 20))
        assert many > few, method
    plain, gone_on = (tokens_written(of("prm", completions=n), around=True) for n in (1, 3))
    assert gone_on > plain


def test_groups_that_are_drawn_again_cost_the_sampling_of_it() -> None:
    info = find("dapo")
    assert info is not None

    def drawn(tries: int, spread: float) -> float:
        plan = make_plan(Request("dapo", {"model": "smollm2-135m", "sampling_tries": tries}))
        setting = Setting(info, plan.config, BUILT_IN["smollm2-135m"], given_lengths(40, 20))
        assumed = replace(setting.assumed, spread=spread)
        return tokens_written(workload(replace(setting, assumed=assumed)))

    assert drawn(3, 0.5) == pytest.approx(2 * drawn(1, 0.5))
    assert drawn(3, 0.1) == pytest.approx(3 * drawn(1, 0.1))
    assert drawn(3, 1.0) == drawn(1, 1.0)


def test_a_reward_model_is_a_model_more_and_reads_what_was_sampled(tmp_path: Path) -> None:
    plain, judged = predicted("rloo"), predicted("rloo", reward=str(tmp_path))
    assert amounts(judged)["other models"] == 4 * judged.parameters
    assert seconds(judged)["scoring"] > seconds(plain).get("scoring", 0.0)


def test_one_answer_to_a_prompt_is_trained_on_whatever_its_score() -> None:
    plan = make_plan(Request("reinforce", {"model": "smollm2-135m"}, device="cpu"))
    given = {"prompt_tokens": 40, "answer_tokens": 20, "choice": Choice(DEVICE)}
    whole, half = (estimate(plan, Path("x"), spread=share, **given) for share in (1.0, 0.5))
    assert whole.step == half.step
    assert not any("differ in score" in note for note in whole.notes)


def test_minibatches_are_updates() -> None:
    one, two = (
        sum(p.times for p in of("ppo", minibatches=n).step if p.kind == "update") for n in (1, 2)
    )
    assert two == 2 * one


def test_every_task_of_a_stream_is_measured_after_each() -> None:
    two, three = (
        tokens_written(of("replay", later_tasks=later), around=True)
        for later in ("gcd", "gcd;running-sum")
    )
    assert three == pytest.approx(two * 16 / 9)
    joint = tokens_written(of("replay", later_tasks="gcd", control="joint"), around=True)
    assert joint == pytest.approx(two * 2 / 3)


def test_of_a_frozen_model_only_the_prompt_is_trained() -> None:
    found = predicted("progressive-prompts", prompt_length=10)
    assert found.trained == 10 * 576
    assert amounts(found)["moments"] == 8 * found.trained


def test_a_method_of_which_nothing_is_known_says_why_there_is_no_prediction() -> None:
    plan = make_plan(Request("sft", {"model": "smollm2-135m"}, device="cpu"))
    odd = {n: v for n, v in plan.config.items() if n != "batch_size"}
    lengths = {"prompt_tokens": 40, "answer_tokens": 20}

    def changed(config: dict[str, Any]) -> Plan:
        return replace(plan, config=config)

    with pytest.raises(UsageError, match=r"do not say what a step computes.*no prediction"):
        estimate(changed(odd), Path("x"), choice=Choice(DEVICE), **lengths)
    with pytest.raises(UsageError, match=r"no task and no data.*--prompt-tokens"):
        estimate(changed({**plan.config, "task": None}), Path("x"), choice=Choice(DEVICE))


def test_answers_that_are_made_to_go_on_are_written_that_often() -> None:
    one = tokens_written(of("budget-forcing", waits=1, cuts=1, samples=4), around=True)
    assert one == pytest.approx(2.5 * tokens_written(of("best-of-n", n=4, repeats=1), True) / 2)
    more = tokens_written(of("budget-forcing", waits=3, cuts=1, samples=4), around=True)
    assert more / one == pytest.approx(4.5 / 2.5)


def test_a_reward_model_reads_every_answer_that_it_ranks() -> None:
    def read(**options: Any) -> float:
        made = of("weighted-best-of-n", n=4, repeats=1, **options)
        return sum(p.times for p in made.around if p.kind == "score")

    assert read() == 0 < read(reward_model="folder")

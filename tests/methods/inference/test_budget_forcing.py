"""Chains that are cut off and made to go on, and what spending tokens so is worth."""

from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from methods.engine.errors import MethodError
from methods.engine.sample import sample
from methods.inference import budget_forcing
from methods.inference.budget_forcing import Chain, Config, budgets, continuation
from methods.inference.loop import Asked
from methods.inference.measures import scaling, turned
from tests.engine.conftest import small_model
from tests.guards.small import play, small_task

LONGEST = 6


def asked() -> Asked:
    task = small_task("small-a")
    return Asked(small_model(), task, task.held_out[:3], LONGEST)


def stand_in() -> Any:
    bar = SimpleNamespace(advance=lambda count: None)
    return SimpleNamespace(
        stage=lambda *_: contextlib.nullcontext(bar), check=lambda: None,
        generator=lambda *name: torch.Generator().manual_seed(len(repr(name))),
    )  # fmt: skip


# --- what spending is worth -------------------------------------------------------------------


def test_scaling_worked_by_hand() -> None:
    # Slopes of (1, 0), (2, 1), (4, 0): 1, 0 and -1/2.
    assert scaling([1, 2, 4], [0, 1, 0]) == pytest.approx(1 / 6, rel=1e-15)
    assert scaling([4, 1, 2], [0, 0, 1]) == pytest.approx(1 / 6, rel=1e-15)  # order is no matter


@given(st.lists(st.integers(0, 100), min_size=2, max_size=8, unique=True), st.floats(-3, 3))
def test_the_scaling_of_a_straight_line_is_its_slope(tokens: list[int], slope: float) -> None:
    values = [0.5 + slope * t for t in tokens]
    assert scaling(tokens, values) == pytest.approx(slope, abs=1e-9)


def test_points_at_equal_tokens_have_no_slope_between_them() -> None:
    assert scaling([1, 1, 2], [0, 1, 1]) == pytest.approx((1 + 0) / 2)
    with pytest.raises(ValueError, match="no slope"):
        scaling([3, 3], [0, 1])


def test_what_was_right_and_is_not_is_counted_apart_from_what_was_wrong_and_is_right() -> None:
    before, after = [1, 1, 1, 0, 0], [1, 0, 1, 1, 0]
    assert turned(before, after, right=True) == pytest.approx(1 / 3)
    assert turned(before, after, right=False) == pytest.approx(1 / 2)
    assert turned([1, 1], [0, 0], right=False) is None


@given(st.integers(1, 60), st.integers(1, 16))
def test_budgets_rise_and_are_all_below_the_longest_answer(longest: int, cuts: int) -> None:
    found = budgets(longest, cuts)
    assert found == sorted(set(found)) and len(found) <= cuts
    assert all(1 <= b < longest for b in found)


def test_the_question_of_a_continuation_is_the_last_line_alone() -> None:
    assert continuation("Wait, {question}", "2 + 3 = 5\n4 + 5 =") == "Wait, 4 + 5 ="
    assert continuation("=", "2+3=") == "="


# --- chains -----------------------------------------------------------------------------------


def test_an_end_becomes_a_continuation_and_the_last_answer_counts() -> None:
    who = asked()
    before = [
        Chain(0, "12", "12", 3, True),
        Chain(1, "3", "3", 6, False),
        Chain(2, "", "", 1, True),
    ]
    config = Config(wait="=1")
    after = budget_forcing._waited(stand_in(), config, who, before, 1)
    assert after[1] == before[1]  # cut off by the length limit: there is no end to take away
    texts = [who.problems[i].prompt + before[i].text + "=1" for i in (0, 2)]
    drawn = sample(
        who.policy, texts, max_new_tokens=LONGEST,
        generator=stand_in().generator("continuation", 1),
    )  # fmt: skip
    for place, piece in zip((0, 2), drawn, strict=True):
        chain = after[place]
        assert (chain.answer, chain.ended) == (piece.text, piece.finished)
        assert chain.text == before[place].text + "=1" + piece.text
        spent = before[place].tokens + 2 + piece.tokens.completion_length
        assert chain.tokens == spent


def test_a_fresh_answer_sees_the_bare_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    who, seen = asked(), []

    def watched(policy: Any, prompts: list[str], **options: Any) -> Any:
        seen.append(list(prompts))
        return sample(policy, prompts, **options)

    monkeypatch.setattr(budget_forcing, "sample", watched)
    before = [Chain(0, "12", "12", 3, True), Chain(2, "5", "5", 2, True)]
    for control in ("none", "fresh"):
        budget_forcing._waited(stand_in(), Config(control=control), who, before, 1)
    first, third = who.problems[0].prompt, who.problems[2].prompt
    assert seen == [[first + "12=", third + "5="], [first, third]]


@pytest.mark.parametrize("budget", [1, 3, 5])
def test_thinking_beyond_the_budget_is_cut_off_and_an_answer_asked_for(budget: int) -> None:
    who, config = asked(), Config()
    drawn = sample(
        who.policy, [p.prompt for p in who.problems], per_prompt=6, max_new_tokens=LONGEST,
        generator=torch.Generator().manual_seed(1),
    )  # fmt: skip
    whole = [
        Chain(s.prompt_index, s.text, s.text, s.tokens.completion_length, s.finished) for s in drawn
    ]
    found = budget_forcing._cut(stand_in(), config, who, drawn, whole, budget, "+")
    assert any(a.tokens > budget for a in whole)
    for old, new, s in zip(whole, found, drawn, strict=True):
        if old.tokens <= budget:
            assert new == old
            continue
        begun = who.policy.decode(s.tokens.ids[s.tokens.prompt_length :][:budget])
        asks = begun if begun.endswith("+") else begun + "+"
        assert new.text == asks + new.answer
        # The end of a step ends the answer: there is no thinking behind the question for it.
        assert "+" not in new.answer
        put = len(asks) - len(begun)
        assert budget + put + 1 <= new.tokens <= budget + put + LONGEST


def test_the_question_can_be_asked_again_behind_a_cut() -> None:
    who = asked()
    drawn = sample(
        who.policy, [p.prompt for p in who.problems], max_new_tokens=LONGEST,
        generator=torch.Generator().manual_seed(1),
    )  # fmt: skip
    whole = [Chain(s.prompt_index, s.text, s.text, LONGEST, False) for s in drawn]
    found = budget_forcing._cut(stand_in(), Config(), who, drawn, whole, 2, "={question}")
    for chain, problem in zip(found, who.problems, strict=True):
        assert f"={problem.prompt}{chain.answer}" in chain.text


def test_a_continuation_that_the_model_has_no_tokens_for_is_refused(tmp_path, monkeypatch) -> None:
    with pytest.raises(MethodError, match=r"no tokens for 'Wait'.*take characters of its task"):
        play("budget-forcing", tmp_path / "run", monkeypatch, wait="Wait")


# --- whole runs -------------------------------------------------------------------------------


def test_tokens_and_accuracy_of_each_setting_make_one_line(tmp_path, monkeypatch) -> None:
    folder = play("budget-forcing", tmp_path / "run", monkeypatch, waits=2, cuts=2).folder
    found = json.loads((folder / "results.json").read_text())
    measures = {m["name"]: m for m in found["measures"]}
    forced, by_tokens = found["curves"]
    assert by_tokens["name"] == "by-tokens"
    (line,) = by_tokens["series"]
    assert len(line["x"]) == 2 + 1 + 2  # two cuts, as it is, two waits
    assert line["x"][2:] == sorted(line["x"][2:])
    assert measures["tokens_written"]["after"] == pytest.approx(line["x"][-1])
    assert measures["score_forced"]["before"] == pytest.approx(line["y"][2])
    assert measures["score_forced"]["after"] == pytest.approx(line["y"][-1])
    gain = line["y"][-1] - line["y"][2]
    assert measures["over_natural"]["after"] == pytest.approx(gain, abs=1e-12)
    assert measures["scaling"]["after"] == pytest.approx(scaling(line["x"], line["y"]))
    assert measures["scaling_waits"]["after"] == pytest.approx(
        scaling(line["x"][2:], line["y"][2:])
    )
    votes = forced["series"][1]
    # Fresh answers that cost no more tokens than the last chain, and one more would.
    fair = int(line["x"][-1] / line["x"][2])
    assert measures["same_tokens_vote"]["after"] == pytest.approx(votes["y"][fair - 1])
    assert votes["x"] == pytest.approx([k * line["x"][2] for k in (1, 2, 3)])
    assert votes["y"][0] == pytest.approx(line["y"][2])

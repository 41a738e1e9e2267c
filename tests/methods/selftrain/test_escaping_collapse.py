"""The boosting loop on a learner that is a table, where its error is known; and its whole runs."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from methods.engine.errors import MethodError
from methods.engine.results import Estimate
from methods.engine.tasks.task import Problem, Task
from methods.selftrain.escaping_collapse import (
    Config,
    asked,
    let_through,
    weak_labels,
    wrong_answer,
)
from methods.selftrain.measures import hardness
from tests.guards.small import Played, play, small_task

F64 = torch.float64
PROMPTS, WRONG, START = 20_000, 50, 0.7  # answer 0 is right, 1 to 50 are wrong
SURE = 4.5  # standard deviations


def floor(beta: float, gamma: float) -> float:
    """The error that rounds of boosting approach with a filter that errs."""
    return gamma * (1 - beta) / (gamma * (1 - beta) + beta * (1 - gamma))


def next_error(error: float, beta: float, gamma: float) -> float:
    """Wrong stays wrong where it passes or is labelled wrong; right is lost where it is rejected."""
    return error * (gamma + (1 - gamma) * (1 - beta)) + (1 - error) * gamma * (1 - beta)


class Table:
    """A strong learner without any generalisation: one answer a prompt, the one it was taught.

    Of two rows for a prompt it takes the one that passed the filter; without a row it stays.
    """

    def __init__(self, error: float, seed: int = 0) -> None:
        self.g = torch.Generator().manual_seed(seed)
        self.answers = torch.zeros(PROMPTS, dtype=torch.int64)
        wrong = round(error * PROMPTS)
        self.answers[:wrong] = 1
        self.wrong = torch.randint(1, WRONG + 1, (PROMPTS,), generator=self.g)

    @property
    def error(self) -> float:
        return float((self.answers != 0).double().mean())

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.g, dtype=F64)

    def round(self, arm: str, beta: float, gamma: float = 0.0, budget: int | None = None) -> float:
        passed = let_through((self.answers == 0)[:, None], gamma, self.uniform(PROMPTS, 1))
        places = asked(arm, passed, budget, self.uniform(PROMPTS))
        wrong = torch.randint(1, WRONG + 1, (len(places),), generator=self.g).tolist()
        said = weak_labels([0] * len(places), wrong, beta, self.uniform(len(places)))
        for place, label in zip(places, said, strict=True):
            if not passed[place]:
                self.answers[place] = label
        return self.error


def near(found: float, expected: float) -> bool:
    """Prompts are independent: the errors of a round are binomial."""
    return abs(found - expected) <= SURE * math.sqrt(expected * (1 - expected) / PROMPTS) + 1e-12


# --- the closed forms -------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [0.1, 0.25, 0.5])
def test_with_an_exact_filter_the_error_falls_by_1_minus_beta_a_round(beta: float) -> None:
    table = Table(START)
    for number in range(1, 21):
        assert near(table.round("boost", beta), START * (1 - beta) ** number)


@pytest.mark.parametrize("gamma", [0.0, 0.05, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("beta", [0.0, 0.25, 0.5, 1.0])
def test_a_round_s_error_is_exact_over_every_pair_of_draws(beta: float, gamma: float) -> None:
    """Filter and labeller each draw from 20 equal cells, in every combination: no chance is left."""
    cells = (torch.arange(20, dtype=F64) + 0.5) / 20
    filters, labellers = cells.repeat_interleave(20), cells.repeat(20)
    after = []
    for right in (False, True):
        judged = torch.full((400, 1), right)
        passed = let_through(judged, gamma, filters[:, None])
        places = asked("boost", passed, None, torch.zeros(400, dtype=F64))
        said = weak_labels([True] * len(places), [False] * len(places), beta, labellers[places])
        now = judged[:, 0].clone()
        now[places] = torch.tensor(said, dtype=torch.bool)
        after.append(1 - float(now.double().mean()))
    assert after[0] == pytest.approx(next_error(1.0, beta, gamma), abs=1e-12)
    assert after[1] == pytest.approx(next_error(0.0, beta, gamma), abs=1e-12)


@pytest.mark.parametrize(("gamma", "lowest"), [(0.05, 0.136), (0.2, 0.429)])
def test_with_a_filter_that_errs_the_error_stops_at_its_floor_and_not_at_zero(
    gamma: float, lowest: float
) -> None:
    table, expected = Table(START), START
    for _ in range(40):
        expected = next_error(expected, 0.25, gamma)
        assert near(table.round("boost", 0.25, gamma), expected)
    assert floor(0.25, gamma) == pytest.approx(lowest, abs=5e-4)
    assert near(table.error, floor(0.25, gamma))
    assert table.error > 0.1


@given(st.floats(0.01, 1), st.floats(0, 0.99))
def test_the_floor_is_where_a_round_changes_nothing(beta: float, gamma: float) -> None:
    assert next_error(floor(beta, gamma), beta, gamma) == pytest.approx(
        floor(beta, gamma), abs=1e-12
    )


def test_from_below_the_floor_the_error_rises_to_it() -> None:
    table = Table(0.0)
    for _ in range(40):
        table.round("boost", 0.25, 0.2)
    assert near(table.error, floor(0.25, 0.2))


def test_the_same_labels_do_more_where_the_learner_fails_than_at_random() -> None:
    rounds, budget, beta = 20, 1000, 0.25
    boost, spread = Table(START), Table(START)
    for number in range(1, rounds + 1):
        boost.round("boost", beta, budget=budget)
        spread.round("weak-random", beta, budget=budget)
        sure = SURE * math.sqrt(number * budget * beta * (1 - beta)) / PROMPTS
        assert abs(boost.error - (START - number * beta * budget / PROMPTS)) <= sure
        assert near(spread.error, START * (1 - beta * budget / PROMPTS) ** number)
    assert boost.error < 0.46 and spread.error > 0.53


@pytest.mark.parametrize(
    ("arm", "beta"), [("filter-only", 0.25), ("unfiltered", 0.25), ("boost", 0.0)]
)
def test_without_labels_or_with_labels_that_are_never_right_nothing_is_gained(
    arm: str, beta: float
) -> None:
    table = Table(START)
    assert {table.round(arm, beta) for _ in range(10)} == {START}


def by_plurality(told: list[list[int]]) -> float:
    """The error of a learner that remembers all it was told and believes what it heard most."""
    most = torch.tensor(told).mode(0).values
    return float((most != 0).double().mean())


def test_wrong_answers_that_differ_lose_a_vote_which_one_and_the_same_wins() -> None:
    """Below one half a labeller is of use only because its errors do not agree."""
    times, beta, prompts = 31, 0.25, 4000
    g = torch.Generator().manual_seed(1)
    fixed = torch.randint(1, WRONG + 1, (prompts,), generator=g).tolist()
    true = [0] * prompts
    agreeing, differing = [], []
    for _ in range(times):
        drawn = torch.randint(1, WRONG + 1, (prompts,), generator=g).tolist()
        for told, wrong in ((agreeing, fixed), (differing, drawn)):
            told.append(weak_labels(true, wrong, beta, torch.rand(prompts, generator=g, dtype=F64)))
    tail = math.fsum(
        math.comb(times, c) * beta**c * (1 - beta) ** (times - c) for c in range(times // 2 + 1)
    )
    sure = SURE * math.sqrt(tail * (1 - tail) / prompts)
    assert by_plurality(agreeing) == pytest.approx(tail, abs=sure) and tail > 0.99
    assert by_plurality(differing) < 0.02


# --- who is asked -----------------------------------------------------------------------------

PASSED = torch.tensor([[1, 0], [0, 0], [1, 1], [0, 0], [0, 0]], dtype=torch.bool)
DRAWN = torch.tensor([0.1, 0.9, 0.2, 0.5, 0.3], dtype=F64)


def test_boosting_asks_about_the_prompts_without_any_answer_that_passed() -> None:
    assert asked("boost", PASSED, None, DRAWN) == [1, 3, 4]


def test_a_budget_takes_some_of_the_failed_by_lot_and_never_another() -> None:
    assert asked("boost", PASSED, 2, DRAWN) == [3, 4]
    assert asked("boost", PASSED, 9, DRAWN) == [1, 3, 4]


def test_at_random_as_many_are_asked_about_and_any_of_them() -> None:
    assert asked("weak-random", PASSED, None, DRAWN) == [0, 2, 4]
    assert asked("weak-random", PASSED, 1, DRAWN) == [0]


@pytest.mark.parametrize("arm", ["filter-only", "unfiltered"])
def test_other_arms_ask_nobody(arm: str) -> None:
    assert asked(arm, PASSED, None, DRAWN) == []


@given(
    st.lists(st.lists(st.booleans(), min_size=2, max_size=2), min_size=1, max_size=9),
    st.none() | st.integers(1, 9), st.integers(0, 99),
)  # fmt: skip
def test_both_arms_spend_the_same_number_of_labels_each_on_a_prompt_of_its_own(
    table: list[list[bool]], budget: int | None, seed: int
) -> None:
    passed = torch.tensor(table)
    drawn = torch.rand(len(table), generator=torch.Generator().manual_seed(seed), dtype=F64)
    boost, spread = (asked(arm, passed, budget, drawn) for arm in ("boost", "weak-random"))
    failed = [i for i, row in enumerate(table) if not any(row)]
    assert set(boost) <= set(failed) and len(set(boost)) == len(boost)
    assert len(boost) == len(set(spread)) == len(spread) == min(len(failed), budget or 9)
    assert max(spread, default=0) < len(table)


# --- what the filter and the labeller say -----------------------------------------------------


def test_the_filter_errs_both_ways_where_its_draw_is_below_gamma() -> None:
    right = torch.tensor([[True, True], [False, False]])
    drawn = torch.tensor([[0.1, 0.2], [0.19, 0.9]], dtype=F64)
    assert let_through(right, 0.2, drawn).tolist() == [[False, True], [True, False]]
    assert let_through(right, 0.0, drawn).equal(right)
    assert let_through(right, 1.0, drawn).equal(~right)


def test_the_labeller_is_right_where_its_draw_is_below_beta() -> None:
    drawn = torch.tensor([0.1, 0.25, 0.9], dtype=F64)
    assert weak_labels("abc", "xyz", 0.25, drawn) == ["a", "y", "z"]
    assert weak_labels("abc", "xyz", 1.0, drawn) == ["a", "b", "c"]
    assert weak_labels("abc", "xyz", 0.0, torch.zeros(3, dtype=F64)) == ["x", "y", "z"]


POOL = [Problem(f"{i}=", a, str(i)) for i, a in enumerate(["7", " 7", "8", "7"])]


def test_a_wrong_label_is_the_answer_of_the_next_problem_that_has_another() -> None:
    assert [wrong_answer(POOL[0], POOL, i) for i in range(4)] == ["8", "8", "8", "8"]
    assert [wrong_answer(POOL[2], POOL, i) for i in range(4)] == ["7", " 7", "7", "7"]


def test_where_all_problems_have_one_answer_no_label_can_be_wrong_and_the_error_says_so() -> None:
    with pytest.raises(MethodError, match=r"all 2 training problems.*cannot be wrong.*filter-only"):
        wrong_answer(POOL[0], POOL[:2], 0)


# --- whole runs -------------------------------------------------------------------------------


def round_of(found: Played, number: int = 1) -> dict[str, Any]:
    return json.loads((found.folder / f"round-{number}.json").read_text())["value"]["found"]


def rows_by_prompt(found: Played) -> list[tuple[tuple[int, ...], str]]:
    rows = round_of(found)["rows"]
    return [(tuple(ids[:n]), found.policy.decode(ids[n:])) for ids, n in rows]


NO_LABELS: dict[str, Any] = {"beta": 0.25, "label_budget": None}


def test_filter_only_from_the_start_is_rest_em_step_by_step(tmp_path, monkeypatch) -> None:
    same = {"rounds": 2, "steps": 4, "threshold": 0.4, "samples_per_prompt": 3}
    ours = play("escaping-collapse", tmp_path / "ours", monkeypatch, arm="filter-only",
                restart=True, **NO_LABELS, **same)  # fmt: skip
    theirs = play("rest-em", tmp_path / "theirs", monkeypatch, most_per_prompt=3, **same)
    for a, b in zip(ours.steps, theirs.steps, strict=True):
        assert {k: a[k] for k in b} == b
    assert ours.moved().equal(theirs.moved()) and ours.moved().norm() > 0


@pytest.mark.parametrize(("beta", "share"), [(1.0, 1.0), (0.0, 0.0)])
def test_labels_stand_behind_failed_prompts_alone_and_are_as_right_as_beta_says(
    beta: float, share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = play("escaping-collapse", tmp_path / "run", monkeypatch, beta=beta, label_budget=None)
    kept, rows = round_of(found), rows_by_prompt(found)
    own, labels = rows[: len(rows) - kept["labels"]], rows[len(rows) - kept["labels"] :]
    assert own and labels and kept["labels"] == round(kept["failed"] * 6)
    assert not {p for p, _ in own} & {p for p, _ in labels}
    answers = {
        tuple(found.policy.encode_prompt(p.prompt)): p.answer for p in small_task("small-a").train
    }
    assert [answers[p] == text for p, text in labels] == [bool(share)] * len(labels)
    assert kept["right_rows"] == len(own) + share * len(labels)


def test_a_labeller_changes_nothing_of_what_is_written_and_let_through_in_the_first_round(
    tmp_path, monkeypatch
) -> None:
    with_labels = play("escaping-collapse", tmp_path / "a", monkeypatch)
    alone = play("escaping-collapse", tmp_path / "b", monkeypatch, arm="filter-only", **NO_LABELS)
    own = round_of(alone)["rows"]
    assert round_of(with_labels)["rows"][: len(own)] == own and round_of(alone)["labels"] == 0


def test_unfiltered_learns_from_every_answer_and_every_copy(tmp_path, monkeypatch) -> None:
    found = play("escaping-collapse", tmp_path / "run", monkeypatch, arm="unfiltered",
                 temperature=0.01, **NO_LABELS)  # fmt: skip
    rows = rows_by_prompt(found)
    assert len(rows) == 6 * 3 and len(set(rows)) < len(rows)
    assert round_of(found)["failed"] == 0


@pytest.mark.parametrize(
    ("arm", "options"),
    [
        ("filter-only", {"beta": 0.5}),
        ("filter-only", {"label_budget": 3}),
        ("unfiltered", {"gamma": 0.1}),
        ("unfiltered", {"beta": 0.0}),
    ],
)
def test_options_that_an_arm_does_not_read_are_refused(arm: str, options: dict[str, Any]) -> None:
    with pytest.raises(
        ValidationError, match=rf"{next(iter(options))}=.* no effect with arm={arm}"
    ):
        Config(arm=arm, **options)
    assert Config(**options).arm == "boost"


def test_data_without_answers_cannot_be_labelled_and_can_be_filtered(tmp_path, monkeypatch) -> None:
    def unanswered(name: str) -> Task:
        task = small_task(name)
        return replace(task, train=tuple(replace(p, answer=None) for p in task.train))

    monkeypatch.setattr("tests.guards.small.small_task", unanswered)
    with pytest.raises(MethodError, match=r"nothing for the weak labeller to know; use arm=filter"):
        play("escaping-collapse", tmp_path / "run", monkeypatch)
    alone = play("escaping-collapse", tmp_path / "b", monkeypatch, arm="filter-only", **NO_LABELS)
    assert alone.steps


# --- accuracy by hardness ---------------------------------------------------------------------


def test_a_problem_is_hard_where_the_start_was_never_right_and_easy_where_mostly() -> None:
    found = hardness([0, 1, 3, 4], samples=6)
    assert found == ["hard", "medium", "medium", "easy"]


def test_the_curve_starts_before_the_first_round_and_its_classes_add_up(
    tmp_path, monkeypatch
) -> None:
    found = play("escaping-collapse", tmp_path / "run", monkeypatch, rounds=3, steps=6,
                 threshold=0.3)  # fmt: skip
    results = json.loads((found.folder / "results.json").read_text())
    (curve,) = results["curves"]
    everything, *classes = curve["series"]
    assert len(classes) > 1
    assert all(s["x"] == [0.0, 1.0, 2.0, 3.0] for s in curve["series"])
    for number in range(4):
        counts = json.loads((found.folder / f"after-round-{number}.json").read_text())["value"]
        right, of = counts.pop("all")
        assert (sum(c[0] for c in counts.values()), sum(c[1] for c in counts.values())) == (
            right,
            of,
        )
        assert everything["y"][number] == right / of
        assert everything["low"][number] == Estimate.of_fraction(right, of).interval[0]
    ends = {m["name"]: (m["before"], m["after"]) for m in results["measures"]}
    for series in classes:
        name = series["label"].partition(":")[0]
        assert ends[f"{name}_accuracy"] == (series["y"][0], series["y"][-1])

"""The arithmetic tasks: right answers, an exact verifier, and no twin on both sides."""

from __future__ import annotations

import math
import re
import sys

import pytest

from methods.engine.errors import TaskError
from methods.engine.tasks import arithmetic, build_task
from methods.engine.tasks.arithmetic import score_exactly
from methods.engine.tasks.task import Problem

SPECS = (
    "chain-sum",
    "chain-sum:operations=+-,shots=3",
    "chain-sum:digits=2,held_out=100",
    "chain-sum:digits=3,terms=4,operations=+-",
    "products:shots=2",
    "gcd:digits=2,shots=8",
    "gcd:digits=1,terms=3",
)


@pytest.fixture(scope="module", params=SPECS)
def task(request, tmp_path_factory):
    return build_task(request.param, tmp_path_factory.mktemp("cache"))


def _solve(question):
    """The answer, worked out without reasoning-gym."""
    if inside := re.fullmatch(r"gcd\(([\d, ]+)\) ?=", question):
        return math.gcd(*map(int, inside[1].split(",")))
    expression = question.removesuffix("=").replace(" ", "")
    if "*" in expression:
        return math.prod(map(int, expression.split("*")))
    return sum(map(int, re.findall(r"[+-]?\d+", expression)))


def _operands(question):
    return tuple(sorted(map(int, re.findall(r"\d+", question))))


def test_gold_answers_are_right_and_score_one(task):
    for problem in task.train + task.held_out:
        *shots, question = problem.prompt.split("\n")
        assert str(_solve(question)) == problem.answer.strip()
        assert task.score(problem, problem.answer) == 1.0
        for shot in shots:
            asked, _, answer = shot.partition("=")
            assert str(_solve(asked + "=")) == answer.strip()


def test_no_twin_is_on_both_sides_nor_among_the_worked_examples(task):
    def operands(problems):
        return {_operands(p.prompt.rsplit("\n", 1)[-1]) for p in problems}

    train, held_out = operands(task.train), operands(task.held_out)
    shots = {_operands(s.split("=")[0]) for s in task.train[0].prompt.split("\n")[:-1]}
    assert not train & held_out
    assert not shots & (train | held_out)
    assert {p.key for p in task.train}.isdisjoint({p.key for p in task.held_out})


def test_no_problem_is_there_twice(task):
    prompts = [p.prompt for p in task.train + task.held_out]
    assert len(prompts) == len(set(prompts))


def test_the_alphabet_and_the_answer_length_cover_every_problem(task):
    text = "".join(p.prompt + p.answer for p in task.train + task.held_out)
    assert set(text) == set(task.alphabet)
    assert list(task.alphabet) == sorted(set(task.alphabet))
    assert max(len(p.answer) for p in task.train + task.held_out) == task.max_new_chars


@pytest.mark.parametrize("spec", ["chain-sum:operations=+-,shots=3", "gcd"])
def test_a_second_build_is_the_same_task(spec, tmp_path):
    first, again = build_task(spec, tmp_path), build_task(spec, tmp_path)
    assert again.fingerprint == first.fingerprint
    assert again == first


def test_reasoning_gym_agrees_with_the_gold_answers(tmp_path):
    import reasoning_gym

    checker = reasoning_gym.create_dataset("chain_sum", size=1, seed=0)
    task = build_task("chain-sum:digits=2,operations=+-", tmp_path)
    for problem in task.held_out:
        assert checker.score_answer(problem.answer, {"answer": problem.answer}) == 1.0
        assert checker.score_answer("no number", {"answer": problem.answer}) < 1.0


@pytest.mark.parametrize(
    ("spec", "train", "held_out"),
    [
        ("chain-sum", 75, 25),
        ("chain-sum:operations=+-", 150, 50),
        ("chain-sum:held_out=50", 50, 50),
        ("chain-sum:operations=+-,shots=0,held_out=40", 160, 40),
        ("products", 75, 25),
    ],
)
def test_the_small_tasks_are_split_whole(spec, train, held_out, tmp_path):
    task = build_task(spec, tmp_path)
    assert (len(task.train), len(task.held_out)) == (train, held_out)


def test_worked_examples_leave_the_held_out_problems_as_they_are(tmp_path):
    plain = build_task("chain-sum:operations=+-", tmp_path)
    shown = build_task("chain-sum:operations=+-,shots=4", tmp_path)
    assert [p.prompt for p in plain.held_out] == [
        p.prompt.rsplit("\n", 1)[-1].replace(" ", "") for p in shown.held_out
    ]
    prefixes = {p.prompt.rpartition("\n")[0] for p in shown.train + shown.held_out}
    assert len(prefixes) == 1
    lines = prefixes.pop().split("\n")
    assert len(lines) == 4
    assert [bool(re.match(r"\d - \d = -?\d+", line)) for line in lines] == [
        False,
        True,
        False,
        True,
    ]
    assert (plain.stop, shown.stop) == ("", "\n")
    assert all(p.prompt.endswith(" =") and p.answer.startswith(" ") for p in shown.train)


def test_more_held_out_than_half_of_the_problems_is_refused(tmp_path):
    with pytest.raises(TaskError, match="has 100 problems, so held_out is at most 50, not 51"):
        build_task("chain-sum:held_out=51", tmp_path)


@pytest.mark.parametrize(
    ("completion", "score"),
    [
        ("46", 1.0),
        (" 46 ", 1.0),
        ("46\n1+1=2", 1.0),
        ("46 or 47", 0.0),
        ("\n46", 0.0),
        ("046", 0.0),
        ("+46", 0.0),
        ("46.0", 0.0),
        ("4 6", 0.0),
        ("-46", 0.0),
        ("\u0664\u0666", 0.0),  # 46 in other digits: int() would take it
        ("46.", 0.0),
        ("the answer is 46", 0.0),
        ("", 0.0),
    ],
)
def test_only_the_integer_on_the_first_line_counts(completion, score):
    assert score_exactly(Problem("12+34=", "46", "12 34"), completion) == score


def test_an_answer_that_is_no_integer_is_refused(monkeypatch, tmp_path):
    def drawn(dataset, **config):
        yield {"metadata": {"expression": "1 + 1"}, "answer": "two"}

    monkeypatch.setattr(arithmetic, "_draw", drawn)
    with pytest.raises(TaskError, match=r"1\+1= is not an integer: 'two'"):
        build_task("chain-sum", tmp_path)


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(TaskError, match=r"pip install 'posttrain-registry\[run\]'"):
        build_task("gcd", tmp_path)


def test_a_problem_without_an_answer_is_an_error_and_never_right() -> None:
    with pytest.raises(ValueError, match="no answer"):
        score_exactly(Problem("2+3=", None, "2 3"), "None")

"""The task whose answers are worked out in steps: right steps, exact judgement, no twin."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from methods.engine.errors import TaskError
from methods.engine.tasks import build_task, running_sum
from methods.engine.tasks.task import Problem, Task

SPECS = (
    "running-sum",
    "running-sum:terms=3",
    "running-sum:digits=2,terms=4,held_out=300",
    "running-sum:digits=3,terms=6",
)
FIRST_PROMPTS = ["9+8+5+3+4=", "8+2+8+2+1="]


@pytest.fixture(scope="module", params=SPECS)
def task(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Task:
    return build_task(request.param, tmp_path_factory.mktemp("cache"))


def terms_of(problem: Problem) -> list[int]:
    return [int(t) for t in problem.prompt.removesuffix("=").split("+")]


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(running_sum).failed == 0


def test_every_demonstrated_step_is_the_running_sum_and_the_last_the_result(task: Task) -> None:
    for problem in task.train + task.held_out:
        terms, answer = terms_of(problem), str(problem.answer)
        steps = task.steps(answer)
        assert "".join(steps) == answer
        assert len(steps) == len(terms) - 1
        assert [step.removesuffix(";") for step in steps] == [
            str(sum(terms[:i])) for i in range(2, len(terms) + 1)
        ]
        assert task.step_scores(problem, answer) == [True] * len(steps)
        assert task.score(problem, answer) == 1.0


def test_a_wrong_step_is_wrong_by_itself_and_the_result_alone_is_scored(task: Task) -> None:
    problem = task.train[0]
    first, *rest = task.steps(str(problem.answer))
    spoilt = "1" + first + "".join(rest)
    assert task.step_scores(problem, spoilt) == [False] + [True] * len(rest)
    assert task.score(problem, spoilt) == 1.0
    cut = first + "".join(rest)[:-1]
    assert task.step_scores(problem, cut)[-1] is False
    assert task.score(problem, cut) == 0.0


def test_what_is_no_step_is_wrong_and_a_step_too_many_too(task: Task) -> None:
    problem, answer = task.train[0], str(task.train[0].answer)
    count = len(task.steps(answer))
    assert task.step_scores(problem, f"{answer};7") == [True] * count + [False]
    assert task.step_scores(problem, ";;") == [False, False]
    assert task.step_scores(problem, "") == [] == task.steps("")
    assert task.score(problem, f"{answer};") == 0.0


def test_no_problem_is_there_twice_and_no_twin_on_both_sides(task: Task) -> None:
    prompts = [p.prompt for p in task.train + task.held_out]
    assert len(prompts) == len(set(prompts))
    train, held_out = ({tuple(sorted(terms_of(p))) for p in side}
                       for side in (task.train, task.held_out))  # fmt: skip
    assert not train & held_out
    assert task.held_out and len(task.train) >= 400


def test_numbers_have_the_digits_asked_for_and_every_text_is_in_the_alphabet(task: Task) -> None:
    text = "".join(p.prompt + str(p.answer) for p in task.train + task.held_out)
    assert set(text) == set(task.alphabet)
    assert max(len(str(p.answer)) for p in task.train + task.held_out) == task.max_new_chars
    lengths = {len(t) for p in task.train for t in p.prompt.removesuffix("=").split("+")}
    assert len(lengths) == 1


def test_a_second_build_is_the_same_task_and_never_changes(tmp_path: Path) -> None:
    first, again = (build_task("running-sum", tmp_path) for _ in range(2))
    assert first == again and first.fingerprint == again.fingerprint
    assert [p.prompt for p in first.train[:2]] == FIRST_PROMPTS


def test_a_task_without_steps_says_so(tmp_path: Path) -> None:
    task = build_task("gcd", tmp_path)
    assert task.step_end == ""
    with pytest.raises(ValueError, match="has no steps"):
        task.steps("7")
    with pytest.raises(ValueError, match="judges no steps"):
        task.step_scores(task.train[0], "7")


def test_what_follows_the_stop_is_no_step() -> None:
    task = Task(
        name="toy", kind="verifiable", train=(), held_out=(), alphabet="", stop="\n",
        max_new_chars=9, score_range=(0.0, 1.0), scorer=lambda p, c: 0.0, pairs=lambda c: [],
        step_end=";",
    )  # fmt: skip
    assert task.steps("1;2\n3;4") == ["1;", "2"]
    assert task.steps("1;2;\n3") == ["1;", "2;"]


def test_holding_out_more_than_half_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="held_out is at most 3"):
        build_task("running-sum:terms=3,held_out=1000", tmp_path)

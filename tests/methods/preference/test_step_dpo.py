"""Pairs of steps: one right beginning, a right and a wrong step behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from methods.engine.errors import MethodError
from methods.engine.tasks import build_task
from methods.engine.tasks.task import Task
from methods.preference import step_dpo
from methods.preference.step_dpo import Config, takes_right_step
from tests.engine.conftest import small_model
from tests.guards.small import small_task


@pytest.fixture(scope="module")
def sums() -> Task:
    return build_task("running-sum:terms=3", Path("unused"))


class InMemory:
    """As much of a run as the sampling of pairs asks for."""

    def generator(self, *purpose: str | int) -> torch.Generator:
        return torch.Generator().manual_seed(len(repr(purpose)))

    def once(self, name: str, compute: Any) -> Any:
        return compute()

    def check(self) -> None:
        pass

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Any]:
        yield SimpleNamespace(advance=lambda count: None)


def test_a_step_is_right_where_its_text_is_and_it_ends_as_it_must(sums):
    problem = next(p for p in sums.train if p.answer.count(";") == 1)
    first, last = problem.answer.split(";")
    right = [
        ("", first, False),  # the step end follows
        (f"{first};", last, True),  # the answer's end follows
    ]
    wrong = [
        ("", first, True),  # ends too early
        (f"{first};", last, False),  # goes on where all is said
        ("", str(int(first) + 1), False),
        (f"{first};", str(int(last) + 1), True),
        ("", "", False),
        (f"{first};", "", True),  # an empty step is no step, though the one before is right
        (f"{first};{last};", last, True),  # a step too many
    ]
    for case in right:
        assert takes_right_step(sums, problem, *case), case
    for case in wrong:
        assert not takes_right_step(sums, problem, *case), case


def test_pairs_share_all_but_the_step_and_the_task_says_which_is_right():
    task, model = small_task("small-a"), small_model()
    config = Config(prompts=12, samples_per_prompt=3, max_new_tokens=6)
    pairs = step_dpo._step_pairs(InMemory(), config, model, task)
    assert len(pairs) > 3
    for right, wrong in pairs:
        assert right.ids[: right.prompt_length] == wrong.ids[: wrong.prompt_length]
        assert right.completion != wrong.completion
        text = model.decode(right.completion)
        assert text[0].isdigit() and text.endswith(task.step_end)
        assert text.count(task.step_end) == 1
        lost = model.decode(wrong.completion)
        assert not (lost[:1].isdigit() and lost.endswith(task.step_end))


def test_a_beginning_is_gone_on_with_only_while_its_steps_are_right():
    task, model = small_task("small-a"), small_model()
    config = Config(prompts=12, samples_per_prompt=8, max_new_tokens=6)
    wrong = step_dpo._wrong_steps(InMemory(), config, model, task)
    assert len(wrong) == 12 * 8  # every answer of a random model goes wrong, once
    behind = [before for _, before, _ in wrong if before]
    assert behind
    for before in behind:
        steps = task.steps(before)
        assert all(s[0].isdigit() and s.endswith(task.step_end) for s in steps)


def test_a_task_without_steps_is_refused_with_what_would_do():
    task = small_task("small-a")
    bare = Task(**{**task.__dict__, "step_end": "", "step_scorer": None})
    with pytest.raises(MethodError, match="has no steps to prefer; use running-sum"):
        step_dpo._step_pairs(InMemory(), Config(), small_model(), bare)

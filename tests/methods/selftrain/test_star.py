"""STaR's hint, its removal, and which rationales are kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from methods.engine.batch import Tokens
from methods.engine.errors import MethodError
from methods.engine.sample import Sample
from methods.engine.tasks import build_task
from methods.engine.tasks.task import Problem, Task
from methods.selftrain.star import hinted, without_hint
from tests.guards.small import play, small_task


def test_the_hint_is_the_result_of_the_last_step_and_not_the_steps(tmp_path: Path) -> None:
    task = build_task("running-sum:terms=3", tmp_path)
    problem = Problem("3+5+2=", "8;10", "2 3 5")
    told = hinted(problem, task)
    assert told.prompt == "3+5+2=10="
    # Judged as before: by the answer, whatever the hint.
    assert task.score(told, "8;10") == 1.0 and task.score(told, "8;11") == 0.0


def test_of_a_task_without_steps_the_hint_is_the_answer(tmp_path: Path) -> None:
    task = build_task("chain-sum:digits=1", tmp_path)
    assert hinted(Problem("3+5=", "8", "3 5"), task).prompt == "3+5=8="


def test_without_its_hint_the_answer_stands_behind_the_prompt_as_it_was() -> None:
    answer = Sample(0, Tokens((4, 5, 9, 9, 6, 7, 2), 4), (-0.1, -0.2, -0.3), True, "67")
    assert without_hint((4, 5), answer) == Tokens((4, 5, 6, 7, 2), 2)


def test_what_is_trained_on_never_holds_a_hint(tmp_path, monkeypatch):
    """With a coin for a reward about half is written again; each row begins with a plain prompt."""
    found = play("star", tmp_path / "run", monkeypatch, reward="random", samples_per_prompt=2)
    kept = round_of(found.folder)
    prompts = [p.prompt for p in small_task("small-a").train]
    plain = {tuple(found.policy.encode_prompt(prompt)) for prompt in prompts}
    assert kept["rationalised"] > 0 and len(kept["rows"]) > kept["rationalised"]
    assert all(tuple(ids[:length]) in plain for ids, length in kept["rows"])


def test_only_problems_without_any_right_rationale_are_written_again(tmp_path, monkeypatch):
    options = {"samples_per_prompt": 3, "threshold": 0.3}
    found = play("star", tmp_path / "run", monkeypatch, **options)
    alone = play("star", tmp_path / "alone", monkeypatch, rationalise=False, **options)
    both, own = round_of(found.folder), round_of(alone.folder)
    # The model's own right rationales come first and are the same with and without hints.
    assert both["rows"][: len(own["rows"])] == own["rows"]
    assert both["rationalised"] == len(both["rows"]) - len(own["rows"])
    solved = {tuple(ids[:length]) for ids, length in own["rows"]}
    again = [tuple(ids[:n]) for ids, n in both["rows"][len(own["rows"]) :]]
    assert not solved & set(again) and len(again) == len(set(again))


def test_two_right_rationales_of_a_problem_are_both_kept(tmp_path, monkeypatch):
    found = play("star", tmp_path / "run", monkeypatch, samples_per_prompt=3, threshold=0.0)
    kept = round_of(found.folder)
    assert len(kept["rows"]) == 3 * 6 and kept["rationalised"] == 0


def test_data_without_a_reference_answer_cannot_be_hinted_and_the_error_says_so(
    tmp_path, monkeypatch
):
    def unanswered(name: str) -> Task:
        task = small_task(name)
        return replace(task, train=tuple(replace(p, answer=None) for p in task.train))

    monkeypatch.setattr("tests.guards.small.small_task", unanswered)
    with pytest.raises(MethodError, match=r"no hint to give; use rationalise=false"):
        play("star", tmp_path / "run", monkeypatch)
    assert play("star", tmp_path / "without", monkeypatch, rationalise=False).steps


def round_of(folder: Path, number: int = 1) -> dict[str, Any]:
    """What round ``number`` kept."""
    return json.loads((folder / f"round-{number}.json").read_text())["value"]["found"]

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from registry.cli.app import main
from registry.runs.sources import TASK_ALIASES, task_name
from tests.runs.workplace import Workplace

Capture = pytest.CaptureFixture[str]
SHORT = ("--steps", "3", "--seeds", "2", "--device", "cpu")


def as_json(capsys: Capture, *words: str) -> Any:
    assert main(["compare", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def made(workplace: Workplace) -> list[dict[str, Any]]:
    folder = workplace.settings.runs_dir / "measured"
    return [json.loads(p.read_text()) for p in sorted(folder.glob("*/spec.json"))]


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_the_same_task_model_and_steps_for_each_in_one_table_and_one_plot(
    workplace: Workplace, capsys: Capture, jobs: str
) -> None:
    words = ("sft", "grpo", "--task", "addition:digits=2", *SHORT, "--jobs", jobs)
    found = as_json(capsys, *words)
    assert {s["config"]["task"] for s in made(workplace)} == {"chain-sum:digits=2"}
    assert {(s["config"]["steps"], s["config"]["model"]) for s in made(workplace)} == {(3, "tiny")}
    assert sorted((s["method"], s["seed"]) for s in made(workplace)) == [
        ("grpo", 0), ("grpo", 1), ("sft", 0), ("sft", 1),
    ]  # fmt: skip
    (accuracy,) = found["shared"]
    assert accuracy["name"] == "held_out_accuracy"
    sft = accuracy["values"]["sft"]
    assert (sft["before"], sft["seeds"]) == (0.2, [pytest.approx(0.7), pytest.approx(0.71)])
    assert sft["after"] == pytest.approx(0.705)
    assert sft["interval"][0] < 0.705 < sft["interval"][1]
    assert [one["name"] for one in found["others"]] == ["held_out_loss"]
    assert any("only sft measured held out loss" in note for note in found["notes"])
    spent = found["spent"]["grpo"]
    assert (spent["steps"], spent["seconds"], spent["tokens"]) == (3, 1.25, 30)
    record, plot = map(Path, found["files"])
    assert json.loads(record.read_text())["methods"] == ["sft", "grpo"]
    assert "grpo" in "".join(ET.fromstring(plot.read_text()).itertext())


def test_a_comparison_given_again_makes_no_run_twice_and_one_that_failed_goes_on(
    workplace: Workplace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("sft", "grpo", *SHORT)
    first = as_json(capsys, *words)
    monkeypatch.setenv("FAKE_MODE", "fail")
    assert main(["compare", "sft", "grpo", "best-of-n", *SHORT]) == 1
    err = capsys.readouterr().err
    assert "sft, seed 0 (1 of 6): reused" in err
    assert "go on: registry compare sft grpo best-of-n --steps 3 --seeds 2 --device cpu" in err
    monkeypatch.setenv("FAKE_MODE", "finish")
    again = as_json(capsys, *words)
    assert again["spent"] == first["spent"]
    assert again["name"] == first["name"]


def test_methods_that_share_no_measure_are_set_side_by_side_with_a_word_on_it(
    workplace: Workplace, capsys: Capture
) -> None:
    assert main(["compare", "sft", "best-of-n", *SHORT]) == 0
    out = capsys.readouterr().out
    assert "the methods share no measure" in out
    assert "best-of-n takes no optimiser steps" in out
    assert ".svg" not in out


def test_methods_that_sample_are_put_side_by_side_over_the_tokens_they_spend(
    workplace: Workplace, capsys: Capture
) -> None:
    words = ("best-of-n", "self-consistency", "--task", "running-sum", "--seeds", "2")
    found = as_json(capsys, *words, "--device", "cpu")
    curve = found["curve"]
    assert (curve["name"], curve["x_log"]) == ("by-tokens", True)
    best, vote = curve["series"]
    assert (best["label"], vote["label"]) == ("best-of-n", "self-consistency")
    assert (best["x"], vote["x"]) == ([10.5, 21.0], [10.5, 42.0])  # means over the two seeds
    assert best["y"] == [pytest.approx(0.2), pytest.approx(0.705)]
    # The runs' own intervals, over problems: seeds share them and would understate the doubt.
    assert (best["low"][1], best["high"][1]) == (pytest.approx(0.605), pytest.approx(0.805))
    assert any("intervals over problems" in note for note in found["notes"])
    plot = next(Path(file) for file in found["files"] if str(file).endswith("by-tokens.svg"))
    drawn = ET.fromstring(plot.read_text())
    assert "self-consistency" in "".join(drawn.itertext())
    assert len([e for e in drawn.iter() if e.get("class") == "b"]) == 2  # a band for each
    assert main(["compare", *words, "--device", "cpu"]) == 0
    shown = capsys.readouterr().out
    assert "tokens spent on a problem" in shown and "0.605 to 0.805" in shown


def test_the_curve_that_is_compared_is_the_one_that_methods_draw() -> None:
    from methods.inference import measures
    from registry.runs import by_tokens

    assert by_tokens.BY_TOKENS == measures.BY_TOKENS


def test_methods_that_answer_other_problems_share_no_curve_over_tokens(
    workplace: Workplace, capsys: Capture
) -> None:
    found = as_json(capsys, "best-of-n", "self-consistency", "--seeds", "1", "--device", "cpu")
    assert found["curve"] is None or found["curve"]["name"] != "by-tokens"
    assert any("the methods differ in task" in note for note in found["notes"])


def test_without_a_budget_all_take_the_fewest_steps_of_their_own(
    workplace: Workplace, capsys: Capture
) -> None:
    shown = as_json(capsys, "sft", "grpo", "--seeds", "1", "--device", "cpu", "--dry-run")
    steps = {run["command"].split("steps=")[1].split()[0] for run in shown["runs"]}
    assert len(steps) == 1
    assert any(f"{steps.pop()} steps each" in note for note in shown["notes"])
    assert made(workplace) == []


def test_a_budget_of_seconds_gives_the_slower_method_fewer_steps(
    workplace: Workplace, capsys: Capture
) -> None:
    words = ("sft", "grpo", "--seconds", "20", "--seeds", "1", "--device", "cpu", "--dry-run")
    shown = as_json(capsys, *words)
    sft, grpo = (int(run["command"].split("steps=")[1].split()[0]) for run in shown["runs"])
    assert 1 <= grpo < sft


def test_an_option_goes_to_every_method_that_has_it(workplace: Workplace, capsys: Capture) -> None:
    words = ("dpo", "sft", *SHORT, "--set", "beta=0.5", "--dry-run")
    shown = as_json(capsys, *words)
    assert ["beta=0.5" in run["command"] for run in shown["runs"]] == [True, False] * 2
    assert "sft has no option beta: it runs without" in shown["notes"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("dpo",), "compare needs two methods or more"),
        (("dpo", "dpo"), "each once"),
        (("dpo", "grpoo"), "unknown method 'grpoo'. Did you mean"),
        (("dpo", "sft", "--steps", "3", "--seconds", "9"), "Keep one"),
        (("dpo", "sft", "--set", "bata=1"), "unknown option 'bata'"),
        (("dpo", "sft", "--set", "steps=1"), "has an option of its own: --steps 1"),
        (("dpo", "sft", "--task", "sentimnt"), "unknown task 'sentimnt'"),
        (("dpo", "sft", "--seeds", "0"), "Allowed: 1 to 100"),
    ],
)
def test_a_comparison_that_makes_no_sense_is_refused_in_one_line(
    workplace: Workplace, capsys: Capture, words: tuple[str, ...], said: str
) -> None:
    assert main(["compare", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert made(workplace) == []


def test_what_people_call_a_task_is_a_task() -> None:
    from methods.engine.tasks import TASKS

    names = {task.name for task in TASKS}
    assert set(TASK_ALIASES.values()) <= names
    assert not set(TASK_ALIASES) & names
    assert task_name("Sentiment:prefix_words=3") == "movie-reviews:prefix_words=3"
    assert task_name("gcd") == "gcd"

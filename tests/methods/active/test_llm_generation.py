"""A language model as writer: requests, frames, labels and tokens, by hand and at the limits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from methods.active import writer as writing
from methods.active.llm_generation import Config, examples
from methods.active.loop import Setting
from methods.active.writer import (
    Frame,
    classes_of,
    cut,
    dealt,
    frame_of,
    request,
    taught_to_write,
)
from methods.engine.batch import Tokens
from methods.engine.classifier import objective
from methods.engine.run import Run
from methods.engine.sample import Sample
from tests.guards.small import play, small_task
from tests.methods.active.ranks import carry_out

NOTHING_LABELLED = {"initial": 0, "batch": 0}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def last_round(folder: Path) -> dict[str, Any]:
    path = max(folder.glob("round-*.json"), key=lambda p: int(p.stem[6:]))
    value: dict[str, Any] = json.loads(path.read_text())["value"]
    return value


def measures(folder: Path) -> dict[str, dict[str, Any]]:
    found = json.loads((folder / "results.json").read_text())["measures"]
    return {m["name"]: m for m in found}


def writes(patch: pytest.MonkeyPatch, text_of: Any) -> list[str]:
    """From now on ``text_of(request)`` is written, in three tokens; gives what was asked."""
    asked: list[str] = []

    def sample(policy: Any, prompts: Sequence[str], **_: Any) -> list[Sample]:
        asked.extend(prompts)
        tokens = Tokens((0, 1, 2, 3), 1)
        return [
            Sample(i, tokens, (0.0,) * 3, True, text_of(prompt)) for i, prompt in enumerate(prompts)
        ]

    patch.setattr(writing, "sample", sample)
    return asked


# --- what is asked, and what is made of the answer --------------------------------------------


def test_the_frame_is_what_all_prompts_begin_and_end_with() -> None:
    prompts = ["Text: good day\nMood:", "Text: bad night\nMood:", "Text: \nMood:"]
    assert frame_of(prompts) == Frame("Text: ", "\nMood:")
    assert frame_of(["1+2=", "3+4="]) == Frame("", "=")
    assert frame_of(["aa", "aaa"]) == Frame("aa", "")  # beginning and end never overlap


@given(st.lists(st.text("ab", max_size=4), min_size=2, max_size=6), st.text("ab="))
def test_a_prompt_is_its_text_in_its_frame(texts: list[str], new: str) -> None:
    prompts = [f"ab{text}=b" for text in texts]
    frame = frame_of(prompts)
    assert all(frame.around(frame.within(p)) == p for p in prompts)
    assert frame.within(frame.around(new)) == new


def test_a_request_names_the_class_and_shows_examples_as_they_are_asked_for() -> None:
    assert request('A {class} tweet: "', " good") == 'A good tweet: "'
    found = request('A {class} tweet: "', " good", ["yes", "fine day"], '"')
    assert found == 'A good tweet: "yes"\nA good tweet: "fine day"\nA good tweet: "'


def test_what_was_written_is_cut_at_the_first_stop_also_within_a_token() -> None:
    assert cut(' fine day!" and "more', '"') == "fine day!"
    assert cut(" fine ", "") == "fine" and cut('"', '"') == ""


def test_examples_are_of_the_class_in_the_order_given_and_no_more_than_asked() -> None:
    known = [0, 1, 0, 0, 1]
    assert examples(known, 0, 2, [3, 1, 2, 0]) == [3, 2]
    assert examples(known, 1, 9, [4, 0, 1]) == [4, 1]
    assert examples(known, 2, 3, [0, 1]) == [] == examples(known, 0, 0, [0])


def test_every_class_is_asked_for_as_often() -> None:
    counts = torch.bincount(torch.tensor(classes_of(9000, 3, seeded()))).double() / 9000
    assert ((counts - 1 / 3).abs() < 0.025).all()  # five standard deviations


def test_classes_dealt_anew_are_the_same_ones_in_any_order() -> None:
    labels = [0, 0, 1, 2]
    found = [dealt(labels, seeded(seed)) for seed in range(60)]
    assert all(sorted(one) == labels for one in found)
    assert {tuple(one) for one in found} == {
        (a, b, c, d)
        for a in (0, 1, 2) for b in (0, 1, 2) for c in (0, 1, 2) for d in (0, 1, 2)
        if sorted((a, b, c, d)) == labels
    }  # fmt: skip


def test_a_start_is_taught_both_ways_and_is_another_start() -> None:
    task = small_task("small-a")
    both = taught_to_write(task, "{class}?")
    pairs, first = both.corpus(2), task.train[0]
    assert pairs[:2] == task.corpus(2) and len(pairs) == 4
    assert pairs[2] == (f"{first.answer}?", first.prompt[1:-1])  # all are a...=
    assert both.name != task.name and "?" in both.alphabet
    assert both.train == task.train and both.held_out == task.held_out


# --- whole runs -------------------------------------------------------------------------------


def test_texts_alone_ask_no_oracle_and_count_every_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = writes(monkeypatch, lambda _: "9+9")
    folder = play("llm-generation", tmp_path / "run", monkeypatch, **NOTHING_LABELLED).folder
    found, last = measures(folder), last_round(folder)
    assert last["chosen"] == [] and found["oracle_labels"]["after"] == 0
    assert "label_accuracy" not in found
    assert len(asked) == last["asked"] == 6 and last["texts"] == [[], ["a9+9="] * 3, ["a9+9="] * 3]
    assert found["tokens_written"]["after"] == 18
    # A token a character and a start token; a request of a round is read once.
    read = [sum(len(text) + 1 for text in set(part)) for part in (asked[:3], asked[3:])]
    assert found["tokens_read"]["after"] == sum(read)
    assert (found["written_texts"]["after"], found["written_twice"]["after"]) == (6, 5)


def test_a_text_is_labelled_with_the_class_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = writes(monkeypatch, lambda prompt: f"7{prompt}")
    last = last_round(play("llm-generation", tmp_path / "run", monkeypatch).folder)
    task = small_task("small-a")
    classes = sorted({str(p.answer) for p in (*task.train, *task.held_out)})
    assert [request("{class}=", classes[label]) for label in last["classes"]] == asked


def test_what_cannot_be_used_is_paid_for_and_leaves_the_run_of_margin_sampling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = small_task("small-a").held_out[0].prompt[1:-1]  # in the frame a...=
    asked = writes(monkeypatch, lambda prompt: held_out if len(asked) % 2 else "  ")
    last = last_round(play("llm-generation", tmp_path / "run", monkeypatch).folder)
    plain = last_round(play("margin", tmp_path / "margin", monkeypatch).folder)
    assert last["texts"] == [[], [], []] and (last["asked"], last["written"]) == (6, 18)
    for same in ("chosen", "labels", "oracle", "right", "nats"):
        assert last[same] == plain[same]


def test_a_writer_that_knows_the_task_teaches_what_the_oracle_s_labels_teach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = small_task("small-a")
    known = {str(p.answer): p.prompt[1:-1] for p in (*task.held_out, *task.train)}
    writes(monkeypatch, lambda prompt: known[prompt[:-1]])
    folder = play("llm-generation", tmp_path / "run", monkeypatch, **NOTHING_LABELLED).folder
    last, truth = last_round(folder), {p.prompt: str(p.answer) for p in task.train}
    classes = sorted({str(p.answer) for p in (*task.train, *task.held_out)})
    texts = [text for made in last["texts"] for text in made]
    assert texts and [truth[text] for text in texts] == [classes[c] for c in last["classes"]]
    # The learner of a text of the pool is the same whoever put it there.
    setting = Setting(_run(tmp_path, folder, monkeypatch), Config(**_config(folder)))
    places = [setting.pool.open.texts.index(text) for text in texts]
    by_text = setting.learned([], [], last["texts"], last["classes"])
    by_place = setting.learned(places, last["classes"])
    assert torch.allclose(by_text.weight, by_place.weight, rtol=0, atol=1e-9)


def test_the_learner_s_gradient_over_labelled_and_written_texts_is_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = play("llm-generation", tmp_path / "run", monkeypatch).folder
    last = last_round(folder)
    setting = Setting(_run(tmp_path, folder, monkeypatch), Config(**_config(folder)))
    learner = setting.learned(last["chosen"], last["labels"], last["texts"], last["classes"])
    features = torch.cat([
        setting.pool.open.features[last["chosen"]],
        setting.features([text for made in last["texts"] for text in made]),
    ])  # fmt: skip
    labels = torch.tensor([*last["labels"], *last["classes"]])
    assert features.dtype == torch.float64 and len(labels) > len(last["chosen"])
    weight = learner.weight.clone().requires_grad_(True)
    objective(weight, features, labels, setting.config.ridge).backward()
    assert weight.grad is not None and float(weight.grad.abs().max()) < 1e-6


def test_shuffled_classes_are_those_of_the_same_texts_dealt_out_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**NOTHING_LABELLED, "written": 12, "rounds": 1}
    true = last_round(play("llm-generation", tmp_path / "a", monkeypatch, **options).folder)
    anew = last_round(
        play("llm-generation", tmp_path / "b", monkeypatch, control="shuffled", **options).folder
    )
    assert true["texts"] == anew["texts"] and any(true["texts"])
    assert sorted(true["classes"]) == sorted(anew["classes"]) and true["classes"] != anew["classes"]


def test_what_was_written_once_is_taken_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = play("llm-generation", tmp_path / "run", monkeypatch).folder
    expected = last_round(first)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the model is asked again")

    for path in first.glob("round-*.json"):
        path.unlink()
    monkeypatch.setattr(writing, "sample", refuse)
    carry_out(first)
    assert last_round(first) == expected


def test_options_that_would_say_nothing_are_refused() -> None:
    with pytest.raises(ValidationError, match="asks for no class"):
        Config(ask="A tweet:")
    with pytest.raises(ValidationError, match="batch is 0"):
        Config(control="random", batch=0)


def _config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "spec.json").read_text())["config"]
    return config


def _run(tmp_path: Path, folder: Path, patch: pytest.MonkeyPatch) -> Run:
    """The run of ``folder``, begun anew with the small model and task."""
    from tests.engine.conftest import small_model

    patch.setattr("methods.engine.run.load", lambda name, **_: small_model())
    patch.setattr("methods.engine.run.build_task", lambda name, cache: small_task(name))
    return Run(folder, json.loads((folder / "spec.json").read_text()))

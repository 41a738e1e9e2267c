"""Hints of a small model: how they are written, who follows them, and what that is worth."""

from __future__ import annotations

import doctest
import json
import math
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from methods.active.reader import Reader
from methods.engine.batch import Tokens
from methods.engine.errors import MethodError
from methods.engine.measure import row_logprobs
from methods.engine.run import Run, Stopped
from methods.engine.tasks.task import Problem, Task
from methods.engine.tasks.word_signs import ASKED, OWN
from methods.incontext import overrides, prompts
from methods.incontext.hints import Setting, Small, classes_of, flipped, names_of
from methods.incontext.lessons import ITEMS, lesson
from methods.incontext.overrides import Answers, joined, override_precision, split_by, spread
from methods.incontext.prompts import WORDINGS, Hint, Shot
from methods.incontext.supercontext import supercontext_prompt
from methods.incontext.supericl import Config, supericl_prompt
from tests.engine.conftest import small_model
from tests.guards.small import play, small_task
from tests.guards.test_options import left_behind

F64 = torch.float64
BOTH = pytest.mark.parametrize("method", ["supericl", "supercontext"])
SHOTS = [
    Shot("Dull.\nSentiment:", " negative", Hint(" positive", 0.6)),
    Shot("Fine.\nSentiment:", " positive", Hint(" positive", 0.996)),
]


def measures(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "results.json").read_text())["measures"]
    return {m["name"]: m for m in found}


def answers(folder: Path, place: int = 0) -> dict[str, Any]:
    return json.loads((folder / f"answers-{place}.json").read_text())["value"]


# --- prompts ------------------------------------------------------------------------------------


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(prompts).failed == 0


def test_supericl_shows_hint_and_label_of_each_shot_and_the_hint_of_the_text() -> None:
    asked = "Good.\nSentiment:"
    found = supericl_prompt(WORDINGS["words"], SHOTS, asked, Hint(" negative", 0.51), True)
    assert found == (
        "Dull.\nSmall classifier's answer: positive (confidence 0.60)\nSentiment: negative\n\n"
        "Fine.\nSmall classifier's answer: positive (confidence 1.00)\nSentiment: positive\n\n"
        "Good.\nSmall classifier's answer: negative (confidence 0.51)\nSentiment:"
    )
    without = supericl_prompt(WORDINGS["words"], SHOTS, asked, Hint(" negative", 0.51), False)
    assert without == found.replace(" (confidence 0.60)", "").replace(
        " (confidence 1.00)", ""
    ).replace(" (confidence 0.51)", "")


def test_supercontext_is_an_instruction_and_the_same_parts() -> None:
    wording, hint = WORDINGS["words"], Hint(" negative", 0.51)
    asked = "Good.\nSentiment:"
    options = {"confidence": True, "interpretation": False}
    zero = supercontext_prompt(wording, [], asked, hint, **options)
    few = supercontext_prompt(wording, SHOTS, asked, hint, **options)
    told = wording.instruction + "\n\n"
    assert zero == told + supericl_prompt(wording, [], asked, hint, True)
    assert few == told + supericl_prompt(wording, SHOTS, asked, hint, True)
    why = supercontext_prompt(wording, [], asked, hint, confidence=True, interpretation=True)
    assert why == zero.replace(wording.instruction, wording.instruction + wording.interpretation)


def test_in_marks_a_hint_is_two_characters_and_the_surest_is_nine_tenths() -> None:
    shots = [Shot("a b c d e\n=", "-", Hint("+", 1.0))]
    asked = supericl_prompt(WORDINGS["marks"], shots, "a a a a a\n=", Hint("-", 0.5), True)
    assert asked == "a b c d e\n+9\n=-\na a a a a\n-5\n="


def test_a_lesson_s_hints_are_worth_what_they_say_in_three_rows_of_four() -> None:
    draw, said, right = random.Random(1), [], []
    for _ in range(4000):
        lines = lesson(draw).splitlines()
        if len(lines) == 3 * ITEMS and len(lines[1]) == 2:
            for hint, label in zip(lines[1::3], lines[2::3], strict=True):
                said.append(int(hint[1]))
                right.append(hint[0] == label[-1])
    for tenths in range(5, 10):
        picked = [r for r, s in zip(right, said, strict=True) if s == tenths]
        expected = 0.75 * (tenths + 0.5) / 10 + 0.25 * 0.5
        # Four standard deviations; items of one row are not independent.
        assert sum(picked) / len(picked) == pytest.approx(expected, abs=0.05)


def test_lessons_say_nothing_of_the_words_of_home() -> None:
    draw, good = random.Random(2), {word: [0, 0] for word in OWN}
    for _ in range(3000):
        lines = lesson(draw).splitlines()
        step = len(lines) // ITEMS
        for text, label in zip(lines[::step], lines[step - 1 :: step], strict=True):
            for word in set(text.split()) & set(OWN):
                good[word][label[-1] == "+"] += 1
    shares = [plus / (plus + minus) for minus, plus in good.values()]
    assert shares == pytest.approx([0.5] * len(OWN), abs=0.05)
    assert ASKED == "\n="


# --- the small model and what is read off ---------------------------------------------------------


def test_the_small_model_s_confidence_is_the_probability_of_what_it_says() -> None:
    problems = [Problem(t, a, t) for t, a in [("good x", "+"), ("bad x", "-")] * 4]
    small = Small.of(problems, ("+", "-"), 1.0)
    good, bad, unknown = small.hints(["good", "bad", "never seen"])
    assert (good.label, bad.label) == ("+", "-")
    p = small.learner.probabilities(small.words.features(["good"]))[0]
    assert good.confidence == pytest.approx(float(p.max()), abs=1e-12)
    assert good.confidence == pytest.approx(bad.confidence, abs=1e-6)
    assert unknown.confidence == pytest.approx(0.5, abs=1e-6)


def test_a_flipped_hint_is_another_label_as_sure_and_of_two_labels_twice_is_once() -> None:
    hint = Hint("a", 0.7)
    assert flipped(hint, "ab") == Hint("b", 0.7) and flipped(flipped(hint, "ab"), "ab") == hint
    assert [flipped(Hint(c, 0.5), "abc").label for c in "abc"] == ["b", "c", "a"]


@pytest.mark.parametrize(("calibration", "said"), [("none", [0, 0]), ("mean", [0, 1])])
def test_calibration_takes_from_a_label_what_it_has_before_any_text(
    calibration: str, said: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    logp = torch.tensor([[0.9, 0.1], [0.7, 0.3]], dtype=F64).log()
    monkeypatch.setattr(Reader, "log_probabilities", lambda *_: (logp, [3, 5]))
    setting = object.__new__(Setting)
    setting.config = Config(calibration=calibration)
    setting.reader, setting.classes = object.__new__(Reader), ("+", "-")
    task = replace(small_task("small-a"), held_out=(Problem("a", "+", "a"), Problem("b", "-", "b")))
    found = setting.told(task, ["a", "b"], "asking")
    # Of 0.9 / 0.8 and 0.1 / 0.2 the first is larger; of 0.7 / 0.8 and 0.3 / 0.2 the second.
    assert found.classes == said and found.read == 4.0
    shares = [0.9, 0.3]
    if calibration == "mean":
        shares = [1.125 / (1.125 + 0.5), 1.5 / (0.875 + 1.5)]
    assert found.nats == pytest.approx([-math.log(p) for p in shares])


# --- the measures by hand -------------------------------------------------------------------------

HAND = Answers(
    label=[0, 0, 1, 1], small=[0, 1, 1, 0], confidence=[0.9, 0.6, 0.8, 0.7], hint=[0, 1, 1, 0],
    zero=[0, 0, 0, 0], few=[[0, 0, 1, 0], [0, 0, 0, 0]], method=[[0, 0, 1, 0], [1, 0, 1, 1]],
    nats=[[0.5] * 4, [0.25, 0.25, 0.5, 1.0], [0.0, 0.0, 0.5, 0.5]], read=[3.0, 5.0, 7.0],
)  # fmt: skip


def test_overrides_and_gains_by_hand() -> None:
    found = {
        m.name: m
        for m in overrides.results(["home", "far"], [HAND, HAND], with_shots=True).measures
    }
    # Draw 1 overrides the second text rightly; draw 2 the first wrongly, the second and fourth rightly.
    assert found["in_override_rate"].after.mean == pytest.approx(4 / 8)
    assert found["in_override_precision"].after.mean == pytest.approx(3 / 4)
    assert found["in_accuracy"].after.mean == pytest.approx(6 / 8)
    assert found["in_accuracy"].before.mean == pytest.approx(5 / 8)
    assert found["in_small_accuracy"].after.mean == found["in_zero_accuracy"].after.mean == 0.5
    gain = found["in_gain_over_small"].after.mean
    assert gain == pytest.approx(0.25) == pytest.approx(4 / 8 * (2 * 3 / 4 - 1))
    # The less sure half, 0.6 and 0.7: override rates 1 and 0.5; the surer half: 0.5 and 0.
    assert found["in_doubt"].after.mean == pytest.approx(0.75 - 0.25)
    assert found["in_sure_gain"].after.mean == pytest.approx((0.5 + 1) / 2 - (1 + 0.5) / 2)
    # Means over texts: shots alone 0.75 and 0.5, with hints 0.75 both.
    assert found["shot_spread"].before.mean == pytest.approx(0.25 / math.sqrt(2))
    assert found["shot_spread"].after.mean == 0.0
    assert (found["in_loss"].before.mean, found["in_loss"].after.mean) == (0.5, 0.25)
    assert (found["tokens_read"].before.mean, found["tokens_read"].after.mean) == (5.0, 7.0)
    assert found["far_accuracy"].after == found["in_accuracy"].after
    zero = {
        m.name: m for m in overrides.results(["a", "b"], [HAND, HAND], with_shots=False).measures
    }
    assert zero["in_accuracy"].before.mean == 0.5 and "shot_spread" not in zero


def test_of_no_override_nothing_is_known() -> None:
    copied = replace(HAND, method=[HAND.hint])
    found = override_precision(copied)
    assert (found.interval, found.n) == ((0.0, 1.0), 0)


def test_draws_of_the_same_text_are_no_further_evidence() -> None:
    once = replace(HAND, method=[[1, 0, 1, 1]])
    twice = replace(HAND, method=[[1, 0, 1, 1]] * 2)
    assert override_precision(once) == override_precision(twice)


def test_domains_joined_are_their_texts_one_after_another() -> None:
    nats, read = [[0.0], [1.0], [2.0]], [6.0, 6.0, 6.0]
    short = Answers([1], [1], [0.5], [1], [1], [[0], [1]], [[1], [1]], nats, read)
    both = joined([HAND, short])
    assert both.label == [0, 0, 1, 1, 1] and both.method == [[0, 0, 1, 0, 1], [1, 0, 1, 1, 1]]
    assert both.nats[1] == [0.25, 0.25, 0.5, 1.0, 1.0]
    assert both.read == pytest.approx([(4 * 3 + 6) / 5, (4 * 5 + 6) / 5, (4 * 7 + 6) / 5])


def test_halves_and_spread_at_their_limits() -> None:
    assert split_by([1.0, 0.0, 1.0], [3.0, 1.0, 2.0]).mean == pytest.approx(1.0)
    assert split_by([1.0] * 4, [1.0, 2.0, 3.0, 4.0]).interval == (0.0, 0.0)
    with pytest.raises(ValueError, match="two values"):
        split_by([1.0], [1.0])
    assert spread([[1, 0, 1]]) == 0.0
    assert spread([[1, 1], [0, 0], [1, 0]]) == pytest.approx(0.5)


# --- whole runs -----------------------------------------------------------------------------------


@BOTH
def test_an_answer_is_the_likeliest_by_the_model_s_own_log_probabilities(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = answers(play(method, tmp_path / "run", monkeypatch).folder)
    model, task = small_model(), small_task("small-a")
    classes = classes_of([task])
    for problem, said in zip(task.held_out, found["zero"], strict=True):
        ids = model.encode_prompt(problem.prompt)
        rows = [Tokens((*ids, *model.encode_completion(c)), len(ids)) for c in classes]
        sums = [float(x.double().sum()) for x in row_logprobs(model, rows)]
        assert sums[said] == pytest.approx(max(sums), abs=1e-5)


def test_both_methods_have_the_same_small_model_and_the_same_language_model_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (
        answers(play(method, tmp_path / method, monkeypatch).folder)
        for method in ("supericl", "supercontext")
    )
    same = ("label", "small", "confidence", "hint", "zero", "few")
    assert [one[k] for k in same] == [other[k] for k in same]
    assert len(one["method"]) == 2 and len(other["method"]) == 1
    assert one["read"][2] > one["read"][1] > one["read"][0]


def _copying(self: Reader, texts: tuple[str, ...], title: str) -> tuple[torch.Tensor, list[int]]:
    """Says what the hint on the last line but one says, and without a hint the first class."""
    said = []
    for text in texts:
        hint = next((line for line in reversed(text.split("\n")) if "answer:" in line), "answer:")
        label = hint.split("answer:")[1].split(" (")[0]
        said.append(self.classes.index(label) if label else 0)
    table = torch.nn.functional.one_hot(torch.tensor(said), len(self.classes)).double()
    return torch.log_softmax(9 * table, -1), [1] * len(texts)


@BOTH
def test_a_model_that_copies_is_the_small_model_and_is_found_out_by_flipped_hints(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reader, "log_probabilities", _copying)
    options = {"labelled": 12}  # of few texts and many classes the small model learns by heart
    true = measures(play(method, tmp_path / "true", monkeypatch, **options).folder)
    turned = play(method, tmp_path / "turned", monkeypatch, control="flipped", **options).folder
    for place in ("in", "out"):
        assert true[f"{place}_override_rate"]["after"] == 0
        assert true[f"{place}_gain_over_small"]["after"] == 0
        assert measures(turned)[f"{place}_override_rate"]["after"] == 0
    found = answers(turned)
    assert all(h != s for h, s in zip(found["hint"], found["small"], strict=True))
    assert found["method"][0] == found["hint"]


def _stubborn(self: Reader, texts: tuple[str, ...], title: str) -> tuple[torch.Tensor, list[int]]:
    table = torch.zeros(len(texts), len(self.classes), dtype=F64)
    table[:, 1] = 9.0
    return torch.log_softmax(table, -1), [1] * len(texts)


@BOTH
def test_a_model_that_never_reads_the_hint_gains_nothing_and_flipping_changes_nothing(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reader, "log_probabilities", _stubborn)
    one, other = (
        measures(play(method, tmp_path / control, monkeypatch, control=control).folder)
        for control in ("none", "flipped")
    )
    for place in ("in", "out"):
        assert one[f"{place}_gain_over_model"]["after"] == 0
        assert one[f"{place}_accuracy"] == other[f"{place}_accuracy"]


def test_a_run_stopped_between_two_domains_ends_with_the_bytes_of_the_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"explanation": True}
    whole = left_behind(play("supericl", tmp_path / "whole", monkeypatch, **options).folder)
    once, seen = Run.once, []

    def stop(self: Run, name: str, compute: Any) -> Any:
        seen.append(name)
        if name == "answers-1":
            raise Stopped
        return once(self, name, compute)

    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(Run, "once", stop)
        play("supericl", tmp_path / "broken", monkeypatch, **options)
    assert seen == ["answers-0", "answers-1"]
    monkeypatch.setattr("tests.guards.small._write_spec", lambda *args: None)  # it is there
    resumed = play("supericl", tmp_path / "broken", monkeypatch, **options).folder
    assert left_behind(resumed) == whole


def test_more_shots_than_there_are_texts_for_them_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MethodError, match="2 shots are to be drawn among 0 unseen"):
        play("supericl", tmp_path / "run", monkeypatch, labelled=50, shots_from="unseen")


def test_a_task_with_answers_the_small_model_cannot_know_is_refused() -> None:
    home = small_task("small-a")
    other = replace(home, held_out=(Problem("1=", "never", "1"),))
    with pytest.raises(MethodError, match="never"):
        classes_of([home, other])
    with pytest.raises(MethodError, match="2 to 64 classes"):
        classes_of([replace(home, train=(Problem("1=", "a", "1"),), held_out=())])


def test_tasks_have_short_names_and_no_two_alike() -> None:
    def called(name: str) -> Task:
        return replace(small_task("small-a"), name=name)

    names = ["word-signs:domain=far,held_out=9", "gcd:digits=1", "gcd:digits=2", "x"]
    assert names_of([called(n) for n in names]) == ["far", "gcd-1", "gcd-2", "x"]

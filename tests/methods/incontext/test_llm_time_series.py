"""Whole runs on series with a known law: what is measured, what is refused, what a resume repeats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from methods.engine.errors import MethodError
from methods.engine.run import Run, Stopped
from methods.incontext import llm_time_series
from methods.incontext.laws import draw
from methods.incontext.llm_time_series import PRESETS, Config, context_lengths, shuffled
from methods.register.incontext import LLM_TIME_SERIES
from tests.guards.small import play
from tests.guards.test_options import left_behind

METHOD = "llm-time-series"


def measures(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "results.json").read_text())["measures"]
    return {m["name"]: m for m in found}


def test_context_lengths_go_from_two_to_all_but_one_and_each_once() -> None:
    assert context_lengths(64, 6) == [2, 4, 8, 16, 32, 63]
    assert context_lengths(8, 100) == [2, 3, 4, 5, 6, 7]


def test_the_register_says_how_many_digits_the_tiny_preset_writes() -> None:
    digits = Config(**PRESETS["tiny"]).digits
    said = {1: "one digit", 2: "two digits", 3: "three digits"}[digits]
    (rescaling,) = (k for k in LLM_TIME_SERIES.knobs if k.name == "rescaling")
    assert f"{said} on the tiny model" in rescaling.ours


def test_a_shuffled_series_has_the_same_numbers_in_another_order_and_the_same_law() -> None:
    generator = torch.Generator().manual_seed(0)
    series = draw("brownian-motion", generator, 30)
    other = shuffled(series, generator)
    assert not torch.equal(series.values, other.values)
    assert torch.equal(series.values.sort().values, other.values.sort().values)
    assert other.law is series.law


def test_a_run_measures_the_model_and_the_simple_forecasters_on_the_same_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = play(METHOD, tmp_path / "run", monkeypatch)
    found = measures(done.folder)
    for name in ("distance", "gaussian_distance", "persistence_distance", "unigram_distance"):
        assert found[name]["n"] == 3 and found[name]["before"] is not None
    for name in ("gaussian", "persistence", "unigram"):
        gain = found[f"{name}_distance"]["after"] - found["distance"]["after"]
        assert found[f"gain_over_{name}"]["after"] == pytest.approx(gain, abs=1e-12)
    fall = found["distance"]["before"] - found["distance"]["after"]
    assert found["fall"]["after"] == pytest.approx(fall, abs=1e-12)
    low, high = found["exponent"]["after_interval"]
    assert low <= found["exponent"]["after"] <= high
    lines = (done.folder / "samples.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["prompt"].count(" ") == 11  # as the model read it


def test_the_simple_forecasters_do_not_depend_on_the_model_and_the_series_not_on_the_control(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [
        measures(play(METHOD, tmp_path / str(i), monkeypatch, **options).folder)
        for i, options in enumerate(({}, {"model": "other"}, {"control": "untrained"}))
    ]
    for name in ("gaussian_distance", "persistence_distance", "unigram_distance"):
        assert runs[0][name] == runs[1][name] == runs[2][name]
    assert len({run["distance"]["after"] for run in runs}) == 3


def test_a_run_that_was_stopped_while_reading_ends_with_the_bytes_of_the_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = left_behind(play(METHOD, tmp_path / "whole", monkeypatch).folder)
    checks = 0

    def stop(run: Run) -> None:
        nonlocal checks
        checks += 1
        if checks == 2:
            raise Stopped

    options = {"sample_batch": 1}  # one series at a time
    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(Run, "check", stop)
        play(METHOD, tmp_path / "broken", monkeypatch, **options)
    assert not (tmp_path / "broken" / "results.json").exists()
    monkeypatch.setattr("tests.guards.small._write_spec", lambda *args: None)  # it is there
    resumed = left_behind(play(METHOD, tmp_path / "broken", monkeypatch, **options).folder)
    again = left_behind(play(METHOD, tmp_path / "broken", monkeypatch, **options).folder)
    assert resumed == again and resumed["samples.jsonl"] == whole["samples.jsonl"]
    # One series at a time rounds otherwise than all at once, and in nothing else.
    for one, other in zip(
        resumed["results"]["measures"], whole["results"]["measures"], strict=True
    ):
        assert one["after"] == pytest.approx(other["after"], rel=1e-4, abs=1e-6)


def test_what_was_read_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that goes on behind the reading takes the distances from its folder."""
    whole = left_behind(play(METHOD, tmp_path / "run", monkeypatch).folder)
    (tmp_path / "run" / "results.json").unlink()
    monkeypatch.setattr("tests.guards.small._write_spec", lambda *args: None)
    monkeypatch.setattr(llm_time_series, "_predicted", None)
    assert left_behind(play(METHOD, tmp_path / "run", monkeypatch).folder) == whole


def test_a_model_that_gives_numbers_no_probability_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = [torch.full((3, 100), float("nan"), dtype=torch.float64)] * 3
    monkeypatch.setattr(llm_time_series, "all_log_masses", lambda *args: nowhere)
    with pytest.raises(MethodError, match="no finite log-probability"):
        play(METHOD, tmp_path / "run", monkeypatch)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"separator": "1"}, "holds a digit"),
        ({"digits": 4}, "digits"),
        ({"law": "lorenz"}, "law"),
        ({"length": 3}, "length"),
    ],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Config(**wrong)

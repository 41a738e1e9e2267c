"""What a person sees while a run goes: the order of the line, and a time left that is true."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from methods.engine import progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands where the test puts it."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_note_names_the_loss_first_then_the_methods_own_numbers_in_their_order() -> None:
    logged = {
        "step": 3, "learning_rate": 1e-4, "reward": 0.5, "score": 0.25, "cut_off": 0.0,
        "loss": 0.12345678, "grad_norm": 2.0,
    }  # fmt: skip
    assert progress.note(logged) == "loss 0.1235  reward 0.5  score 0.25  cut_off 0"


def test_a_note_without_a_loss_names_what_there_is() -> None:
    assert progress.note({"step": 1, "accuracy": 1.0}) == "accuracy 1"
    assert progress.note({"step": 1}) == ""


def test_a_plain_line_says_step_speed_time_left_and_note_in_this_order(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.stage("step", 40) as bar:
        clock[0] += 9.9
        bar.advance(1, "loss 0.7", speed=812.4)
        assert capsys.readouterr().err == ""
        clock[0] += 0.1
        bar.advance(1, "loss 0.6", speed=812.4)
    said = capsys.readouterr()
    assert said.err == "step 2/40  812 tok/s  ETA 0:03:10  loss 0.6\n"
    assert said.out == ""


def test_the_last_unit_always_gets_a_line_and_empty_parts_take_no_room(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.stage("sampling", 3) as bar:
        bar.advance(3)
    assert capsys.readouterr().err == "sampling 3/3  ETA 0:00:00\n"


def test_time_left_after_a_resume_counts_only_the_steps_of_this_process(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.stage("step", 100, start=90) as bar:
        clock[0] += 20.0
        bar.advance(1)
    assert capsys.readouterr().err == "step 91/100  ETA 0:03:00\n"


def test_a_terminal_shows_the_same_things_in_the_same_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = io.StringIO()
    made = Console(file=screen, force_terminal=True, width=120, color_system=None)
    monkeypatch.setattr(progress, "Console", lambda stderr: made)
    with progress.stage("step", 8, start=2) as bar:
        bar.advance(1, "loss 0.7  reward 0.5", speed=99.6)
    shown = next(line for line in screen.getvalue().splitlines() if "3/8" in line)
    order = ["step", "3/8", "100 tok/s", "ETA", "loss 0.7  reward 0.5"]
    places = [shown.find(part) for part in order]
    assert -1 not in places and places == sorted(places)

"""Trackers beside metrics.jsonl: read back what each one kept, also after a kill."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from methods.engine import trackers
from methods.engine.errors import MethodError
from methods.engine.trackers import open_trackers, read_names
from tests.engine.tracker_play import RESULTS, ROOT, SPEC, play


@pytest.mark.parametrize("text", ["none", "", " "])
def test_none_means_no_tracker(text: str) -> None:
    assert read_names(text) == ()


def test_several_trackers_are_read_once_each_in_their_order() -> None:
    assert read_names("wandb, tensorboard,wandb") == ("wandb", "tensorboard")


@pytest.mark.parametrize("text", ["tensorbord", "none,wandb", "wandb;trackio"])
def test_an_unknown_tracker_is_refused_with_those_allowed(text: str) -> None:
    with pytest.raises(MethodError, match=r"Allowed: none, or some of tensorboard, trackio, wandb"):
        read_names(text)


def test_a_missing_package_is_refused_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MethodError, match=r"--log-to wandb needs .* pip install wandb"):
        open_trackers(["wandb"], tmp_path, SPEC)
    assert not any(tmp_path.iterdir())


def test_a_folder_called_like_the_package_does_not_pass_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sometracker").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert importlib.util.find_spec("sometracker") is not None
    with pytest.raises(MethodError, match="pip install sometracker"):
        trackers.require(["sometracker"])


def test_without_a_name_nothing_is_imported_and_nothing_written(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from methods.engine.trackers import open_trackers\n"
        f"live = open_trackers((), Path({str(tmp_path)!r}), {{}})\n"
        "live.log(1, {'loss': 1.0}); live.results({'measures': [], 'train_seconds': 0}); live.close('failed')\n"
        "print([n for n in ('torch', 'tensorboard', 'trackio', 'wandb') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
    assert not any(tmp_path.iterdir())


def test_final_numbers_hold_value_interval_start_and_time() -> None:
    assert trackers.final_numbers(RESULTS) == {
        "initial/accuracy": 0.25, "final/accuracy": 0.75, "final/accuracy_low": 0.5,
        "final/accuracy_high": 0.875, "final/kl": 0.5, "final/kl_low": 0.25, "final/kl_high": 0.625,
        "final/train_seconds": 4.5,
    }  # fmt: skip


# --- a tracker that fails -----------------------------------------------------------------------


class Failing:
    def __init__(self) -> None:
        self.asked = 0

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self.asked += 1
        print("chatter")
        raise ConnectionError("the server\nis gone.")

    def results(self, final: Mapping[str, float]) -> None:
        raise AssertionError("a dropped tracker is asked nothing")

    close = results


class Keeping:
    def __init__(self) -> None:
        self.kept: list[Any] = []

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self.kept.append(step)

    def results(self, final: Mapping[str, float]) -> None:
        self.kept.append("results")

    def close(self, status: str) -> None:
        self.kept.append(status)


def test_a_tracker_that_fails_is_named_once_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad, good = Failing(), Keeping()
    live = trackers.Trackers({"wandb": bad, "tensorboard": good})
    for step in (1, 2, 3):
        live.log(step, {"loss": 1.0})
    live.results(RESULTS)
    live.close("finished")
    live.close("failed")
    said = capsys.readouterr()
    assert bad.asked == 1 and good.kept == [1, 2, 3, "results", "finished"]
    assert said.out == ""
    assert said.err.splitlines() == [
        "chatter",
        "--log-to wandb failed and is left out from here on: the server is gone. "
        "metrics.jsonl has every step",
    ]


# --- tensorboard --------------------------------------------------------------------------------


def events(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0, "tensors": 0})
    return read.Reload()


def text(read: Any, tag: str) -> str:
    return read.Tensors(f"{tag}/text_summary")[-1].tensor_proto.string_val[0].decode()


def test_tensorboard_holds_every_step_the_config_and_what_was_found(tmp_path: Path) -> None:
    done = play("tensorboard", tmp_path, 5)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    read = events(tmp_path)
    points = [(e.step, round(e.value, 6)) for e in read.Scalars("loss")]
    assert points == [(s, round(1 / s, 6)) for s in range(1, 6)]
    assert [e.value for e in read.Scalars("final/accuracy")] == [0.75]
    assert [e.step for e in read.Scalars("final/accuracy")] == [5]
    rows = (row.removeprefix("    ") for row in text(read, "run").splitlines())
    told = json.loads("\n".join(rows))
    assert told == {k: v for k, v in SPEC.items() if k != "command"}
    assert text(read, "status") == "finished"


def test_tensorboard_shows_each_step_once_after_a_kill_and_a_resume(tmp_path: Path) -> None:
    killed = play("tensorboard", tmp_path, 10, kill=0.001)
    assert killed.returncode == -9
    assert [e.step for e in events(tmp_path).Scalars("loss")] == list(range(1, 11))
    done = play("tensorboard", tmp_path, 12, keep=6, loss=2.0, resume=True)
    assert done.returncode == 0, done.stderr
    read = events(tmp_path)
    points = [(e.step, round(e.value * e.step)) for e in read.Scalars("loss")]
    assert points == [(s, 1 if s <= 6 else 2) for s in range(1, 13)]
    assert "2305.18290" in text(read, "run")


def test_a_full_disk_drops_the_tracker_and_the_run_goes_on(tmp_path: Path) -> None:
    done = play("tensorboard", tmp_path, 200, file_limit=12000)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("--log-to tensorboard failed and is left out") == 1
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 200


def test_a_new_run_whose_tracker_does_not_open_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("a file where the folder should be")
    with pytest.raises(MethodError, match=r"--log-to tensorboard does not open: .*start the run"):
        open_trackers(["tensorboard"], tmp_path, SPEC)


def test_a_resumed_run_whose_tracker_does_not_open_goes_on_without_it(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("a file where the folder should be")
    done = play("tensorboard", tmp_path, 3, resume=True)
    assert done.returncode == 0
    assert done.stderr.count("--log-to tensorboard did not open and is left out") == 1

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from registry.core.errors import Interrupted, RunError, UnknownNameError, UsageError
from registry.runs import launch, sweep
from registry.runs.executors.job import Ended
from registry.runs.records import read_run
from registry.runs.sweep import find_sweep, list_sweeps, run_sweep
from registry.runs.sweep_table import sweep_table
from tests.runs.sweeps import made
from tests.runs.workplace import ROOT, Workplace, rewrite, wait_for_step


def run_folders(workplace: Workplace) -> list[Path]:
    return [folder for folder in workplace.folders() if folder.name != sweep.SWEEPS]


def test_the_folder_says_what_was_asked_before_the_first_run_starts(workplace: Workplace) -> None:
    one = made(workplace, labels="true,shuffled")
    path = workplace.settings.runs_dir / "sweeps" / one.sweep_id / "sweep.json"
    kept = json.loads(path.read_text())
    assert kept["grid"] == {"labels": ["true", "shuffled"]}
    assert (kept["method"], kept["seeds"], kept["fixed"]["steps"]) == ("sft", [0, 1], "3")
    assert kept["place"]["executor"] == "local"
    assert {run["run_id"] for run in kept["runs"]} == {f.name for f in run_folders(workplace)}
    assert "state" not in path.read_text()
    assert {read_run(folder).state for folder in run_folders(workplace)} == {"waiting"}


def test_a_sweep_that_cannot_be_written_leaves_nothing(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sweep, "write_atomic", full)
    with pytest.raises(OSError, match="No space left"):
        made(workplace)
    assert workplace.folders() == []


def test_two_runs_never_get_the_same_folder(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter(["aaaa", "d1", "aaaa", "d2", "bbbb", "d3"])
    monkeypatch.setattr(launch.secrets, "token_hex", lambda size: next(drawn))
    monkeypatch.setattr(launch, "now", lambda: sweep.now().replace(year=2026, second=0))
    one = made(workplace)
    assert len({run.run_id for run in one.runs}) == 2
    assert len(run_folders(workplace)) == 2


def test_every_run_is_brought_to_its_end_and_told_with_its_measure(workplace: Workplace) -> None:
    one = made(workplace, labels="true,shuffled")
    said: list[str] = []
    tally = run_sweep(one, workplace.settings, said.append)
    assert [ended.status for ended in tally.ended] == ["finished"] * 4
    assert said[0].startswith("1 run at a time; what they say is in ")
    assert said[1].startswith(
        "[1 of 4] labels=true, seed 0: finished in 1.5 s; held out loss: 2 ->"
    )
    assert said[-1].startswith("[4 of 4] labels=shuffled, seed 1: finished")


@pytest.mark.parametrize(
    ("spent", "done", "workers", "said"),
    [
        (60, 1, 1, ""),
        (60, 2, 1, "; about 4 min 00 s to go"),
        (60, 2, 2, ""),
        (60, 9, 2, ""),
        (60, 10, 2, ""),
        (60, 3, None, ""),
    ],
)
def test_what_is_left_is_guessed_once_a_round_is_over(
    spent: float, done: int, workers: int | None, said: str
) -> None:
    assert sweep._time_left(spent, done, 10, workers) == said


def test_a_failed_run_stops_no_other_and_is_told_with_its_reason(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlucky = tmp_path / "unlucky.py"
    unlucky.write_text(
        "import json, os, pathlib, runpy, sys\n"
        "spec = json.loads(pathlib.Path(sys.argv[1], 'spec.json').read_text())\n"
        "os.environ['FAKE_MODE'] = {0: 'fail', 1: 'crash'}.get(spec['seed'], 'finish')\n"
        f"sys.argv[0] = {str(ROOT / 'tests/runs/fake_worker.py')!r}\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    monkeypatch.setattr(launch, "WORKER", (launch.WORKER[0], str(unlucky)))
    one = made(workplace, "3", steps="5")
    said: list[str] = []
    tally = run_sweep(one, workplace.settings, said.append)
    assert [ended.status for ended in tally.ended] == ["failed", "failed", "finished"]
    assert "seed 0: failed: the fake ran out of luck" in said[1]
    assert "seed 1: failed: the worker was killed by SIGKILL" in said[2]
    states = [cell.state for cell in sweep_table(one, workplace.settings).rows[0].cells]
    assert states == ["failed", "died", "finished"]

    monkeypatch.setattr(
        launch, "WORKER", (launch.WORKER[0], str(ROOT / "tests/runs/fake_worker.py"))
    )
    again = run_sweep(one, workplace.settings, said.append)
    assert [ended.status for ended in again.ended] == ["finished", "finished"]
    assert "1 of 3 runs finished before" in said


def test_going_on_repeats_no_finished_run_and_resumes_the_others(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = made(workplace, "3", steps="6")
    folders = [workplace.settings.runs_dir / run.run_id for run in one.runs]
    launch.start(folders[0])
    monkeypatch.setenv("FAKE_MODE", "crash")  # at step 3, with a checkpoint of step 2
    launch.start(folders[1])
    monkeypatch.setenv("FAKE_MODE", "finish")
    finished = (folders[0] / "manifest.json").stat().st_mtime_ns
    run_sweep(one, workplace.settings)
    assert (folders[0] / "manifest.json").stat().st_mtime_ns == finished
    assert json.loads((folders[1] / "spec.json").read_text())["resume"] is True
    assert json.loads((folders[2] / "spec.json").read_text()).get("resume") is None
    assert {read_run(folder).state for folder in folders} == {"finished"}


def test_a_run_whose_folder_is_gone_fails_alone(workplace: Workplace) -> None:
    import shutil

    one = made(workplace)
    shutil.rmtree(workplace.settings.runs_dir / one.runs[0].run_id)
    tally = run_sweep(one, workplace.settings)
    assert [ended.status for ended in tally.ended] == ["failed", "finished"]
    assert "damaged: neither spec.json nor manifest.json" in str(tally.ended[0].note)


def test_a_changed_method_is_told_when_a_sweep_goes_on(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = made(workplace)
    monkeypatch.setattr(sweep, "code_sha256", lambda: "other")
    said: list[str] = []
    run_sweep(one, workplace.settings, said.append)
    assert "the code of the methods has changed" in said[0]


def test_an_executor_that_stops_early_is_an_interruption_with_the_way_on(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stops:
        workers = 1

        def run(self, jobs: Any, report: Any, say: Any) -> None:
            report(Ended(jobs[0], "finished"))

    one = made(workplace)
    monkeypatch.setattr(sweep, "build", lambda *rest: Stops())
    with pytest.raises(Interrupted, match=f"1 of 2 runs finished; go on: .*{one.sweep_id}"):
        run_sweep(one, workplace.settings)


def test_a_sweep_is_found_by_id_beginning_folder_and_as_the_latest(workplace: Workplace) -> None:
    with pytest.raises(UsageError, match="there are none in"):
        find_sweep("latest", workplace.settings)
    first = made(workplace)
    rewrite(
        sweep.sweep_folder(first, workplace.settings) / "sweep.json", created="2026-01-01T00:00:00Z"
    )
    second = made(workplace)
    assert [s.sweep_id for s in list_sweeps(workplace.settings)] == [
        second.sweep_id,
        first.sweep_id,
    ]
    for name in (first.sweep_id, str(sweep.sweep_folder(first, workplace.settings)) + "/"):
        assert find_sweep(name, workplace.settings).sweep_id == first.sweep_id
    assert find_sweep("latest", workplace.settings).sweep_id == second.sweep_id
    with pytest.raises(UsageError, match="begins 2 sweeps"):
        find_sweep("sweep-sft", workplace.settings)
    with pytest.raises(UnknownNameError, match="registry sweep --list"):
        find_sweep("swoop", workplace.settings)


def test_a_damaged_sweep_is_left_out_of_the_list_and_named_when_asked_for(
    workplace: Workplace,
) -> None:
    one = made(workplace)
    (sweep.sweep_folder(one, workplace.settings) / "sweep.json").write_text("{torn")
    assert list_sweeps(workplace.settings) == []
    with pytest.raises(RunError, match=r"sweep\.json cannot be read"):
        find_sweep(one.sweep_id, workplace.settings)


def wait_until(true: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not in {seconds} s"
        time.sleep(0.02)


def sweep_process(workplace: Workplace, *words: str, **env: str) -> Any:
    process = workplace.command(*words, **env)
    wait_until(lambda: list_sweeps(workplace.settings))
    return process, list_sweeps(workplace.settings)[0]


WORDS = ("sweep", "sft", "--model", "tiny", "--device", "cpu", "--seeds", "3", "--workers", "2")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_stops_the_running_ones_at_a_checkpoint_and_starts_no_other(
    workplace: Workplace, sent: signal.Signals
) -> None:
    process, one = sweep_process(workplace, *WORDS, "--set", "steps=1000", FAKE_STEP="0.02")
    folders = [workplace.settings.runs_dir / run.run_id for run in one.runs]
    for folder in folders[:2]:
        wait_for_step(folder, 2)
    process.send_signal(sent)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert "stopping 2 runs after this step" in err
    assert f"registry sweep --resume {one.sweep_id}" in err
    assert "Traceback" not in err
    states = [read_run(folder).state for folder in folders]
    assert states == ["interrupted", "interrupted", "waiting"]
    for folder in folders[:2]:
        assert (folder / "checkpoints" / "last.json").is_file()


def test_after_kill_9_the_runs_under_way_are_waited_for_and_none_is_done_twice(
    workplace: Workplace,
) -> None:
    process, one = sweep_process(workplace, *WORDS, "--set", "steps=60", FAKE_STEP="0.03")
    folders = [workplace.settings.runs_dir / run.run_id for run in one.runs]
    for folder in folders[:2]:
        wait_for_step(folder, 2)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    assert [read_run(folder).state for folder in folders] == ["running", "running", "waiting"]

    again = workplace.command("sweep", "--resume", one.sweep_id, FAKE_STEP="0.001")
    _, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert err.count("runs already, started elsewhere; waiting for it") == 2
    assert [read_run(folder).state for folder in folders] == ["finished"] * 3
    resumed = [json.loads((f / "spec.json").read_text()).get("resume") for f in folders]
    assert resumed == [None, None, None]  # the first two were never started again


def test_a_killed_worker_is_resumed_from_its_checkpoint(workplace: Workplace) -> None:
    process, one = sweep_process(workplace, *WORDS, "--set", "steps=30", FAKE_MODE="crash")
    process.communicate(timeout=30)
    assert process.returncode == 1
    again = workplace.command("sweep", "--resume", "latest")
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert "3 finished" in out
    for run in one.runs:
        rows = (workplace.settings.runs_dir / run.run_id / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(row)["step"] for row in rows] == list(range(1, 31))

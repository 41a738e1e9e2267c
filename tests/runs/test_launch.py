from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from registry.core.errors import RunError, UsageError
from registry.runs import launch, lock
from registry.runs.plan import Request, make_plan
from registry.runs.records import find_run, read_metrics, read_run
from tests.runs.workplace import Workplace, wait_for_folder, wait_for_step


def test_a_run_folder_appears_whole_with_everything_the_worker_needs(workplace: Workplace) -> None:
    plan = make_plan(Request("sft", {"steps": "3"}, seed=7, device="cpu"))
    folder = launch.create_run(plan, workplace.settings)

    spec = json.loads((folder / "spec.json").read_text())
    assert folder.name == spec["run_id"]
    assert spec["run_id"].startswith("sft-")
    assert (spec["schema"], spec["method"], spec["paper"]) == (1, "sft", "2203.02155")
    assert (spec["seed"], spec["device"], spec["config"]["steps"]) == (7, "cpu", 3)
    assert spec["provenance"]["steps"] == "user"
    assert spec["cache_dir"] == str(workplace.settings.cache_dir)
    assert set(spec["git"]) == {"commit", "dirty"}
    assert [f.name for f in workplace.settings.runs_dir.iterdir()] == [folder.name]


def test_a_finished_run_is_read_back_with_its_measures(workplace: Workplace) -> None:
    outcome = workplace.run("sft")
    assert (outcome.status, outcome.exit_code, outcome.problem) == ("finished", 0, None)
    assert outcome.record.results is not None
    assert outcome.record.results.key_measure is not None
    assert outcome.record.results.key_measure.name == "held_out_loss"


def test_a_failed_run_carries_the_sentence_of_the_worker(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_MODE", "fail")
    outcome = workplace.run("sft")
    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert outcome.problem == "the fake ran out of luck"


def test_a_worker_that_is_killed_is_named_with_its_signal_and_can_go_on(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_MODE", "crash")
    outcome = workplace.run("sft", steps=6, checkpoint_every=2)
    assert outcome.status == "failed"
    assert outcome.problem is not None
    assert "SIGKILL" in outcome.problem
    assert outcome.record.state == "died"
    assert len(read_metrics(outcome.record.folder).rows) == 3

    monkeypatch.setenv("FAKE_MODE", "finish")
    folder = launch.prepare_resume(outcome.record.run_id, "sft", workplace.settings)
    assert json.loads((folder / "spec.json").read_text())["resume"] is True
    again = launch.start(folder)
    assert again.status == "finished"
    steps = [row["step"] for row in read_metrics(folder).rows]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_exit_code_0_without_results_is_a_failure(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_MODE", "silent")
    outcome = workplace.run("sft")
    assert outcome.status == "failed"
    assert outcome.problem is not None
    assert "results.json" in outcome.problem


def test_a_worker_that_does_not_start_is_a_failure_with_its_exit_code(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "WORKER", (sys.executable, "-c", "raise SystemExit(9)"))
    outcome = workplace.run("sft")
    assert outcome.status == "failed"
    assert outcome.problem == "the worker ended with exit code 9 and left no result"
    assert outcome.record.state == "waiting"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_stops_the_worker_at_a_checkpoint_and_exits_130(
    workplace: Workplace, sent: signal.Signals
) -> None:
    process = workplace.command("run", "sft", "--steps", "1000", FAKE_STEP="0.02")
    folder = wait_for_folder(workplace)
    wait_for_step(folder, 2)
    process.send_signal(sent)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert out == ""
    assert "keeping a checkpoint" in err
    assert f"registry run sft --resume {folder.name}" in err
    assert "Traceback" not in err
    record = read_run(folder)
    assert record.state == "interrupted"
    assert (folder / "checkpoints" / "last.json").is_file()
    assert not lock.is_held(folder)


def test_no_wait_without_a_limit_can_keep_a_signal_from_being_heard(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        assert timeout is not None, "a signal just before the system call would not be heard"
        return waited(process, timeout)

    waited = subprocess.Popen.wait
    monkeypatch.setattr(launch.subprocess.Popen, "wait", endless)
    assert workplace.run("sft").status == "finished"


def test_a_signal_reaches_only_us_because_the_worker_has_a_session_of_its_own(
    workplace: Workplace,
) -> None:
    process = workplace.command("run", "sft", "--steps", "1000", FAKE_STEP="0.02")
    assert process.stderr is not None
    ready = next(line for line in process.stderr if line.startswith("worker ready"))
    worker = int(ready.split()[-1])
    try:
        assert os.getsid(worker) == worker
        assert os.getpgid(worker) != os.getpgid(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def started_on(folder: Path, worker: Path) -> subprocess.Popen[str]:
    """``launch.start`` in a process of its own, with ``worker`` as the worker."""
    driver = (
        "import sys; from pathlib import Path; from registry.runs import launch\n"
        "done = launch.start(Path(sys.argv[1]), worker=(sys.executable, sys.argv[2]))\n"
        "sys.exit(done.exit_code)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", driver, str(folder), str(worker)], stderr=subprocess.PIPE, text=True
    )


def test_a_worker_stopped_before_it_could_listen_is_interrupted_not_failed(
    workplace: Workplace, tmp_path: Path
) -> None:
    early = tmp_path / "early.py"
    early.write_text(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *a: sys.exit('an import that broke'))\n"
        "print('ready', file=sys.stderr, flush=True)\n"
        "time.sleep(30)\n"
    )
    plan = make_plan(Request("sft", {}, 0, "cpu"))
    process = started_on(launch.create_run(plan, workplace.settings), early)
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130


def test_a_third_signal_ends_a_worker_that_does_not_listen(
    workplace: Workplace, tmp_path: Path
) -> None:
    deaf = tmp_path / "deaf.py"
    deaf.write_text(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *a: print('heard', file=sys.stderr, flush=True))\n"
        "print('ready', file=sys.stderr, flush=True)\n"
        "while True: time.sleep(0.05)\n"
    )
    plan = make_plan(Request("sft", {}, 0, "cpu"))
    process = started_on(launch.create_run(plan, workplace.settings), deaf)
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() == "heard\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130


def test_two_processes_never_work_in_one_folder(workplace: Workplace) -> None:
    process = workplace.command("run", "sft", "--steps", "1000", FAKE_STEP="0.02")
    folder = wait_for_folder(workplace)
    wait_for_step(folder, 1)
    try:
        assert read_run(folder).state == "running"
        with pytest.raises(RunError, match="another process works in"):
            launch.start(folder)
        with pytest.raises(UsageError, match="is running now"):
            launch.prepare_resume(folder.name, "sft", workplace.settings)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def test_resuming_a_finished_run_or_one_of_another_method_is_refused(workplace: Workplace) -> None:
    record = workplace.run("sft").record
    with pytest.raises(UsageError, match="has finished"):
        launch.prepare_resume(record.run_id, "sft", workplace.settings)
    with pytest.raises(UsageError, match="is of sft, not of dpo"):
        launch.prepare_resume(record.run_id, "dpo", workplace.settings)


def test_latest_is_the_newest_run_of_the_method_that_did_not_finish(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="no run of sft"):
        launch.prepare_resume("latest", "sft", workplace.settings)
    monkeypatch.setenv("FAKE_MODE", "fail")
    failed = workplace.run("sft").record
    workplace.run("grpo")
    monkeypatch.setenv("FAKE_MODE", "finish")
    workplace.run("sft", seed=1)
    assert launch.prepare_resume("latest", "sft", workplace.settings) == failed.folder


def test_an_out_folder_that_holds_something_is_refused_and_untouched(
    workplace: Workplace, tmp_path: Path
) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("irreplaceable")
    plan = make_plan(Request("sft", {}, 0, "cpu"))
    with pytest.raises(UsageError, match="holds something already"):
        launch.create_run(plan, workplace.settings, out)
    assert [f.name for f in out.iterdir()] == ["thesis.txt"]


def test_a_run_in_a_folder_of_its_own_is_found_by_that_folder(
    workplace: Workplace, tmp_path: Path
) -> None:
    plan = make_plan(Request("sft", {"steps": 2}, 0, "cpu"))
    folder = launch.create_run(plan, workplace.settings, tmp_path / "mine")
    outcome = launch.start(folder)
    assert outcome.status == "finished"
    assert outcome.resume_command.endswith(str(tmp_path / "mine"))
    assert find_run(workplace.settings.runs_dir, str(tmp_path / "mine")).run_id != "mine"


def test_missing_torch_is_a_sentence_with_the_fix_and_no_folder(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "WORKER", (sys.executable, "-m", "methods.engine.worker"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    plan = make_plan(Request("sft", {}, 0, "cpu"))
    with pytest.raises(RunError, match=r"pip install 'posttrain-registry\[run\]'"):
        launch.create_run(plan, workplace.settings)
    assert workplace.folders() == []


def test_the_worker_sees_the_same_methods_and_an_offline_hub_where_we_are_offline(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_OFFLINE", "1")
    probe = tmp_path / "probe.py"
    probe.write_text(
        "import json, os, pathlib, sys, methods\n"
        "said = {'methods': methods.__file__, 'hub': os.environ.get('HF_HUB_OFFLINE')}\n"
        "pathlib.Path(sys.argv[1], 'said.json').write_text(json.dumps(said))\n"
    )
    monkeypatch.setattr(launch, "WORKER", (sys.executable, "-P", str(probe)))
    monkeypatch.chdir(tmp_path)
    folder = workplace.run("sft").record.folder
    said = json.loads((folder / "said.json").read_text())
    import methods

    assert said == {"methods": methods.__file__, "hub": "1"}


def test_a_full_disk_leaves_no_half_written_run(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: str) -> None:
        path.parent.mkdir(parents=True)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(launch, "write_atomic", full)
    with pytest.raises(OSError, match="No space left"):
        launch.create_run(make_plan(Request("sft", {}, 0, "cpu")), workplace.settings)
    assert list(workplace.settings.runs_dir.iterdir()) == []


def test_an_outcome_of_a_run_outside_the_runs_folder_names_its_path(workplace: Workplace) -> None:
    record = workplace.run("sft").record
    moved = replace(record, folder=record.folder.parent / "elsewhere")
    assert launch.Outcome(moved, "finished").resume_command.endswith("/elsewhere")


def test_one_process_is_the_worker_alone_and_several_have_a_launcher() -> None:
    assert launch.Processes().command() == launch.WORKER
    several = launch.Processes(4, 2, 1, "host:29500").command()
    assert several[: len(launch.LAUNCHER)] == launch.LAUNCHER
    assert several[len(launch.LAUNCHER) :] == (
        "--nproc", "4", "--nodes", "2", "--node-rank", "1", "--rendezvous", "host:29500",
    )  # fmt: skip


def test_another_machine_waits_for_the_run_and_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="storage that all machines share"):
        launch.await_run(tmp_path / "none", seconds=0.1)
    (tmp_path / "spec.json").write_text("{}")
    assert launch.await_run(tmp_path) == tmp_path

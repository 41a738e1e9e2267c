from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from registry.runs import launch, lock
from registry.runs.executors import local
from registry.runs.executors.job import Ended, Job
from registry.runs.executors.local import LocalQueue
from tests.runs.executors.jobs import run, statuses, waiting
from tests.runs.workplace import ROOT, Workplace, wait_for_step


def probing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that notes its environment and how many work beside it, then does as the fake."""
    probe = tmp_path / "probe.py"
    probe.write_text(
        "import json, os, pathlib, runpy, sys, time\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "at_work = folder.parent / 'at-work'\n"
        "at_work.mkdir(exist_ok=True)\n"
        "(at_work / folder.name).touch()\n"
        "time.sleep(0.2)\n"
        "names = ('CUDA_VISIBLE_DEVICES', 'OMP_NUM_THREADS')\n"
        "said = {name: os.environ.get(name) for name in names}\n"
        "said['beside'] = len(list(at_work.iterdir()))\n"
        "(folder / 'said.json').write_text(json.dumps(said))\n"
        "(at_work / folder.name).unlink()\n"
        f"runpy.run_path({str(ROOT / 'tests/runs/fake_worker.py')!r}, run_name='__main__')\n"
    )
    monkeypatch.setattr(launch, "WORKER", (sys.executable, str(probe)))


def noted(job: Job) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((job.folder / "said.json").read_text())
    return said


def test_the_queue_never_runs_more_than_its_workers(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probing(tmp_path, monkeypatch)
    jobs = waiting(workplace, 5)
    ended, _ = run(LocalQueue(tmp_path / "logs", "cpu", 2), jobs)
    assert statuses(ended) == ["finished"] * 5
    assert max(noted(job)["beside"] for job in jobs) == 2


def test_one_worker_on_a_cpu_keeps_every_core_and_two_share_them(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probing(tmp_path, monkeypatch)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(local.os, "cpu_count", lambda: 6)
    for workers, threads in ((None, None), (2, "3")):
        jobs = waiting(workplace, 1)
        run(LocalQueue(tmp_path / "logs", "cpu", workers), jobs)
        assert noted(jobs[0])["OMP_NUM_THREADS"] == threads
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    jobs = waiting(workplace, 1)
    run(LocalQueue(tmp_path / "logs", "cpu", 2), jobs)
    assert noted(jobs[0])["OMP_NUM_THREADS"] == "1"  # a person's own choice stands


@pytest.mark.parametrize(
    ("visible", "devices"),
    [(None, {"0", "1"}), ("2,5", {"2", "5"}), ("GPU-a, GPU-b", {"GPU-a", "GPU-b"})],
)
def test_on_cuda_each_run_sees_one_gpu_and_each_gpu_has_one_run(
    workplace: Workplace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    visible: str | None,
    devices: set[str],
) -> None:
    probing(tmp_path, monkeypatch)
    monkeypatch.setattr(local, "cuda_device_count", lambda: 2)
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    queue = LocalQueue(tmp_path / "logs", "cuda")
    assert queue.workers == 2
    jobs = waiting(workplace, 2)
    run(queue, jobs)
    assert {noted(job)["CUDA_VISIBLE_DEVICES"] for job in jobs} == devices


def test_more_workers_than_gpus_share_them_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "cuda_device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    queue = LocalQueue(Path("logs"), "cuda", 4)
    seen = [queue._environment(slot)["CUDA_VISIBLE_DEVICES"] for slot in range(4)]
    assert seen == ["0", "1", "0", "1"]


def test_what_a_worker_says_is_in_the_log_of_its_run(
    workplace: Workplace, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    jobs = waiting(workplace, 1)
    run(LocalQueue(tmp_path / "logs", "cpu"), jobs)
    log = (tmp_path / "logs" / f"{jobs[0].run_id}.log").read_text()
    assert "worker talks on stdout" in log
    assert capfd.readouterr() == ("", "")


def test_a_run_whose_launcher_is_killed_is_waited_for(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killer = tmp_path / "killer.py"
    killer.write_text(
        "import os, pathlib, runpy, signal, sys\n"
        "if not pathlib.Path(sys.argv[1], 'checkpoints').exists():\n"
        "    os.kill(os.getppid(), signal.SIGKILL)\n"
        f"runpy.run_path({str(ROOT / 'tests/runs/fake_worker.py')!r}, run_name='__main__')\n"
    )
    monkeypatch.setattr(launch, "WORKER", (sys.executable, str(killer)))
    monkeypatch.setenv("FAKE_STEP", "0.1")
    jobs = waiting(workplace, 1)
    ended, _ = run(LocalQueue(tmp_path / "logs", "cpu"), jobs)
    assert statuses(ended) == ["finished"]
    assert "resume" not in json.loads((jobs[0].folder / "spec.json").read_text())


def test_a_run_that_another_stops_is_taken_over_from_its_checkpoint(
    workplace: Workplace, tmp_path: Path
) -> None:
    process = workplace.command(
        "run", "sft", "--model", "tiny", "--steps", "1000", FAKE_STEP="0.02"
    )
    while not workplace.folders():
        time.sleep(0.02)
    folder = workplace.folders()[0]
    wait_for_step(folder, 2)
    spec = json.loads((folder / "spec.json").read_text())
    (folder / "spec.json").write_text(
        json.dumps({**spec, "config": {**spec["config"], "steps": 20}})
    )
    ended: list[Ended] = []

    def say(text: str) -> None:
        if "runs already, started elsewhere" in text:
            process.send_signal(signal.SIGINT)

    LocalQueue(tmp_path / "logs", "cpu").run([Job(folder, "sft", "mine")], ended.append, say)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert [one.status for one in ended] == ["finished"]
    assert json.loads((folder / "spec.json").read_text())["resume"] is True


@pytest.mark.parametrize("steps", [8, 30])  # the other ends before the loser has noticed, or after
def test_of_two_queues_on_one_run_the_second_waits_for_the_first(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    # Both look before either has begun: the lock decides, and the loser must not call it a failure.
    monkeypatch.setenv("FAKE_STEP", "0.1")
    (job,) = waiting(workplace, 1, steps=steps)
    looks = iter([False])
    held = lock.is_held
    monkeypatch.setattr(local.lock, "is_held", lambda folder: next(looks, held(folder)))
    other = workplace.command("run", "sft", "--resume", str(job.folder))
    wait_for_step(job.folder, 1)
    ended, _ = run(LocalQueue(tmp_path / "logs", "cpu"), [job])
    other.communicate(timeout=30)
    assert other.returncode == 0
    assert statuses(ended) == ["finished"]
    log = (tmp_path / "logs" / f"{job.run_id}.log").read_text()
    assert "worker ready" not in log


def test_a_third_signal_kills_what_does_not_listen(workplace: Workplace, tmp_path: Path) -> None:
    deaf = tmp_path / "deaf.py"
    deaf.write_text(
        "import pathlib, signal, sys, time\n"
        "heard = pathlib.Path(sys.argv[1], 'heard')\n"
        "for number in (signal.SIGINT, signal.SIGTERM):\n"
        "    signal.signal(number, lambda *a: heard.write_text(heard.read_text() + '.'))\n"
        "heard.write_text('')\n"
        "while True:\n"
        "    time.sleep(0.05)\n"
    )
    (job,) = waiting(workplace, 1)
    driver = (
        "import sys\n"
        "from pathlib import Path\n"
        "from registry.runs import launch\n"
        "from registry.runs.executors.job import Job\n"
        "from registry.runs.executors.local import LocalQueue\n"
        "launch.WORKER = (sys.executable, sys.argv[2])\n"
        "job = Job(Path(sys.argv[1]), 'sft', 'seed 0')\n"
        "LocalQueue(Path(sys.argv[3]), 'cpu').run([job], lambda e: print(e.status), lambda s: None)\n"
    )
    words = [sys.executable, "-c", driver, str(job.folder), str(deaf), str(tmp_path / "logs")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    heard = job.folder / "heard"
    for dots in range(3):
        end = time.monotonic() + 20
        while not heard.exists() or len(heard.read_text()) < dots:
            assert time.monotonic() < end
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert out == "interrupted\n"
    assert not lock.is_held(job.folder)

"""One run on two real processes (gloo): the same gradients, samples, checkpoints and ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from methods.engine import distributed
from methods.engine.launch import main as launch
from methods.engine.tiny import Recipe, untrained
from tests.engine.conftest import relative
from tests.engine.ranks import BUDGETS
from tests.engine.steps import FAMILIES
from tests.engine.test_worker import SMALL, prepare, results, wait_for_step

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def compute(out: Path, processes: int) -> dict[str, Any]:
    """``tests.engine.ranks`` on that many processes."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.engine.ranks", str(out)],
            env={
                **ENVIRONMENT, "RANK": str(rank), "WORLD_SIZE": str(processes),
                "REGISTRY_RENDEZVOUS": f"file://{out}/meet-{processes}",
            },
            stderr=subprocess.PIPE, text=True,
        )
        for rank in range(processes)
    ]  # fmt: skip
    for worker in workers:
        _, talk = worker.communicate(timeout=400)
        assert worker.returncode == 0, talk
    return torch.load(out / f"{processes}.pt", weights_only=False)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ranks")


@pytest.fixture(scope="module")
def one_and_two(out: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    return compute(out, 1), compute(out, 2)


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("family", FAMILIES)
def test_two_processes_have_the_gradient_of_one(one_and_two, family: str, budget: int) -> None:
    one, two = (found["gradients"][family, budget] for found in one_and_two)
    assert one.norm() > 0
    assert relative(one, two) < 1e-10


def test_two_processes_draw_and_score_what_one_does(one_and_two) -> None:
    one, two = one_and_two
    assert one["drawn"] == two["drawn"]
    for a, b in zip(one["logprobs"], two["logprobs"], strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_a_checkpoint_has_the_same_files_and_names_whatever_the_number_of_processes(
    one_and_two, out: Path, kind: str
) -> None:
    one, two = (out / f"{kind}-{n}" / "step-000004" for n in (1, 2))
    assert {f.name for f in one.iterdir()} == {f.name for f in two.iterdir()}
    for file in sorted(one.glob("*.safetensors")):
        a, b = load_file(file), load_file(two / file.name)
        assert a.keys() == b.keys()
        assert all(torch.allclose(a[k], b[k], rtol=0, atol=1e-5) for k in a)
        assert any(float(t.abs().max()) > 0 for t in a.values())


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_a_run_goes_on_with_another_number_of_processes(one_and_two, out: Path, kind: str) -> None:
    unbroken = out / f"{kind}-1-unbroken" / "step-000006"
    resumed = out / f"{kind}-2-resumed" / "step-000006"
    for file in sorted(unbroken.glob("*.safetensors")):
        a, b = load_file(file), load_file(resumed / file.name)
        assert all(torch.allclose(a[k], b[k], rtol=0, atol=2e-5) for k in a)
    before = load_file(next((out / f"{kind}-1" / "step-000004").glob("*model.safetensors")))
    after = load_file(next(unbroken.glob("*model.safetensors")))
    assert any(float((before[k] - after[k]).abs().max()) > 1e-3 for k in before)


START = """
import sys, time
from pathlib import Path
from methods.engine import distributed, tiny
from methods.engine.tasks import build_task
distributed.start("cpu")
if distributed.is_first():
    time.sleep(2)  # so that the other one asks before it
cache = Path(sys.argv[1])
task = build_task("chain-sum:digits=1", cache)
print(tiny.prepare(task, cache, tiny.Recipe(labels=8, steps=1, batch=2, layers=1, width=32)))
distributed.stop()
"""


def test_a_start_is_trained_and_kept_whichever_process_asks_for_it_first(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", START, str(tmp_path)],
            env={
                **ENVIRONMENT, "RANK": str(rank), "WORLD_SIZE": "2",
                "REGISTRY_RENDEZVOUS": f"file://{tmp_path}/meet",
            },
            stdout=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    said = [worker.communicate(timeout=120)[0].strip().splitlines()[-1] for worker in workers]
    assert said[0] == said[1]
    assert (Path(said[0]) / "model.safetensors").is_file()


# --- the launcher and the worker --------------------------------------------------------------


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start")
    untrained("0123456789+-=\n", Recipe(1, 1, 1, layers=2, width=32)).save(folder)
    return folder


def begin(folder: Path, processes: int = 2) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "methods.engine.launch", "--nproc", str(processes), str(folder)],
        stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip


def metrics(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, start: Path) -> Path:
    folder = prepare(tmp_path_factory.mktemp("runs") / "alone", start, steps=10, **SMALL)
    assert launch(["--nproc", "1", str(folder)]) == 0
    return folder


def assert_close(a: Path, b: Path) -> None:
    ours, theirs = metrics(a), metrics(b)
    assert [m["step"] for m in ours] == [m["step"] for m in theirs]
    for one, two in zip(ours, theirs, strict=True):
        assert two == pytest.approx(one, rel=1e-3, abs=1e-5)


def test_a_run_stopped_on_two_processes_ends_together_and_goes_on_with_one(
    alone: Path, start: Path, tmp_path: Path
) -> None:
    folder = prepare(tmp_path / "two", start, steps=10, **{**SMALL, "checkpoint_every": 100})
    launcher = begin(folder)
    wait_for_step(folder, 3, launcher)
    launcher.send_signal(signal.SIGTERM)
    _, talk = launcher.communicate(timeout=120)
    assert launcher.returncode == 130, talk
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["status"], manifest["processes"]) == ("interrupted", 2)
    assert len(metrics(folder)) == manifest["last_step"] >= 3
    assert launch(["--nproc", "1", str(folder)]) == 0
    assert_close(folder, alone)
    assert results(folder)["key"] == results(alone)["key"]


def test_a_worker_that_dies_takes_the_run_with_it_and_the_run_can_go_on(
    alone: Path, start: Path, tmp_path: Path
) -> None:
    folder = prepare(tmp_path / "dead", start, steps=10, **{**SMALL, "checkpoint_every": 2})
    launcher = begin(folder)
    wait_for_step(folder, 4, launcher)
    own = json.loads((folder / "manifest.json").read_text())["pid"]
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    (other,) = [int(child) for child in children if int(child) != own]
    os.kill(other, signal.SIGKILL)
    began = time.monotonic()
    launcher.communicate(timeout=120)
    assert launcher.returncode not in (0, 130)
    assert time.monotonic() - began < 60
    launcher = begin(folder)
    _, talk = launcher.communicate(timeout=200)
    assert launcher.returncode == 0, talk
    assert_close(folder, alone)


def test_shares_are_whole_and_come_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    for processes in (1, 2, 3, 5):
        monkeypatch.setattr(distributed, "size", lambda n=processes: n)
        shares = []
        for rank in range(processes):
            monkeypatch.setattr(distributed, "rank", lambda r=rank: r)
            shares.append(distributed.share(range(11)))
        assert distributed.unshare(shares) == list(range(11))


def test_torchrun_starts_the_same_worker(alone: Path, start: Path, tmp_path: Path) -> None:
    folder = prepare(tmp_path / "torchrun", start, steps=10, **SMALL)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         "-m", "methods.engine.worker", str(folder)],
        capture_output=True, text=True, env=ENVIRONMENT, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert_close(folder, alone)


def test_two_machines_meet_at_an_address(alone: Path, start: Path, tmp_path: Path) -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = prepare(tmp_path / "nodes", start, steps=10, **SMALL)
    words = ["--nproc", "1", "--nodes", "2", "--rendezvous", f"127.0.0.1:{port}", str(folder)]
    machines = [
        subprocess.Popen(
            [sys.executable, "-m", "methods.engine.launch", "--node-rank", str(n), *words],
            stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
        )
        for n in (0, 1)
    ]  # fmt: skip
    for machine in machines:
        _, talk = machine.communicate(timeout=200)
        assert machine.returncode == 0, talk
    assert_close(folder, alone)

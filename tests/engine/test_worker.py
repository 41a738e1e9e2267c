"""The worker as a process: finished, stopped, killed, resumed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from methods import index
from methods.engine.tiny import Recipe, untrained

STEPS = 14


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained model on disk; what it learns does not matter here."""
    folder = tmp_path_factory.mktemp("start")
    recipe = Recipe(labels=1, steps=1, batch=1, layers=2, width=32)
    untrained("0123456789+-=\n", recipe).save(folder)
    return folder


def prepare(folder: Path, start: Path, method: str = "grpo", **config: Any) -> Path:
    info = index.find(method)
    assert info is not None
    kind, _ = index.read_config(info)
    given = {
        "model": str(start), "task": "chain-sum:digits=1", "steps": STEPS, "checkpoint_every": 4,
        "learning_rate": 1e-3, **config,
    }  # fmt: skip
    if "task" not in kind.model_fields:
        del given["task"]
    folder.mkdir(parents=True, exist_ok=True)
    spec = {
        "schema": 1, "run_id": folder.name, "method": method, "paper": info.paper,
        "config": kind(**given).model_dump(), "provenance": {}, "seed": 3, "device": "cpu",
        "command": f"registry run {method}", "git": {"commit": None, "dirty": True},
        "cache_dir": str(folder / "cache"),
    }  # fmt: skip
    (folder / "spec.json").write_text(json.dumps(spec))
    return folder


def begin(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "methods.engine.worker", str(folder)],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def finish(folder: Path) -> int:
    worker = begin(folder)
    _, talk = worker.communicate(timeout=300)
    assert worker.returncode in (0, 1, 130), talk
    return worker.returncode


def wait_for_step(folder: Path, step: int, worker: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and worker.poll() is None:
        path = folder / "metrics.jsonl"
        if path.exists() and path.read_text().count("\n") >= step:
            return
        time.sleep(0.01)
    pytest.fail(f"step {step} was not reached: {worker.poll()}")


SMALL = {"prompts_per_step": 4, "group_size": 4, "pass_k": 2, "kl_beta": 0.04}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, start: Path) -> Path:
    folder = prepare(tmp_path_factory.mktemp("unbroken"), start, **SMALL)
    assert finish(folder) == 0
    return folder


def results(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "results.json").read_text())
    del found["train_seconds"]
    return found


def test_a_finished_run_leaves_everything_the_plan_names(unbroken: Path) -> None:
    manifest = json.loads((unbroken / "manifest.json").read_text())
    assert manifest["status"] == "finished" and manifest["last_step"] == STEPS
    assert manifest["model"]["parameters"] > 0 and manifest["data"]["train"] > 0
    assert manifest["peak_memory_bytes"] > 10**6 and "torch" in manifest["versions"]
    steps = [json.loads(line) for line in (unbroken / "metrics.jsonl").read_text().splitlines()]
    assert [s["step"] for s in steps] == list(range(1, STEPS + 1))
    assert all(s["sampler_gap"] < 1e-4 for s in steps)
    assert {p.name for p in (unbroken / "model").iterdir()} >= {
        "config.json", "model.safetensors", "tokenizer.json", "README.md",
    }  # fmt: skip
    assert results(unbroken)["key"] == "held_out_accuracy"
    assert (unbroken / "report.md").read_text().startswith("# grpo")


def test_the_same_seed_gives_the_same_metrics_to_the_last_bit(
    unbroken: Path, tmp_path: Path, start: Path
) -> None:
    again = prepare(tmp_path / "again", start, **SMALL)
    assert finish(again) == 0
    assert (again / "metrics.jsonl").read_bytes() == (unbroken / "metrics.jsonl").read_bytes()
    assert results(again) == results(unbroken)


def test_a_run_killed_again_and_again_ends_with_the_metrics_of_the_unbroken_run(
    unbroken: Path, tmp_path: Path, start: Path
) -> None:
    folder = prepare(tmp_path / "killed", start, **SMALL)
    draw = random.Random(0)
    for step in (1, 5, 9):
        worker = begin(folder)
        wait_for_step(folder, step, worker)
        time.sleep(draw.random() * 0.1)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert json.loads((folder / "manifest.json").read_text())["status"] == "running"
    assert finish(folder) == 0
    for name in ("metrics.jsonl", "samples.jsonl"):
        assert (folder / name).read_bytes() == (unbroken / name).read_bytes()
    assert results(folder) == results(unbroken)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_keeps_a_checkpoint_of_its_last_step_and_can_go_on(
    unbroken: Path, tmp_path: Path, start: Path, number: int
) -> None:
    folder = prepare(tmp_path / "stopped", start, **{**SMALL, "checkpoint_every": 1000})
    worker = begin(folder)
    wait_for_step(folder, 3, worker)
    worker.send_signal(number)
    worker.communicate(timeout=120)
    assert worker.returncode == 130
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["status"] == "interrupted"
    last = manifest["last_step"]
    assert [p.name for p in (folder / "checkpoints").iterdir()] == [f"step-{last:06d}"]
    assert finish(folder) == 0
    assert (folder / "metrics.jsonl").read_bytes() == (unbroken / "metrics.jsonl").read_bytes()


def test_a_run_does_not_go_on_with_another_model_than_it_began_with(
    tmp_path: Path, start: Path
) -> None:
    moved = tmp_path / "model"
    shutil.copytree(start, moved)
    folder = prepare(tmp_path / "other", moved, **SMALL)
    worker = begin(folder)
    wait_for_step(folder, 2, worker)
    worker.kill()
    worker.wait()
    untrained(
        "0123456789+-=\n", Recipe(labels=1, steps=1, batch=1, layers=2, width=32, seed=5)
    ).save(moved)
    assert finish(folder) == 1
    manifest = json.loads((folder / "manifest.json").read_text())
    assert "no longer the one this run began with" in manifest["error"]


def test_a_failing_run_says_why_in_its_manifest_and_shows_no_traceback(
    tmp_path: Path, start: Path
) -> None:
    folder = prepare(tmp_path / "bad", start, "sft", data=str(tmp_path / "none.jsonl"))
    worker = begin(folder)
    _, talk = worker.communicate(timeout=120)
    assert worker.returncode == 1 and "Traceback" not in talk
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["status"] == "failed" and "none.jsonl" in manifest["error"]

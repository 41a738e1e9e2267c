"""Workers to be stopped and killed: whole runs of each training method that take about a second.

A worker started from the command line imports torch for seconds. Here it is forked from a process
that has imported everything and computed nothing, so that many can be killed in a minute; what
runs in it is the worker's own ``main``. The nightly test starts them from the command line.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from methods import index
from methods.engine.tiny import Recipe, untrained
from tests.engine.test_worker import prepare

LOGS = ("metrics.jsonl", "samples.jsonl")
# Few rows a step: what is tested is the folder, not the learning.
OPTIONS: dict[str, dict[str, Any]] = {
    "sft": {"batch_size": 4, "demonstrations": 40},
    "dpo": {"batch_size": 4, "warmup_steps": 2},
    "grpo": {"prompts_per_step": 2, "group_size": 4, "pass_k": 2, "kl_beta": 0.04},
}
METHODS = tuple(OPTIONS)

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["methods.engine.worker", "methods.engine.tiny", "reasoning_gym"]
    + [info.module for info in index.METHODS]
)


def make_start(folder: Path) -> Path:
    """An untrained model of 2 layers in ``folder``, and pairs to prefer one from beside it."""
    recipe = Recipe(labels=1, steps=1, batch=1, layers=2, width=32)
    untrained("0123456789+-=\n", recipe).save(folder)
    pairs = [
        {"prompt": f"{a}+{b}=", "chosen": str(a + b), "rejected": str(a + b + 1)}
        for a in range(10)
        for b in range(5)
    ]
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, pairs)) + "\n")
    return folder


def make_run(folder: Path, start: Path, method: str, **options: Any) -> Path:
    """A run folder that waits for its worker: 1-digit sums, or the pairs for DPO."""
    given = {**OPTIONS[method], **options}
    if method == "dpo":
        given["data"] = str(start / "pairs.jsonl")
    given.setdefault("task", "chain-sum:digits=1,held_out=20")
    return prepare(folder, start, method, **given)


def fork(work: Callable[..., None], *args: Any) -> BaseProcess:
    """``work(*args)``, running in a process that has torch already; on one thread."""
    process = _FORKS.Process(target=_on_one_thread, args=(work, *args))
    process.start()
    return process


def _on_one_thread(work: Callable[..., None], *args: Any) -> None:
    import torch

    torch.set_num_threads(1)
    work(*args)


def begin(folder: Path, prelude: Callable[..., None] | None = None, *args: Any) -> BaseProcess:
    """The worker of ``folder``, running; ``prelude(folder, *args)`` is called in it before."""
    return fork(_work, folder, prelude, *args)


def finish(folder: Path, prelude: Callable[..., None] | None = None, *args: Any) -> int | None:
    """Exit code of the worker of ``folder``, negative where a signal killed it."""
    process = begin(folder, prelude, *args)
    process.join(timeout=240)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"the worker of {folder} did not end in 240 s")
    return process.exitcode


def _work(folder: Path, prelude: Callable[..., None] | None, *args: Any) -> None:
    talk = os.open(folder / "stderr.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(talk, 2)
    from methods.engine.worker import main

    if prelude is not None:
        prelude(folder, *args)
    sys.exit(main(folder))


def logs(folder: Path) -> dict[str, bytes]:
    """What must not depend on kills, byte for byte."""
    found = {name: (folder / name).read_bytes() for name in LOGS if (folder / name).exists()}
    results = json.loads((folder / "results.json").read_text())
    del results["train_seconds"]
    return {**found, "results.json": json.dumps(results).encode()}


def manifest(folder: Path) -> dict[str, Any]:
    """What the worker says of itself."""
    return json.loads((folder / "manifest.json").read_text())

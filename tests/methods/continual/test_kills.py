"""Whenever a stream is killed, the run that goes on ends as if nothing had happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from methods import index
from tests.engine.test_worker import prepare
from tests.faults import moments, workers

# Tasks open at steps 1, 4 and 7.
OPTIONS: dict[str, dict[str, Any]] = {
    "replay": {"share": 0.5},
    "ewc": {"fisher_rows": 4},
    "lwf": {},
    "a-gem": {"reference_rows": 3},
    "o-lora": {"rank": 2},
    "progressive-prompts": {"prompt_length": 3},
    "continual-pretraining": {
        # A start adapted at steps 1 to 3, then a chain whose domains open at 4 and 7.
        "domains": "networkx.generators;networkx.classes", "general": "networkx.readwrite",
        "train_chars": 600, "held_out_chars": 200, "window": 16, "share": 0.1, "steps": 6,
    },
}  # fmt: skip
SHARED: dict[str, Any] = {
    "task": "chain-sum:digits=1,held_out=20", "general": "chain-sum:digits=2,held_out=10",
    "later_tasks": "chain-sum:terms=3,held_out=10;chain-sum:operations=+-,held_out=10",
    "steps": 9, "batch_size": 4, "demonstrations": 30, "learning_rate": 0.01, "save_model": False,
}  # fmt: skip


def options_of(method: str) -> dict[str, Any]:
    """Those that all share, as far as the method has them, and its own."""
    info = index.find(method)
    assert info is not None
    fields = index.read_config(info)[0].model_fields
    return {k: v for k, v in SHARED.items() if k in fields} | OPTIONS[method]


# (file, n): before its n-th operation.
IN_THE_MIDDLE = ("metrics.jsonl", 5)  # of task 2
AT_THE_FIRST_STEP = ("metrics.jsonl", 7)  # task 3 is open and nothing is learned of it
IN_THE_LAST = ("metrics.jsonl", 9)
NEVER, LATE, EVERY = 1000, 5, 3  # steps between checkpoints


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained model on disk."""
    return workers.make_start(tmp_path_factory.mktemp("start"))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, start: Path) -> dict[str, dict[str, bytes]]:
    """The logs and results of each method's run that nothing happened to."""
    found = {}
    for method in OPTIONS:
        folder = prepare(tmp_path_factory.mktemp(method), start, method, **options_of(method))
        assert workers.finish(folder) == 0, (folder / "stderr.txt").read_text()
        found[method] = workers.logs(folder)
    return found


@pytest.mark.parametrize(
    ("method", "where", "checkpoint_every"),
    [
        *((method, AT_THE_FIRST_STEP, EVERY) for method in OPTIONS),
        *((method, IN_THE_LAST, LATE) for method in OPTIONS),
        ("o-lora", IN_THE_MIDDLE, NEVER),
        ("ewc", IN_THE_MIDDLE, EVERY),
        ("lwf", AT_THE_FIRST_STEP, NEVER),
        ("progressive-prompts", IN_THE_LAST, NEVER),
        ("o-lora", ("adapter-1.safetensors", 1), EVERY),
        ("ewc", ("anchor-1.safetensors", 1), LATE),
    ],
)
def test_a_stream_killed_in_a_task_ends_with_the_bytes_of_the_unbroken_one(
    method: str,
    where: tuple[str, int],
    checkpoint_every: int,
    start: Path,
    unbroken: dict[str, dict[str, bytes]],
    tmp_path: Path,
) -> None:
    options = {**options_of(method), "checkpoint_every": checkpoint_every}
    folder = prepare(tmp_path / "run", start, method, **options)
    assert workers.finish(folder, moments.die_at, *where) == -9
    assert (folder / "after-1.json").exists()
    assert not (folder / "results.json").exists()
    assert workers.finish(folder) == 0, (folder / "stderr.txt").read_text()
    assert workers.logs(folder) == unbroken[method]

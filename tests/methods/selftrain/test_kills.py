"""Whenever a run of rounds is killed, the run that goes on ends as if nothing had happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.test_worker import prepare
from tests.faults import moments, workers

# Rounds open at steps 1, 4 and 7.
OPTIONS: dict[str, dict[str, Any]] = {
    "star": {"reward": "random", "samples_per_prompt": 1},
    "rest-em": {"threshold": 0.0, "samples_per_prompt": 3},
    "raft": {"samples_per_prompt": 3},
    "spin": {"demonstrations": 12},
    "escaping-collapse": {"gamma": 0.2, "restart": True},
}
SHARED: dict[str, Any] = {
    "task": "chain-sum:digits=1,held_out=20", "steps": 9, "rounds": 3, "batch_size": 4,
    "prompts_per_round": 8, "pass_k": 2, "save_model": False,
}  # fmt: skip
# (file, n): before its n-th operation. Samples: of the start, then of each round.
IN_THE_MIDDLE = ("metrics.jsonl", 5)  # of round 2
AT_THE_FIRST_STEP = ("metrics.jsonl", 7)  # round 3 is written and nothing is learned of it
BETWEEN = ("samples.jsonl", 3)  # round 2 is kept, its samples are not logged yet
NEVER, LATE, EVERY = 1000, 5, 3  # steps between checkpoints


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained model on disk."""
    return workers.make_start(tmp_path_factory.mktemp("start"))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, start: Path) -> dict[str, dict[str, bytes]]:
    """The logs and results of each method's run that nothing happened to."""
    found = {}
    for method, options in OPTIONS.items():
        folder = prepare(tmp_path_factory.mktemp(method), start, method, **SHARED, **options)
        assert workers.finish(folder) == 0, (folder / "stderr.txt").read_text()
        found[method] = workers.logs(folder)
    return found


@pytest.mark.parametrize(
    ("method", "where", "checkpoint_every"),
    [
        *((method, IN_THE_MIDDLE, EVERY) for method in OPTIONS),
        *((method, AT_THE_FIRST_STEP, LATE) for method in OPTIONS),
        ("rest-em", BETWEEN, EVERY),
        ("rest-em", IN_THE_MIDDLE, NEVER),
        ("spin", AT_THE_FIRST_STEP, NEVER),
        ("spin", BETWEEN, LATE),
    ],
)
def test_a_run_killed_in_a_round_ends_with_the_bytes_of_the_unbroken_one(
    method: str,
    where: tuple[str, int],
    checkpoint_every: int,
    start: Path,
    unbroken: dict[str, dict[str, bytes]],
    tmp_path: Path,
) -> None:
    options = {**SHARED, **OPTIONS[method], "checkpoint_every": checkpoint_every}
    folder = prepare(tmp_path / "run", start, method, **options)
    assert workers.finish(folder, moments.die_at, *where) == -9
    assert (folder / "round-2.json").exists() and not (folder / "results.json").exists()
    assert workers.finish(folder) == 0, (folder / "stderr.txt").read_text()
    assert workers.logs(folder) == unbroken[method]

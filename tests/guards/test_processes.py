"""Every training method logs and measures on two processes what it does on one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.guards.small import each_training_method
from tests.guards.test_options import numbers


@pytest.fixture(scope="module")
def one_and_two(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    out = tmp_path_factory.mktemp("processes")
    return tuple(_played(out, count) for count in (1, 2))  # type: ignore[return-value]


def _played(out: Path, count: int) -> dict[str, Any]:
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.guards.processes", str(out)],
            env={
                **os.environ, "OMP_NUM_THREADS": "1", "RANK": str(rank), "WORLD_SIZE": str(count),
                "REGISTRY_RENDEZVOUS": f"file://{out}/meet-{count}",
            },
            stderr=subprocess.PIPE, text=True,
        )
        for rank in range(count)
    ]  # fmt: skip
    for worker in workers:
        _, talk = worker.communicate(timeout=600)
        assert worker.returncode == 0, talk[-3000:]
    return json.loads((out / f"{count}.json").read_text())


@each_training_method
def test_two_processes_log_and_measure_what_one_does(one_and_two, method: str) -> None:
    one, two = (found[method] for found in one_and_two)
    pairs = list(zip(numbers(one), numbers(two), strict=True))
    assert len(pairs) > 10
    for a, b in pairs:
        assert a == pytest.approx(b, rel=1e-5, abs=1e-6)

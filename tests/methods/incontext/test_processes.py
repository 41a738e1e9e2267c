"""Series are shared among processes, and the run they leave is that of one process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guards.test_options import left_behind
from tests.methods.incontext.ranks import METHODS


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("processes")
    for count in (1, 2):
        workers = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.methods.incontext.ranks", str(folder)],
                env={
                    **os.environ, "OMP_NUM_THREADS": "1", "RANK": str(rank),
                    "WORLD_SIZE": str(count), "REGISTRY_RENDEZVOUS": f"file://{folder}/m{count}",
                },
                stderr=subprocess.PIPE, text=True,
            )
            for rank in range(count)
        ]  # fmt: skip
        for worker in workers:
            _, talk = worker.communicate(timeout=600)
            assert worker.returncode == 0, talk[-3000:]
    return folder


@pytest.mark.parametrize("method", METHODS)
def test_two_processes_leave_the_numbers_of_one(out: Path, method: str) -> None:
    one, two = (left_behind(out / f"{method}-{count}") for count in (1, 2))
    assert one == two

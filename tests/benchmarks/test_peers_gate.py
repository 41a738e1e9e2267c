"""A step is timed and its memory counted from its own beginning, for either side alike."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from tests.benchmarks.peers.gate import Gate

gate = Gate("cpu")
size = 64 << 20
while gate.open():
    print("a library speaks")
    block = b"x" * size
    del block
    size = 1
    gate.close(7)
"""


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="the kernel offers no mark to reset"
)
def test_each_request_is_answered_with_its_own_time_tokens_and_peak():
    made = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input="step\nstep\n",
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    first, second = [json.loads(line) for line in made.stdout.splitlines()]
    assert first["tokens"] == second["tokens"] == 7
    assert first["seconds"] > 0 and first["cpu_seconds"] > 0
    assert first["peak_mib"] > first["before_mib"] + 60
    assert second["peak_mib"] < first["peak_mib"] - 50
    assert made.stderr.count("a library speaks") == 2

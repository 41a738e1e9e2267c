"""Where a side waits for its turn, and where its step is timed: the same code for both sides.

The parent writes one line to ask for one step; while it asks for none, the process sleeps.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch

_MIB = 1 << 20


class Gate:
    """Takes requests from stdin and answers on what was stdout; libraries print to stderr."""

    def __init__(self, device: str) -> None:
        self._cuda = torch.device(device).type == "cuda"
        self._answers = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)
        self._before = self._started = self._worked = 0.0

    def say(self, **facts: Any) -> None:
        """One answer to the parent."""
        self._answers.write(json.dumps(facts) + "\n")

    def open(self) -> bool:
        """Wait for a request; False where there will be none. Starts the clock."""
        if not sys.stdin.readline().strip():
            return False
        self._reset_peak()
        self._before = self._in_use()
        self._synchronise()
        self._worked = time.process_time()
        self._started = time.perf_counter()
        return True

    def close(self, tokens: int) -> None:
        """Stop the clock and answer. ``tokens``: the useful tokens of the step.

        ``cpu_seconds``, of all threads, shows where a busy neighbour stretched ``seconds``.
        """
        self._synchronise()
        seconds = time.perf_counter() - self._started
        worked = time.process_time() - self._worked
        self.say(
            seconds=seconds, cpu_seconds=worked, tokens=tokens,
            before_mib=self._before, peak_mib=self._peak(),
        )  # fmt: skip

    def _synchronise(self) -> None:
        if self._cuda:
            torch.cuda.synchronize()

    def _reset_peak(self) -> None:
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
        else:
            # The kernel then counts its high-water mark of resident memory from here on.
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")

    def _peak(self) -> float:
        return torch.cuda.max_memory_allocated() / _MIB if self._cuda else resident("VmHWM")

    def _in_use(self) -> float:
        return torch.cuda.memory_allocated() / _MIB if self._cuda else resident("VmRSS")


def resident(field: str) -> float:
    """A line of /proc/self/status in MiB: ``VmRSS`` is resident now, ``VmHWM`` at most."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/self/status names no {field}")

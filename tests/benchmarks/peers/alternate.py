"""Two processes that take turns, and the search for the best way of cutting each side's batch."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from registry.runs.launch import _environment
from tests.benchmarks.peers.setup import Spec


class SideFailed(Exception):
    """A side's process ended before its answer; the message is the end of what it printed."""


class Side:
    """One side's process. It sleeps between requests."""

    def __init__(self, spec: Spec, log: Path) -> None:
        self._log = log
        env = _environment(log.parent)
        env |= {
            "OMP_NUM_THREADS": str(spec.threads),
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
        with log.open("w") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.benchmarks.peers.child", spec.to_json()],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out, text=True, env=env,
            )  # fmt: skip
        self.facts: dict[str, Any] = {}

    def wait_until_ready(self) -> None:
        """Returns when the first step may be asked for; fills ``facts``."""
        while not self.facts.get("ready"):
            self.facts |= self._answer()

    def step(self) -> dict[str, float]:
        """One optimiser step: its seconds, useful tokens and peak memory."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("step\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the missing answer says it
        return self._answer()

    def stop(self) -> None:
        """End the process; it is killed where it does not end by itself."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            said = [s for s in self._log.read_text(errors="replace").splitlines() if s.strip()]
            raise SideFailed(said[-1] if said else f"exit code {self._process.returncode}")
        return json.loads(line)


@contextlib.contextmanager
def started(spec: Spec) -> Iterator[Side]:
    """A side, ready for its first step, and gone at the end."""
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        side = Side(replace(spec, scratch=folder), Path(folder) / "log")
        try:
            side.wait_until_ready()
            yield side
        finally:
            side.stop()


def search(
    spec: Spec,
    candidates: Sequence[dict[str, Any]],
    warm: int,
    timed: int,
    say: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Every candidate's tokens a second over ``timed`` steps after ``warm`` others, best first.

    A candidate that fails (a feature that this device lacks, too little memory) is kept with what
    it said, behind the others. Raises SideFailed where all fail.
    """
    tried = []
    for settings in candidates:
        entry: dict[str, Any] = {"settings": settings}
        try:
            with started(replace(spec, settings=settings)) as side:
                measured = [side.step() for _ in range(warm + timed)][warm:]
            seconds = sum(m["seconds"] for m in measured)
            entry["tokens_per_second"] = round(sum(m["tokens"] for m in measured) / seconds, 2)
            entry["peak_mib"] = round(max(m["peak_mib"] for m in measured), 1)
        except SideFailed as error:
            entry["failed"] = str(error)
        say(f"  {spec.side}: {entry}")
        tried.append(entry)
    tried.sort(key=lambda entry: -entry.get("tokens_per_second", 0.0))
    if "failed" in tried[0]:
        raise SideFailed(tried[0]["failed"])
    return tried


def alternate(
    ours: Spec, trl: Spec, alternations: int, gradients: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """``alternations`` steps of each side in turn, after one of each that warms it up.

    The warming step starts from the same weights on both sides; its gradients are left in
    ``gradients``, one file a side.
    """
    ours = replace(ours, gradient=str(gradients / "ours"))
    trl = replace(trl, gradient=str(gradients / "trl"))
    with started(ours) as a, started(trl) as b:
        if a.facts["fingerprint"] != b.facts["fingerprint"]:
            raise SideFailed(f"{ours.workload}: the sides were given different work")
        warm = {"ours": a.step(), "trl": b.step()}
        steps: dict[str, list[dict[str, float]]] = {"ours": [], "trl": []}
        for number in range(alternations):
            for name, side in (("ours", a), ("trl", b)):
                steps[name].append(side.step())
            pace = ", ".join(
                f"{n} {s[-1]['tokens'] / s[-1]['seconds']:.0f} tokens/s" for n, s in steps.items()
            )
            say(f"  {ours.workload} {number + 1}/{alternations}: {pace}")
        return {"workload": a.facts["workload"], "warm_up": warm, "steps": steps}


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0))

"""Several workers for one run: ``python -m methods.engine.launch --nproc 4 <run folder>``.

Each worker finds its place in RANK, LOCAL_RANK and WORLD_SIZE, as torchrun would set them, so that
torchrun can start them as well. This launcher adds what a run needs: a signal reaches every worker
once and they stop after the same step, without a time limit on their checkpoint; exit 130 says so;
and when one worker dies the others do not wait for it for ever. It imports no torch.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

WORKER = (sys.executable, "-P", "-m", "methods.engine.worker")
_PATIENCE = 10.0  # seconds that workers get to end by themselves after one has failed


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code of the run: 0 finished, 130 stopped, else the first failure's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nproc", type=int, required=True, help="workers on this machine")
    parser.add_argument("--nodes", type=int, default=1, help="machines of the run")
    parser.add_argument("--node-rank", type=int, default=0, help="which of them this is, from 0")
    parser.add_argument("--rendezvous", help="host:port of machine 0, where there are several")
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        # A file on this machine needs no free port.
        meeting = f"tcp://{asked.rendezvous}" if asked.nodes > 1 else f"file://{scratch}/meet"
        workers: list[subprocess.Popen[bytes]] = []
        with _passing_on(workers):
            for local in range(asked.nproc):
                place = {
                    "RANK": str(asked.node_rank * asked.nproc + local),
                    "LOCAL_RANK": str(local),
                    "WORLD_SIZE": str(asked.nodes * asked.nproc),
                    "REGISTRY_RENDEZVOUS": meeting,
                }
                threads = str(max(1, (os.cpu_count() or 1) // asked.nproc))
                env = {"OMP_NUM_THREADS": threads, **os.environ, **place}
                workers.append(
                    # Whatever lock the folder is held by, a worker holds for as long as it lives.
                    subprocess.Popen([*WORKER, str(asked.folder)], env=env, close_fds=False)
                )
            return _wait(workers)


def _wait(workers: Sequence[subprocess.Popen[bytes]]) -> int:
    parent, deadline = os.getppid(), None
    while any(w.poll() is None for w in workers):
        failed = any(w.poll() not in (None, 0, 130) for w in workers)
        if failed and deadline is None:
            deadline = time.monotonic() + _PATIENCE
        if deadline is not None and time.monotonic() > deadline:
            _send(workers, signal.SIGKILL)
        if os.getppid() != parent:  # whoever asked for the run is gone
            parent = os.getppid()
            _send(workers, signal.SIGTERM)
        time.sleep(0.05)
    codes = [w.returncode for w in workers]
    # A worker that was killed says more than those that then missed it.
    return next((c for c in sorted(codes) if c not in (0, 130)), 130 if 130 in codes else 0)


@contextlib.contextmanager
def _passing_on(workers: Sequence[subprocess.Popen[bytes]]):
    def take(number: int, frame: FrameType | None) -> None:
        _send(workers, number)

    before = {n: signal.signal(n, take) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _send(workers: Sequence[subprocess.Popen[bytes]], number: int) -> None:
    for worker in workers:
        with contextlib.suppress(ProcessLookupError):
            worker.send_signal(number)


if __name__ == "__main__":
    code = main()
    if code < 0:  # as a shell would see the worker's death
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    raise SystemExit(code)

"""A worker that logs to trackers, is killed and goes on; and a network that counts."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
SPEC = {
    "run_id": "dpo-20260102-030405-ab12", "method": "dpo", "paper": "2305.18290", "seed": 7,
    "device": "cpu", "config": {"beta": 0.1, "task": "chain-sum:digits=1"},
    "command": "registry run dpo --model private/secret",
}  # fmt: skip
RESULTS = {
    "key": "accuracy", "curves": [], "notes": [], "train_seconds": 4.5,
    "measures": [
        {"name": "accuracy", "before": 0.25, "after": 0.75, "after_interval": [0.5, 0.875]},
        {"name": "kl", "before": None, "after": 0.5, "after_interval": [0.25, 0.625]},
    ],
}  # fmt: skip

# One worker: cuts the record to `keep` steps as a resume does, logs, then ends or is killed.
PLAY = """
import json, os, resource, signal, sys, time
from pathlib import Path
from methods.engine.trackers import open_trackers
job = json.loads(sys.argv[1])
folder = Path(job["folder"])
record = folder / "metrics.jsonl"
kept = record.read_text().splitlines(True)[: job["keep"]] if record.exists() else []
record.write_text("".join(kept))
live = open_trackers(job["names"], folder, job["spec"])
if job["file_limit"]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (job["file_limit"],) * 2)
for step in range(job["keep"] + 1, job["last"] + 1):
    with record.open("a") as file:
        file.write(json.dumps({"step": step, "loss": job["loss"] / step, "accuracy": 0.5}) + "\\n")
    live.log(step, {"loss": job["loss"] / step, "accuracy": 0.5})
if job["kill"]:
    time.sleep(job["kill"])
    os.kill(os.getpid(), signal.SIGKILL)
live.results(job["results"])
live.close("finished")
live.log(99, {"loss": 0.0})
"""


def play(
    name: str, folder: Path, last: int, *, keep: int = 0, loss: float = 1.0, kill: float = 0,
    file_limit: int = 0, env: Mapping[str, str] | None = None, resume: bool = False,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    job = {
        "names": [name], "folder": str(folder), "spec": {**SPEC, "resume": resume}, "last": last,
        "keep": keep, "loss": loss, "kill": kill, "file_limit": file_limit, "results": RESULTS,
    }  # fmt: skip
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "TRACKIO_"))}
    return subprocess.run(
        [sys.executable, "-c", PLAY, json.dumps(job)], capture_output=True, text=True, cwd=ROOT,
        stdin=subprocess.DEVNULL, timeout=240, env={**clean, "REGISTRY_OFFLINE": "1", **(env or {})},
    )  # fmt: skip


@contextlib.contextmanager
def counted_network() -> Iterator[tuple[dict[str, str], list[str]]]:
    """A proxy that every request of a child must pass, and what it was asked for; it serves none."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            with contextlib.suppress(OSError):
                while True:
                    caller, _ = server.accept()
                    with caller:
                        asked.append(caller.recv(200).decode(errors="replace"))

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        env = {n: address for name in names for n in (name, name.lower())}
        yield {**env, "NO_PROXY": "", "no_proxy": "", "HF_HUB_OFFLINE": "0"}, asked
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)

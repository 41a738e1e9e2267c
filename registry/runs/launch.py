"""Starts a worker on a run folder, passes signals on to it, and says how it ended.

The worker is a process of its own in a session of its own: Ctrl-C reaches only us, and we pass it
on once; the worker then finishes its step, checkpoints and exits 130. A second signal goes to all
of its processes, a third kills them. Its stderr is ours, so that its progress is a terminal's where
ours is one; what it writes to stdout goes there too, because stdout is for data.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Literal

import methods
from registry.core.atomic import write_atomic
from registry.core.clock import now
from registry.core.errors import RunError, UsageError
from registry.core.settings import Settings
from registry.runs import lock
from registry.runs.code import git_state, run_sha256
from registry.runs.own_file import METHOD_COPY, typed_name
from registry.runs.plan import Plan, find_method
from registry.runs.records import RunRecord, find_run, list_runs, read_run

WORKER: tuple[str, ...] = (sys.executable, "-P", "-m", "methods.engine.worker")
"""The worker's command line; the run folder is its last argument. Tests put their own here."""

LAUNCHER: tuple[str, ...] = (sys.executable, "-P", "-m", "methods.engine.launch")
"""Starts several workers on one run folder."""

TRACKERS = ("tensorboard", "trackio", "wandb")
LATEST = "latest"
_LOOK = 0.05  # seconds between two looks at whether the worker has ended
_WAIT_FOR_RUN = 120.0  # seconds another machine gets to create the run
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass(frozen=True)
class Processes:
    """How many workers a run gets, on how many machines, and which of these this one is."""

    nproc: int = 1
    nodes: int = 1
    node_rank: int = 0
    rendezvous: str | None = None

    def check(self) -> None:
        """Raises UsageError where the numbers do not fit together."""
        if self.nproc < 1 or self.nodes < 1 or not 0 <= self.node_rank < self.nodes:
            raise UsageError(
                f"--nproc {self.nproc} --nodes {self.nodes} --node-rank {self.node_rank} is not "
                "allowed. Allowed: nproc and nodes of 1 or more, node-rank from 0 to nodes - 1"
            )
        host, _, port = (self.rendezvous or "").rpartition(":")
        if self.nodes > 1 and not (host and port.isdigit()):
            raise UsageError(
                f"--nodes {self.nodes} needs --rendezvous HOST:PORT of machine 0, a port that the "
                "others can reach"
            )

    def command(self) -> tuple[str, ...]:
        """What is started on the run folder."""
        if self.nproc * self.nodes == 1:
            return WORKER
        return (*LAUNCHER, *self.flags().split())

    def flags(self) -> str:
        """As they are typed, with a blank before; nothing for one process."""
        if self.nproc * self.nodes == 1:
            return ""
        words = f" --nproc {self.nproc}"
        if self.nodes > 1:
            words += f" --nodes {self.nodes} --node-rank {self.node_rank}"
            words += f" --rendezvous {self.rendezvous}"
        return words


@dataclass(frozen=True)
class Outcome:
    """How a run ended. ``exit_code`` is 0, 130 or 1; ``problem`` a sentence where it failed."""

    record: RunRecord
    status: Literal["finished", "interrupted", "failed"]
    problem: str | None = None

    @property
    def exit_code(self) -> int:
        """What the command line exits with."""
        return {"finished": 0, "interrupted": 130, "failed": 1}[self.status]

    @property
    def resume_command(self) -> str:
        """The command that goes on from the last checkpoint."""
        return f"registry run {typed_name(self.record)} --resume {_address(self.record)}"


def create_run(
    plan: Plan,
    settings: Settings,
    out: Path | None = None,
    log_to: str = "none",
    *,
    within: Path | None = None,
) -> Path:
    """A new run folder with its ``spec.json``, complete at the moment it appears.

    ``out`` is the folder itself; by default it is ``<runs folder>/<run id>``, or the run id below
    ``within``. A method that is a file of its own is copied into the folder. ``log_to`` names
    trackers, with commas between. Raises UsageError where ``out`` holds something already or a
    tracker is unknown or not installed, RunError where torch is missing.
    """
    require_packages()
    check_out(plan.method, out)
    check_trackers(log_to)
    run_id = f"{plan.method}-{now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    place = within or settings.runs_dir
    folder = (out.expanduser() if out else place / run_id).absolute()
    info = find_method(plan.source or plan.method)
    code = info.path.read_bytes() if info.is_file else b""
    spec = {
        "schema": 1,
        "run_id": run_id,
        **asdict(plan),
        "git": git_state(),
        "source": {"path": str(info.path), "sha256": hashlib.sha256(code).hexdigest()}
        if info.is_file
        else None,
        "code_sha256": run_sha256(info),
        "cache_dir": str(settings.cache_dir),
        "log_to": log_to,
    }
    if log_to != "none":
        spec["command"] = f"{plan.command} --log-to {log_to}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.new")
    try:
        if info.is_file:
            write_atomic(draft / METHOD_COPY, code.decode("utf-8"))
        write_atomic(draft / "spec.json", json.dumps(spec, indent=1, ensure_ascii=False) + "\n")
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return folder


def check_trackers(log_to: str) -> None:
    """Raises UsageError where ``log_to`` names a tracker that is unknown or not installed."""
    for name in (part.strip() for part in log_to.split(",")):
        if name not in ("none", *TRACKERS):
            raise UsageError(
                f"--log-to {log_to}: no tracker is called '{name}'. Allowed: none, or some of "
                f"{', '.join(TRACKERS)} with commas between"
            )
        if name != "none" and importlib.util.find_spec(name) is None:
            raise UsageError(
                f"--log-to {name} needs the package {name}, not installed here. "
                f"Install: pip install {name}"
            )


def check_out(method: str, out: Path | None) -> None:
    """Raises UsageError where the folder ``out`` holds something already."""
    if out is None:
        return
    folder = out.expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"--out {folder} holds something already. Allowed: a new or empty folder; to go on "
            f"with a run: registry run {method} --resume {folder}"
        )


def prepare_resume(name: str, method: str, settings: Settings, *, dry_run: bool = False) -> Path:
    """The folder of the run to go on with, its spec marked for it.

    ``name`` is a path, an id, its beginning, or ``latest``: the newest run of ``method`` that did
    not finish. Raises UsageError where the run finished, is damaged, or is of another method.
    """
    require_packages()
    record = _latest(method, settings) if name == LATEST else find_run(settings.runs_dir, name)
    if record.spec is None:
        raise RunError(f"run {record.folder} is damaged: {record.problem}", record.folder)
    if record.method != method:
        raise UsageError(
            f"run {record.run_id} is of {record.method}, not of {method}. "
            f"Say: registry run {record.method} --resume {_address(record)}"
        )
    if not record.can_resume:
        said = {"running": "is running now", "finished": "has finished: nothing to go on with"}
        raise UsageError(f"run {record.run_id} {said.get(record.state, 'is damaged')}")
    if dry_run:
        return record.folder
    path = record.folder / "spec.json"
    spec = json.loads(path.read_text(encoding="utf-8"))
    write_atomic(path, json.dumps({**spec, "resume": True}, indent=1, ensure_ascii=False) + "\n")
    return record.folder


def await_run(folder: Path, seconds: float = _WAIT_FOR_RUN) -> Path:
    """The run folder that machine 0 makes of ``--out``, once it is there.

    Raises RunError where it does not come.
    """
    folder = folder.expanduser().absolute()
    deadline = time.monotonic() + seconds
    while not (folder / "spec.json").is_file():
        if time.monotonic() > deadline:
            raise RunError(
                f"{folder} is not there after {seconds:.0f} s. It must lie on storage that all "
                "machines share, and machine 0 creates it: --node-rank 0 with the same --out",
                folder,
            )
        time.sleep(0.2)
    return folder


def start(
    folder: Path,
    say: Callable[[str], None] = lambda _: None,
    worker: Sequence[str] | None = None,
    processes: Processes | None = None,
) -> Outcome:
    """Run the worker on ``folder`` to its end; ``say`` takes sentences for the person.

    Raises RunError where another process works in the folder.
    """
    processes = processes or Processes()
    held = -1
    if processes.node_rank == 0:  # the others help with a run that is machine 0's
        taken = lock.take(folder)
        if taken is None:
            raise RunError(f"another process works in {folder}; wait for it, or stop it", folder)
        held = taken
    with _passing_on(say) as signals:
        try:
            process = subprocess.Popen(
                [*(worker or processes.command()), str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=2,
                start_new_session=True,
                pass_fds=(held,) if held >= 0 else (),
                env=_environment(folder),
            )
        finally:
            if held >= 0:
                os.close(held)  # the worker holds it now, and for as long as it lives
        signals.attach(process)
        code = _ended(process)
    return _outcome(read_run(folder), code, signals.asked > 0)


def _ended(process: subprocess.Popen[bytes]) -> int:
    """The exit code, once there is one."""
    # Never a wait without a limit: a signal that comes between Python's last look for one and the
    # system call would be heard only when that returns, which is when the worker has finished.
    while (code := process.poll()) is None:
        time.sleep(_LOOK)
    return code


def require_packages() -> None:
    """Raises RunError with the exact fix where what a worker needs is not installed."""
    if WORKER[-1] != "methods.engine.worker":
        return
    missing = [n for n in ("torch", "transformers") if importlib.util.find_spec(n) is None]
    if missing:
        raise RunError(
            f"running a method needs {' and '.join(missing)}, not installed here. "
            "Install: pip install 'posttrain-registry[run]'"
        )


class _Signals:
    """Counts the signals that reach us and hands them to the worker."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.asked = 0
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None

    def attach(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        if self.asked:  # it came while the worker was being started
            self._send(signal.SIGINT)

    def take(self, number: int, frame: FrameType | None) -> None:
        self.asked += 1
        if self.asked == 1:
            self._say("stopping after this step and keeping a checkpoint; again to stop at once")
        self._send(signal.Signals(number))

    def _send(self, number: signal.Signals) -> None:
        # A terminal that closed is a request to stop like any other.
        number = signal.SIGTERM if number.name == "SIGHUP" else number
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            if self.asked <= 1:
                os.kill(self._process.pid, number)
            else:
                os.killpg(self._process.pid, number if self.asked == 2 else signal.SIGKILL)


@contextlib.contextmanager
def _passing_on(say: Callable[[str], None]) -> Iterator[_Signals]:
    signals = _Signals(say)
    with handling_stops(signals.take):
        yield signals


@contextlib.contextmanager
def handling_stops(take: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Inside, ``take`` hears each request to stop: SIGINT, SIGTERM, a terminal that closed."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    # `nohup` ignores the hang-up on purpose.
    numbers = [n for n in numbers if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, take) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _outcome(record: RunRecord, code: int, asked: bool) -> Outcome:
    if code == 0 and record.state == "finished":
        return Outcome(record, "finished")
    # A worker that is stopped while it still imports cannot say so itself.
    if code == 130 or (asked and (code < 0 or record.state in ("waiting", "died"))):
        return Outcome(record, "interrupted")
    if code < 0:
        name = signal.Signals(-code).name
        memory = "; often the machine ran out of memory" if name == "SIGKILL" else ""
        problem = f"the worker was killed by {name}{memory}"
    elif record.manifest is not None and record.manifest.error:
        problem = record.manifest.error
    else:
        said = f": {record.problem}" if record.problem else ""
        problem = f"the worker ended with exit code {code} and left no result{said}"
    return Outcome(record, "failed", problem)


def _environment(folder: Path) -> dict[str, str]:
    env = dict(os.environ)
    # The worker must find the same `methods` that was planned with, installed or not.
    root = str(Path(methods.__file__).parent.parent)
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [root, env.get("PYTHONPATH")]))
    if env.get("REGISTRY_OFFLINE", "") not in ("", "0"):
        env.setdefault("HF_HUB_OFFLINE", "1")
    # Threads that wait in a loop for one another stand still when anything else takes a core: with
    # two threads and one other busy process a step took some fifty times as long.
    env.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if sys.platform == "linux":
        # glibc returns every large block to the system; training takes them again each step.
        env.setdefault("MALLOC_MMAP_MAX_", "0")
        env.setdefault("MALLOC_TRIM_THRESHOLD_", "100000000000")
    return env


def _latest(method: str, settings: Settings) -> RunRecord:
    runs = [r for r in list_runs(settings.runs_dir) if r.method == method and r.can_resume]
    if not runs:
        raise UsageError(
            f"no run of {method} in {settings.runs_dir} waits to be resumed. "
            "See: registry runs list"
        )
    return runs[0]


def _address(record: RunRecord) -> str:
    """The id where the folder carries it, else the folder: what --resume finds again."""
    return record.run_id if record.folder.name == record.run_id else str(record.folder)

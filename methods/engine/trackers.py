"""Experiment trackers that a run may also write to: TensorBoard, Trackio, Weights & Biases.

``metrics.jsonl`` is the record and is written without them. A tracker gets the same numbers beside
it; one that cannot be opened is refused before a model loads, one that fails later is named once
on stderr and dropped, and the run goes on. This module imports neither torch nor a tracker.

After a resume the tracker's run goes on under the same id, and each step stands there once. What
a kill took from a tracker is given to it again from the record:

- tensorboard: a new event file whose ``purge_step`` tells the reader to forget what was logged
  after the checkpoint; those steps are then logged again.
- wandb, online: a step cannot be taken back, so those that the server has are skipped (their values
  are the same where a resume is exact), and those it lacks are sent. Offline, a local folder that
  was not sent yet is written anew, whole: its last seconds do not survive ``kill -9``.
- trackio: as wandb online; the store says how far it is.

Final measures have no step to be purged by: killed between them and the end, a resumed run adds
them to tensorboard and trackio again, with the same values.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from methods.engine.errors import MethodError

PROJECT = "posttrain-registry"
Rows = list[tuple[int, dict[str, float]]]
_EXIT_CODES = {"finished": 0, "interrupted": 130}
# What wandb would gather unasked: host, user, git remote, installed packages, hardware, console.
_WANDB_SETTINGS: dict[str, Any] = {
    "console": "off",
    "disable_git": True,
    "host": "",
    "finish_timeout": 120.0,  # seconds; its own default waits for a lost network without end
    "save_code": False,
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
}


class Tracker(Protocol):
    """One tracker, opened for one run. Every method may raise anything its package raises."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Keep the numbers of one step."""

    def results(self, final: Mapping[str, float]) -> None:
        """Keep what the run found."""

    def close(self, status: str) -> None:
        """Write what is left; ``status`` is finished, interrupted or failed."""


class Trackers:
    """The trackers of one run. Nothing here raises: one that fails is dropped with a sentence."""

    def __init__(self, live: Mapping[str, Tracker]) -> None:
        self._live = dict(live)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """The numbers of ``step``, counted from 1."""
        self._each(lambda tracker: tracker.log(step, metrics))

    def results(self, results_json: Mapping[str, Any]) -> None:
        """The measures of ``results.json``, flat: see ``final_numbers``."""
        final = final_numbers(results_json)
        self._each(lambda tracker: tracker.results(final))

    def close(self, status: str) -> None:
        """End every tracker's run; ``status`` is finished, interrupted or failed.

        A second call does nothing. It may wait up to two minutes for a network.
        """
        self._each(lambda tracker: tracker.close(status))
        self._live.clear()

    def _each(self, act: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._live.items()):
            try:
                with _stdout_is_stderr():
                    act(tracker)
            except Exception as problem:
                del self._live[name]
                _warn(name, "failed and is left out from here on", problem)


def read_names(text: str) -> tuple[str, ...]:
    """The trackers that ``--log-to`` names: ``none``, or names with commas between.

    Raises MethodError for a name that is none of ours.
    """
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if names in ((), ("none",)):
        return ()
    for name in names:
        if name not in _OPENERS:
            raise MethodError(
                f"--log-to {text}: no tracker is called {name!r}. "
                f"Allowed: none, or some of {', '.join(_OPENERS)} with commas between"
            )
    return names


def require(names: Sequence[str]) -> None:
    """Raises MethodError with the command that installs it where a tracker's package is missing."""
    for name in names:
        # A folder `wandb` in the working directory passes for a package without an origin.
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise MethodError(
                f"--log-to {name} needs the package {name}, not installed here. "
                f"Install: pip install {name}"
            )


def open_trackers(names: Sequence[str], folder: Path, spec: Mapping[str, Any]) -> Trackers:
    """The trackers called ``names``, ready for the run of ``spec`` in ``folder``.

    To be called once the folder's logs are cut back to the checkpoint and before a model loads, on
    one process of a run. Without names it imports nothing. Raises MethodError where a package is
    missing, and, in a run that begins, where a tracker does not open. A resumed run goes on
    without it: what is trained already is worth more than its tracker.
    """
    require(names)
    rows = _rows(folder)
    live: dict[str, Tracker] = {}
    for name in names:
        try:
            with _stdout_is_stderr():
                live[name] = _OPENERS[name](folder.absolute(), spec, rows)
        except Exception as problem:
            if rows or spec.get("resume"):
                _warn(name, "did not open and is left out", problem)
                continue
            Trackers(live).close("failed")
            raise MethodError(
                f"--log-to {name} does not open: {_line(problem)}. {_REMEDIES.get(name, '')}"
                "Or start the run without it; its folder has every number."
            ) from problem
    return Trackers(live)


def final_numbers(results_json: Mapping[str, Any]) -> dict[str, float]:
    """``results.json`` as one flat mapping.

    ``final/<measure>`` with ``_low`` and ``_high`` of its 95 % interval, ``initial/<measure>``
    where there was one before, and ``final/train_seconds``.
    """
    numbers: dict[str, float] = {}
    for measure in results_json["measures"]:
        name = measure["name"]
        if measure["before"] is not None:
            numbers[f"initial/{name}"] = measure["before"]
        low, high = measure["after_interval"]
        final = {"": measure["after"], "_low": low, "_high": high}
        numbers.update({f"final/{name}{end}": value for end, value in final.items()})
    return {**numbers, "final/train_seconds": results_json["train_seconds"]}


class _TensorBoard:
    def __init__(self, folder: Path, spec: Mapping[str, Any], rows: Rows) -> None:
        from torch.utils.tensorboard import SummaryWriter

        here = folder / "tensorboard"
        before = any(here.glob("events.*"))
        self._last = _last(rows)
        self._writer = SummaryWriter(str(here), purge_step=self._last + 1 if before else None)
        if not before:
            text = json.dumps(_facts(spec), indent=2, ensure_ascii=False)
            self._writer.add_text("run", "\n".join(f"    {row}" for row in text.splitlines()), 0)
        self._writer.flush()
        _say(f"tensorboard: tensorboard --logdir {here}")

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)
        # Unflushed steps before a checkpoint would be lost to kill -9, and never logged again.
        self._writer.flush()
        self._last = step

    def results(self, final: Mapping[str, float]) -> None:
        self.log(self._last, final)

    def close(self, status: str) -> None:
        self._writer.add_text("status", status, self._last)
        self._writer.close()


class _Wandb:
    def __init__(self, folder: Path, spec: Mapping[str, Any], rows: Rows) -> None:
        # Read when its service starts: its own error reports are sent only where asked for.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        wandb = importlib.import_module("wandb")
        settings = {
            name: value
            for name, value in _WANDB_SETTINGS.items()
            if _wandb_variable(name) not in os.environ and name in wandb.Settings.model_fields
        }
        offline = _offline() or os.environ.get("WANDB_MODE") == "offline"
        if offline:
            for old in (folder / "wandb").glob(f"offline-run-*-{spec['run_id']}"):
                if not any(old.glob("*.synced")):
                    shutil.rmtree(old)
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or PROJECT,
            id=spec["run_id"],
            name=spec["run_id"],
            group=spec["method"],
            resume="allow",
            mode="offline" if offline else None,
            dir=str(folder),
            config=_facts(spec),
            settings=wandb.Settings(silent=offline, quiet=True, **settings),
        )
        self._first = self._run.step if self._run.resumed else 1
        for step, metrics in rows:
            self.log(step, metrics)
        if offline:
            _say(f"wandb: offline in {folder / 'wandb'}; to send it: wandb sync --help")
        else:
            _say(f"wandb: {self._run.url}")

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        if step >= self._first:
            self._run.log(dict(metrics), step=step)

    def results(self, final: Mapping[str, float]) -> None:
        self._run.summary.update(dict(final))

    def close(self, status: str) -> None:
        self._run.summary.update({"status": status})
        self._run.finish(exit_code=_EXIT_CODES.get(status, 1))


class _Trackio:
    def __init__(self, folder: Path, spec: Mapping[str, Any], rows: Rows) -> None:
        remote = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL")
        if _offline():
            for name in remote:
                os.environ.pop(name, None)
        # It reads where to write when it is imported.
        os.environ.setdefault("TRACKIO_DIR", str(folder / "trackio"))
        local = not any(os.environ.get(name) for name in remote)
        alone = _no_hub() if local else contextlib.nullcontext()
        with contextlib.redirect_stdout(io.StringIO()), alone:
            self._package = importlib.import_module("trackio")
            self._run = self._package.init(
                project=PROJECT,
                name=spec["run_id"],
                group=spec["method"],
                config=_facts(spec),
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        # Not public. Were it gone, steps would be missing or stand there twice: better not to open.
        self._first, self._last = int(self._run._next_step), _last(rows)
        for step, metrics in rows:
            self.log(step, metrics)
        here = os.environ["TRACKIO_DIR"]
        _say(f"trackio: TRACKIO_DIR={here} trackio show" if local else "trackio: remote, as set")

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self._last = step
        if step >= self._first:
            self._run.log(dict(metrics), step=step)

    def results(self, final: Mapping[str, float]) -> None:
        self._run.log(dict(final), step=self._last)

    def close(self, status: str) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            self._package.finish()  # the run's own would be done again at exit


_OPENERS: dict[str, Callable[[Path, Mapping[str, Any], Rows], Tracker]] = {
    "tensorboard": _TensorBoard,
    "trackio": _Trackio,
    "wandb": _Wandb,
}
NAMES = tuple(_OPENERS)
_REMEDIES = {
    "wandb": "Log in (wandb login, or WANDB_API_KEY), or keep it here with WANDB_MODE=offline. ",
    "trackio": "Unset TRACKIO_SPACE_ID and TRACKIO_SERVER_URL to keep it here. ",
}


def _facts(spec: Mapping[str, Any]) -> dict[str, Any]:
    named = {name: spec.get(name) for name in ("run_id", "method", "paper", "seed", "device")}
    return {**named, "config": dict(spec["config"])}


def _rows(folder: Path) -> Rows:
    """The steps of the record, each with its numbers and its speed: what ``log`` was given."""
    speeds = {row["step"]: row["tokens_per_second"] for row in _lines(folder / "timing.jsonl")}
    rows = []
    for metrics in _lines(folder / "metrics.jsonl"):
        step = int(metrics.pop("step"))
        speed = {"tokens_per_second": speeds[step]} if step in speeds else {}
        rows.append((step, {**metrics, **speed}))
    return rows


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(row) for row in path.read_text().splitlines()] if path.is_file() else []


def _last(rows: Rows) -> int:
    return rows[-1][0] if rows else 0


def _wandb_variable(setting: str) -> str:
    """The environment variable that wandb reads ``setting`` from; where it is set, it rules."""
    return f"WANDB_{setting[1:] if setting.startswith('x_') else setting}".upper()


def _offline() -> bool:
    return os.environ.get("REGISTRY_OFFLINE", "") not in ("", "0")


@contextlib.contextmanager
def _no_hub() -> Iterator[None]:
    """Keep a local Trackio from asking the Hub whose token this machine holds."""
    constants = importlib.import_module("huggingface_hub.constants")
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _stdout_is_stderr() -> contextlib.AbstractContextManager[Any]:
    return contextlib.redirect_stdout(sys.stderr)


def _line(problem: Exception) -> str:
    text = " ".join(str(problem).split()) or type(problem).__name__
    return text.rstrip(".")[:300]


def _warn(name: str, what: str, problem: Exception) -> None:
    _say(f"--log-to {name} {what}: {_line(problem)}. metrics.jsonl has every step")


def _say(text: str) -> None:
    print(text, file=sys.stderr)

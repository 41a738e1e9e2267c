"""A run as its method sees it: the folder, the steps, the numbers that must survive a kill.

``metrics.jsonl`` holds only what the seed determines; clock times go to ``timing.jsonl``. On resume
both are cut back to the checkpoint, so the file ends equal to that of a run never stopped (on the
same machine, on a CPU, with as many threads).
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from methods.engine import adapter, checkpoint, distributed
from methods.engine.errors import MethodError
from methods.engine.files import write_json, writing
from methods.engine.load import load
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import ModelChoice, TrainingOptions
from methods.engine.progress import Stage, note, stage
from methods.engine.results import Results
from methods.engine.tasks import build_task
from methods.engine.tasks.task import Task
from methods.engine.trackers import open_trackers, read_names, require

_LOGS = ("metrics.jsonl", "timing.jsonl", "samples.jsonl")


class Stopped(BaseException):
    """The person or the system asked the run to stop; what could be kept is kept."""


class Run:
    """One run of one method in one folder."""

    def __init__(self, folder: Path, spec: dict[str, Any]) -> None:
        self.folder, self.spec = folder, spec
        self.seed, self.device = int(spec["seed"]), str(spec["device"])
        self.cache_dir = Path(spec["cache_dir"])
        self.facts: dict[str, Any] = {"model": None, "data": None, "last_step": 0, "steps": 0}
        self.train_seconds = 0.0
        self._stop = False
        self._parent = os.getppid()
        self._logged: dict[str, Any] | None = None
        self._resumed = checkpoint.latest(folder / "checkpoints")
        if distributed.is_first():
            self._cut_logs(self._resumed.state["log_bytes"] if self._resumed else self._kept_logs())
        trackers = read_names(spec.get("log_to", "none"))
        require(trackers)  # every process refuses, not the first alone
        self._trackers = open_trackers(trackers if distributed.is_first() else (), folder, spec)
        if self._resumed:
            self.train_seconds = float(self._resumed.state["train_seconds"])
        torch.manual_seed(self.seed)

    # --- what a method asks for -----------------------------------------------------------------

    def task(self, name: str) -> Task:
        """The built-in task called ``name``; the manifest records its fingerprint."""
        task = build_task(name, self.cache_dir)
        self.data(task.name, task.fingerprint, len(task.train), len(task.held_out))
        return task

    def data(
        self,
        name: str,
        fingerprint: str,
        train: int,
        held_out: int,
        skipped: int = 0,
        reasons: Sequence[str] = (),
    ) -> None:
        """Record which data the run reads, and how many bad rows were left out, the first why."""
        self.facts["data"] = {
            "name": name, "fingerprint": fingerprint, "train": train, "held_out": held_out,
            "skipped": skipped, "skipped_reasons": list(reasons),
        }  # fmt: skip

    def policy(self, options: ModelChoice, task: Task | None) -> LanguageModel:
        """The model to train or to sample from; the manifest records where it came from."""
        model = load(
            options.model,
            task=task,
            cache_dir=self.cache_dir,
            device=self.device,
            precision=options.precision,
            check=self._check_start,
        )
        model.sample_batch = options.sample_batch
        is_folder = Path(options.model).is_dir()
        name, _, revision = (options.model, "", "") if is_folder else options.model.partition("@")
        self.facts["model"] = {
            "name": name,
            "source": model.source,
            "revision": revision or None,
            "parameters": model.parameter_count(),
            "fingerprint": model.fingerprint(),
        }
        if isinstance(options, TrainingOptions):
            if options.lora:
                adapter.add(model, options.lora, self.seed)
            if options.activation_checkpointing:
                model.checkpoint_activations()
            if options.compile_layers:
                model.compile_layers()
            self.facts["model"]["trained"] = model.parameter_count(trained=True)
        return model

    def second_model(
        self, role: str, name: str, options: ModelChoice, task: Task | None
    ) -> LanguageModel:
        """A model that is read and never trained, such as a teacher; the manifest records it.

        It computes as ``options`` say of the policy. ``role`` is its name in the manifest.
        """
        model = load(
            name,
            task=task,
            cache_dir=self.cache_dir,
            device=self.device,
            precision=options.precision,
            check=self._check_start,
        )
        model.module.requires_grad_(False)
        model.sample_batch = options.sample_batch
        self.facts[role] = {
            "name": name, "source": model.source, "fingerprint": model.fingerprint(),
        }  # fmt: skip
        return model

    def generator(self, *purpose: str | int) -> torch.Generator:
        """A generator that follows from the run's seed and ``purpose``: resume needs no state."""
        digest = hashlib.sha256(repr((self.seed, *purpose)).encode()).digest()
        device = "cpu" if self.device == "cpu" else self.device
        return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big") >> 1)

    def once(self, name: str, compute: Callable[[], Any]) -> Any:
        """``compute()`` (plain JSON), kept in the folder: a resumed run reads it back.

        Raises MethodError where what was kept is of another model or other data.
        """
        path = self.folder / f"{name}.json"
        # One answer for all: another process may have written the file in between.
        kept = distributed.of_first(json.loads(path.read_text()) if path.is_file() else None)
        if kept is not None:
            self._require_origin(kept["origin"])
            return kept["value"]
        value = compute()
        if distributed.is_first():
            # Behind a step there is nothing to go back to but a checkpoint, which has its own.
            sizes = {} if self.facts["last_step"] else self._log_bytes()
            kept = {"origin": self._origin(), "log_bytes": sizes, "value": value}
            write_json(path, kept)
        return value

    def stage(self, title: str, total: int):
        """A progress stage outside the steps."""
        return stage(title, total)

    def check(self) -> None:
        """Raise Stopped where a stop was asked for; long stages call it between batches.

        Of several processes none may leave alone: they stop after a step, together.
        """
        if distributed.size() == 1:
            self._check_start()

    def _check_start(self) -> None:
        if self._stopping():
            raise Stopped

    def steps(
        self, policy: LanguageModel, optimiser: Optimiser, config: TrainingOptions
    ) -> Iterator[int]:
        """Step numbers from 1 (or from where a checkpoint ended), each to be closed by ``log``.

        After each step it checkpoints where one is due and stops where that was asked for.
        """
        first = 1
        if self._resumed:
            self._require_origin(self._resumed.state["origin"])
            checkpoint.restore(self._resumed, policy, optimiser)
            first = self._resumed.step + 1
        self.facts.update(steps=config.steps, last_step=first - 1)
        with stage("step", config.steps, start=first - 1) as bar:
            for step in range(first, config.steps + 1):
                started = time.perf_counter()
                yield step
                self._close(step, time.perf_counter() - started, bar)
                stopping = distributed.any_of(self._stopping())
                due = step % config.checkpoint_every == 0
                if stopping or due:
                    self._checkpoint(step, policy, optimiser, config)
                if stopping:
                    raise Stopped

    def log(self, step: int, tokens: int, **metrics: float) -> None:
        """The numbers of one step; ``tokens`` is how many it processed, for the speed."""
        self._logged = {"step": step, "tokens": tokens, **metrics}

    def samples(self, step: int | str, rows: Sequence[tuple[str, str, float | None]]) -> None:
        """Keep a few (prompt, completion, reward) for a reader."""
        lines = [{"step": step, "prompt": p, "completion": c, "reward": r} for p, c, r in rows]
        self._append("samples.jsonl", lines)

    def finish(self, results: Results, policy: LanguageModel | None = None) -> None:
        """Write ``results.json`` and, where given, the final model with its card."""
        from methods.engine import report

        weights = None if policy is None else policy.weights()
        if not distributed.is_first():
            return
        data = results.to_json(self.train_seconds)
        write_json(self.folder / "results.json", data)
        self._trackers.results(data)
        (self.folder / "report.md").write_text(report.text(self.spec, self.facts, data))
        if policy is not None and weights is not None:
            policy.write(self.folder / "model", weights)
            (self.folder / "model" / "README.md").write_text(report.card(self.spec, self.facts))

    # --- what the worker asks for ---------------------------------------------------------------

    def listen(self) -> None:
        """From now on SIGINT and SIGTERM ask for a stop after the current step; twice, at once."""

        def ask(number: int, frame: object) -> None:
            if self._stop:
                signal.signal(number, signal.SIG_DFL)
                raise Stopped
            self._stop = True

        signal.signal(signal.SIGINT, ask)
        signal.signal(signal.SIGTERM, ask)

    def close(self, status: str) -> None:
        """The run has ended as ``status`` says: finished, interrupted or failed."""
        self._trackers.close(status)

    def peak_memory(self) -> int:
        """Peak bytes of this process: of the GPU's allocator on CUDA, of its memory elsewhere."""
        if self.device.startswith("cuda"):
            return torch.cuda.max_memory_allocated()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    # --- keeping --------------------------------------------------------------------------------

    def _stopping(self) -> bool:
        """Whether a stop was asked for, or whoever started the run is gone."""
        return self._stop or os.getppid() != self._parent

    def _close(self, step: int, seconds: float, bar: Stage) -> None:
        if self._logged is None or self._logged["step"] != step:
            raise MethodError(f"the method logged nothing for step {step}")
        metrics = {k: v for k, v in self._logged.items() if k != "tokens"}
        tokens = self._logged["tokens"]
        self.train_seconds += seconds
        self._append("metrics.jsonl", [metrics])
        speed = round(tokens / seconds, 1)
        timing = {"step": step, "seconds": round(seconds, 4), "tokens": tokens}
        self._append("timing.jsonl", [{**timing, "tokens_per_second": speed}])
        self.facts["last_step"] = step
        numbers = {k: v for k, v in metrics.items() if k != "step"}
        self._trackers.log(step, {**numbers, "tokens_per_second": speed})
        bar.advance(1, note(metrics), speed)

    def _checkpoint(
        self, step: int, policy: LanguageModel, optimiser: Optimiser, config: TrainingOptions
    ) -> None:
        state = {
            "origin": self._origin(),
            "log_bytes": self._log_bytes(),
            "train_seconds": self.train_seconds,
        }
        checkpoint.save(self.folder / "checkpoints", step, policy, optimiser, state, config.keep)

    def _append(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        if not distributed.is_first():
            return
        path = self.folder / name
        with writing(path), path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)

    def _origin(self) -> list[str | None]:
        """Fingerprints of the model and the data that this run began with."""
        model, data = self.facts["model"] or {}, self.facts["data"] or {}
        return [model.get("fingerprint"), data.get("fingerprint")]

    def _require_origin(self, origin: list[str | None]) -> None:
        if origin != self._origin():
            raise MethodError(
                "the model or the data is no longer the one this run began with, so it cannot go "
                "on; put that back, or start a new run"
            )

    def _log_bytes(self) -> dict[str, int]:
        return {n: (self.folder / n).stat().st_size for n in _LOGS if (self.folder / n).exists()}

    def _kept_logs(self) -> dict[str, int]:
        """Without a checkpoint: what was logged when the last value was kept by ``once``."""
        sizes: dict[str, int] = {}
        for path in self.folder.glob("*.json"):
            kept = json.loads(path.read_text())
            for name, size in (kept.get("log_bytes") or {}).items():
                sizes[name] = max(size, sizes.get(name, 0))
        return sizes

    def _cut_logs(self, sizes: dict[str, int]) -> None:
        for name in _LOGS:
            path = self.folder / name
            if path.exists():
                os.truncate(path, min(sizes.get(name, 0), path.stat().st_size))

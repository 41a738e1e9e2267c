"""Holds ``registry plan`` against what runs show: peak memory, seconds of a step, seconds in all.

    python -m tests.benchmarks.plan_accuracy [--only sft-tiny ...] [--repeat N] [--clock processor]

Each case is an ordinary run of a few steps on the CPU in a folder of its own. Seen are the
manifest's ``peak_memory_bytes`` and ``seconds``, and the median step of ``timing.jsonl`` without the
first, which also makes room; of several repeats the fastest counts, since a neighbour can only slow
one down. On a busy machine ``--clock processor`` times with the main thread's processor time, which
is an idle machine's wall time. Writes ``results/plan.json`` with the machine's load, and exits 1
where memory or a step is more than ``WITHIN`` off. About three minutes on two idle cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from registry.core.settings import Settings
from registry.runs import launch
from registry.runs.estimate import Estimate, estimate
from registry.runs.plan import Plan, Request, make_plan
from tests.benchmarks.startup import processor

RESULTS = Path(__file__).with_name("results") / "plan.json"
WITHIN = 0.25  # of what is seen

_SUMS = "chain-sum:digits=2,held_out=100"
_SHOTS = "chain-sum:operations=+-,shots=3"
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "sft-tiny": ("sft", {"model": "tiny", "task": _SUMS, "steps": 40}),
    "dpo-tiny": ("dpo", {"model": "tiny", "steps": 12, "prompts": 100, "held_out_prompts": 50}),
    "grpo-tiny": ("grpo", {"model": "tiny", "task": _SUMS, "steps": 8}),
    "sft-smollm2": ("sft", {"model": "smollm2-135m", "task": _SHOTS, "steps": 5}),
    "sft-smollm2-float32": (
        "sft", {"model": "smollm2-135m", "task": _SHOTS, "steps": 5, "precision": "float32"},
    ),
    "sft-smollm2-lora": (
        "sft", {"model": "smollm2-135m", "task": _SHOTS, "steps": 5, "lora": "r=16"},
    ),
    "dpo-smollm2": (
        "dpo", {"model": "smollm2-135m", "steps": 5, "prompts": 24, "held_out_prompts": 16},
    ),
    "grpo-smollm2": ("grpo", {"model": "smollm2-135m", "task": _SHOTS, "steps": 4, "pass_k": 2}),
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="*", choices=list(CASES), default=None)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        return work(given.worker)
    old = json.loads(given.out.read_text()) if given.out.is_file() and given.only else {}
    cases: dict[str, Any] = old.get("cases", {})
    for name in given.only or CASES:
        cases[name] = compared(name, given.repeat, given.clock)
        print(line(name, cases[name]), flush=True)
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(report(cases), indent=1) + "\n")
    return 0 if all(within(case) for case in cases.values()) else 1


def compared(name: str, repeat: int, clock: str) -> dict[str, Any]:
    """Prediction, what ``repeat`` runs showed, and the ratios of the first to the second."""
    method, options = CASES[name]
    plan = make_plan(Request(method, options, device="cpu"))
    settings = Settings.load()
    guess = estimate(plan, settings.cache_dir)
    seen = [observed(plan, settings, clock) for _ in range(repeat)]
    best = {key: min(one[key] for one in seen) for key in seen[0]}
    predicted = {"peak_bytes": guess.peak, "step_seconds": guess.step, "seconds": guess.total}
    return {
        "command": plan.command,
        "clock": clock,
        "load": [round(value, 2) for value in os.getloadavg()],
        "predicted": {key: _rounded(value) for key, value in predicted.items()},
        "seen": best,
        "ratio": {key: round((predicted[key] or 0) / best[key], 3) for key in best},
        "memory": _largest(guess),
        "peak_when": guess.peak_when,
    }


def work(folder: Path) -> int:
    """The worker, timed with the main thread's processor time."""
    from methods.engine import run, worker

    clock = SimpleNamespace(perf_counter=time.thread_time, monotonic=time.thread_time)
    run.time = worker.time = clock  # type: ignore[assignment]
    return worker.main(folder)


def observed(plan: Plan, settings: Settings, clock: str) -> dict[str, float]:
    """One run: peak bytes, median seconds of a step, seconds in all."""
    timed = [sys.executable, "-m", "tests.benchmarks.plan_accuracy", "--worker"]
    with tempfile.TemporaryDirectory() as place:
        here = replace(settings, runs_dir=Path(place))
        outcome = launch.start(
            launch.create_run(plan, here), worker=timed if clock == "processor" else None
        )
        if outcome.status != "finished" or outcome.record.manifest is None:
            sys.exit(f"{plan.command}: {outcome.status}: {outcome.problem}")
        lines = (outcome.record.folder / "timing.jsonl").read_text().splitlines()
        steps = [json.loads(text)["seconds"] for text in lines]
        return {
            "peak_bytes": outcome.record.manifest.peak_memory_bytes,
            "step_seconds": statistics.median(steps[1:] or steps),
            "seconds": outcome.record.manifest.seconds,
        }


def within(case: dict[str, Any]) -> bool:
    """Whether memory and the step are no more than ``WITHIN`` off; the total is not held to it."""
    return all(abs(case["ratio"][key] - 1) <= WITHIN for key in ("peak_bytes", "step_seconds"))


def line(name: str, case: dict[str, Any]) -> str:
    """``sft-tiny  memory 0.60 of 0.62 GB (x0.97)  step 0.07 of 0.08 s (x0.93) ...``."""
    guess, seen, ratio = case["predicted"], case["seen"], case["ratio"]
    return (
        f"{name:20} memory {guess['peak_bytes'] / 1e9:.2f} of {seen['peak_bytes'] / 1e9:.2f} GB "
        f"(x{ratio['peak_bytes']:.2f})  step {guess['step_seconds']:.3f} of "
        f"{seen['step_seconds']:.3f} s (x{ratio['step_seconds']:.2f})  all "
        f"{guess['seconds']:.0f} of {seen['seconds']:.0f} s (x{ratio['seconds']:.2f})"
        f"{'' if within(case) else '  OUTSIDE'}"
    )


def report(cases: dict[str, Any]) -> dict[str, Any]:
    """The JSON: what was compared, on what."""
    return {
        "what": "registry plan against runs; ratio is predicted / seen",
        "within": WITHIN,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {"cores": os.cpu_count(), "processor": processor()},
        "inside": sum(within(case) for case in cases.values()),
        "of": len(cases),
        "cases": cases,
    }


def _largest(guess: Estimate) -> dict[str, int]:
    return {amount.name: amount.bytes for amount in guess.memory}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


if __name__ == "__main__":
    raise SystemExit(main())

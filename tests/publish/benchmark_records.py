"""Made-up records of the benchmarks, shaped by the functions that write the real ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from registry.publish.benchmarks import RESULTS
from tests.benchmarks.peers import report
from tests.benchmarks.startup import report as startup_report

DEVICE = "an abacus <b>with</b> beads"


def steps(seconds: list[float], peak: float) -> list[dict[str, float]]:
    return [{"seconds": s, "tokens": 4800, "peak_mib": peak} for s in seconds]


def workload(name: str, gradient: float | None) -> dict[str, Any]:
    """One workload: ours takes 2, 3 and 2.4 s where TRL takes 6 each time."""
    found = {"ours": steps([2.0, 3.0, 2.4], 3000.0), "trl": steps([6.0, 6.0, 6.0], 6000.0)}
    sampled = gradient is None
    return {
        "date": "2026-03-04",
        "load": {"before": 0.12, "after": 2.5},
        "workload": {"rows": 32, "group": {"sft": 1, "dpo": 2}.get(name, 8)}
        | ({"max_new_tokens": 48} if sampled else {"useful_tokens": 4800}),
        "settings": {
            "ours": {"micro_batch_tokens": 2048},
            "trl": {"per_device_train_batch_size": 16, "padding_free": True},
        },
        "search": {
            "ours": [
                {"settings": {"micro_batch_tokens": 2048}, "tokens_per_second": 2400.0},
                {"settings": {"micro_batch_tokens": 512}, "tokens_per_second": 2000.0},
            ],
            "trl": [
                {"settings": {"per_device_train_batch_size": 16}, "tokens_per_second": 800.0},
                {"settings": {"per_device_train_batch_size": 32}, "failed": "out of beads"},
            ],
        },
        "gradient_difference": gradient,
        "summary": report.summary(found, parameters=2**20 * 100),
        "warm_up": {"ours": found["ours"][0], "trl": found["trl"][0]},
        "steps": found,
    }


def record(device: str = DEVICE, precision: str = "float32") -> dict[str, Any]:
    return {
        "what": "one optimiser step of both sides in turn",
        "model": "smollm2-135m",
        "seed": 1,
        "machine": {
            "device": device,
            "precision": precision,
            "threads": 2,
            "cores": 4,
            "python": "3.11.7",
            "versions": {"torch": "2.13.0", "trl": "1.2.3"},
        },
        "workloads": {
            "sft": workload("sft", 5.1e-7),
            "dpo": workload("dpo", 2.2e-6),
            "grpo-update": workload("grpo-update", 3.3e-7),
            "grpo-step": workload("grpo-step", None),
        },
    }


def startup() -> dict[str, Any]:
    command = {
        "median_seconds": 0.0715,
        "lowest_seconds": 0.0661,
        "highest_seconds": 0.1056,
        "budget_seconds": 0.2,
        "within_budget": True,
    }
    return startup_report(10, {"registry --help": command}) | {"date": "2026-03-05"}


def plan() -> dict[str, Any]:
    """A run on a device that was measured, and one on a device that was not."""
    seen = {"peak_bytes": 600 * 2**20, "step_seconds": 0.5, "seconds": 30.0}
    guess = {"peak_bytes": 660 * 2**20, "step_seconds": 0.4, "seconds": 33.0}
    ratio = {"peak_bytes": 1.1, "step_seconds": 0.8, "seconds": 1.1}
    case = {"clock": "wall", "load": [0.1], "seen": seen, "memory": {"weights": 1}}
    return {
        "what": "registry plan against runs; ratio is predicted / seen",
        "within": 0.25,
        "date": "2026-03-06",
        "machine": {"cores": 4, "processor": DEVICE},
        "inside": 1,
        "of": 2,
        "cases": {
            "sft-tiny": {
                **case,
                "command": "registry run sft --model tiny",
                "predicted": guess,
                "ratio": ratio,
            },
            "dpo-tiny": {
                **case,
                "command": "registry run dpo --model tiny",
                "predicted": {**guess, "step_seconds": None, "seconds": None},
                "ratio": {**ratio, "step_seconds": 0.0, "seconds": 0.0},
            },
        },
    }


def write(checkout: Path, **files: Any) -> Path:
    """``files`` by name, without ``.json``, in the folder of results below ``checkout``."""
    folder = checkout / RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    for name, found in files.items():
        (folder / f"{name}.json").write_text(json.dumps(found))
    return folder

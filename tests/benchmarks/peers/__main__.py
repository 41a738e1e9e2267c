"""Run the comparison, print the table, write the record."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import tempfile
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from methods.engine import smollm2
from registry.core.settings import Settings
from tests.benchmarks.peers import report
from tests.benchmarks.peers.alternate import alternate, cores, search
from tests.benchmarks.peers.setup import BETA, LEARNING_RATE, MODEL, Spec
from tests.benchmarks.peers.workload import SEED, WORKLOADS
from tests.benchmarks.startup import processor

RESULTS = Path(__file__).parents[1] / "results"
PACKAGES = ("torch", "transformers", "trl", "accelerate", "datasets")


def main() -> int:
    """Every workload asked for: search both sides, alternate, compare, record."""
    given = _arguments()
    device = "cuda" if given.device.startswith("cuda") else "cpu"
    precision = given.precision or ("bfloat16" if device == "cuda" else "float32")
    cache = Settings.load().cache_dir
    smollm2.prepare(cache)  # once, before two processes want it
    out = given.out or (None if given.quick else RESULTS / f"{_slug(given.device)}.json")
    entries: dict[str, Any] = {}
    for name in given.only:
        base = Spec("ours", name, given.device, precision, given.threads, str(cache), "")
        entries[name] = _compare(base, given)
        print(report.table(entries), flush=True)
        if out is not None:
            _write(out, given, precision, {name: entries[name]})
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    parser.add_argument("--only", type=_names, default=list(WORKLOADS), help="names with commas")
    parser.add_argument("--alternations", type=int, help="default 5, with --quick 2")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--precision", choices=("float32", "bfloat16"))
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    parser.add_argument("--quick", action="store_true", help="no search, no record")
    parser.add_argument("--out", type=Path, help="default tests/benchmarks/results/DEVICE.json")
    given = parser.parse_args()
    given.alternations = given.alternations or (2 if given.quick else 5)
    return given


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [n for n in names if n not in WORKLOADS]:
        raise argparse.ArgumentTypeError(
            f"no workload {', '.join(unknown)}. Allowed: {', '.join(WORKLOADS)}"
        )
    return names


def our_candidates(quick: bool) -> list[dict[str, Any]]:
    """Ways of cutting our batch, in tokens of one forward pass."""
    sizes = (2048,) if quick else (1024, 2048)
    return [{"micro_batch_tokens": size} for size in sizes]


def trl_candidates(name: str, device: str, quick: bool) -> list[dict[str, Any]]:
    """Ways of cutting TRL's batch: rows (pairs for DPO) of one forward pass, and what else helps."""
    sizes = (4, 8)
    if quick:
        sizes = sizes[1:2]
    found: list[dict[str, Any]] = [{"per_device_train_batch_size": n} for n in sizes]
    if name == "sft" and not quick:
        # Without a variable-length kernel it is exact all the same: a block-diagonal mask.
        found.append({**found[1], "padding_free": True})
    if name == "grpo-step" and device == "cuda" and not quick:
        found += [{**settings, "cache_implementation": "static"} for settings in found[-2:]]
        found.append({**found[1], "use_transformers_continuous_batching": True})
    return found


def _compare(base: Spec, given: argparse.Namespace) -> dict[str, Any]:
    load = _load()
    tried: dict[str, list[dict[str, Any]]] = {}
    device = "cuda" if base.device.startswith("cuda") else "cpu"
    candidates = {
        "ours": our_candidates(given.quick),
        "trl": trl_candidates(base.workload, device, given.quick),
    }
    chosen = {}
    for side, found in candidates.items():
        spec = Spec(**{**vars(base), "side": side, "settings": found[0]})
        if len(found) > 1:
            # A step takes most of a minute on a CPU, and its first is hardly slower there.
            warm, timed = (0, 1) if device == "cpu" else (1, 3)
            tried[side] = search(spec, found, warm, timed, _say)
            spec = Spec(**{**vars(spec), "settings": tried[side][0]["settings"]})
        chosen[side] = spec
    with tempfile.TemporaryDirectory(prefix="peers-gradients-") as folder:
        found = alternate(chosen["ours"], chosen["trl"], given.alternations, Path(folder), _say)
        gradient = None
        if "max_new_tokens" not in found["workload"]:  # sampled answers differ, so gradients do
            gradient = report.gradient_difference(Path(folder) / "ours", Path(folder) / "trl")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "load": {"before": load, "after": _load()},  # the machine's, over a minute
        "workload": found["workload"],
        "settings": {side: spec.settings for side, spec in chosen.items()},
        "search": tried,
        "gradient_difference": gradient,
        "summary": report.summary(found["steps"], smollm2.PARAMETERS),
        "warm_up": found["warm_up"],
        "steps": found["steps"],
    }


def _write(out: Path, given: argparse.Namespace, precision: str, entries: dict[str, Any]) -> None:
    """The record with ``entries`` put in; other workloads stay where the machine is the same."""
    machine = {
        "device": _device_name(given.device),
        "precision": precision,
        "threads": given.threads,
        "cores": cores(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in PACKAGES},
    }
    before: dict[str, Any] = {}
    if out.is_file():
        found = json.loads(out.read_text(encoding="utf-8"))
        before = found["workloads"] if found["machine"] == machine else {}
    record = {
        "what": "one optimiser step of both sides in turn, tokens a second and peak memory",
        "model": MODEL,
        "optimiser": {"name": "AdamW, fused", "learning_rate": LEARNING_RATE, "dpo_beta": BETA},
        "seed": SEED,
        "machine": machine,
        "workloads": {n: {**before, **entries}[n] for n in WORKLOADS if n in {**before, **entries}},
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"written: {out}", flush=True)


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else processor()


def _slug(device: str) -> str:
    if not device.startswith("cuda"):
        return "cpu"
    return re.sub(r"[^a-z0-9]+", "-", _device_name(device).lower()).strip("-")


def _load() -> float:
    return round(os.getloadavg()[0], 2)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())

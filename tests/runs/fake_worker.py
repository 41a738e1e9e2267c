"""A worker that honours the run folder's protocol and trains nothing.

It takes as many steps as the configuration says, each of ``FAKE_STEP`` seconds, and checkpoints
every ``checkpoint_every``. ``FAKE_MODE``: ``finish`` (default), ``fail``, ``crash`` (kills itself
at step 3), ``silent`` (exits 0 with no results). What it measures follows from method, options and
seed alone, so that a test knows every number beforehand. Of methods it has no numbers for, and
with ``FAKE_ASKED`` of all, it measures whatever any experiment asks for.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

EFFECT = {"true": 0.5, "task": 0.5, "reward": 0.5, "dpo": 0.5}
STOP: list[int] = []


def main(folder: Path) -> int:
    signal.signal(signal.SIGINT, lambda number, frame: STOP.append(number))
    signal.signal(signal.SIGTERM, lambda number, frame: STOP.append(number))
    spec = json.loads((folder / "spec.json").read_text())
    mode = os.environ.get("FAKE_MODE", "finish")
    manifest = {
        **spec,
        "status": "running",
        "error": None,
        "config_sha256": hashlib.sha256(
            json.dumps(spec["config"], sort_keys=True).encode()
        ).hexdigest(),
        "versions": {"python": "3.11.0", "torch": "0.0"},
        "device_name": "a fake device",
        "threads": 1,
        "started": "2026-01-02T03:04:05+00:00",
        "finished": None,
    }
    write(folder / "manifest.json", manifest)
    print("worker talks on stdout", flush=True)
    print(f"worker ready {os.getpid()}", file=sys.stderr, flush=True)
    steps = int(spec["config"].get("steps", 4))
    code = run(folder, spec, steps, mode)
    status = {0: "finished", 130: "interrupted"}.get(code, "failed")
    error = "the fake ran out of luck" if status == "failed" else None
    facts = {"model": {"name": "tiny", "source": "fake"}, "data": None, "steps": steps}
    last = len((folder / "metrics.jsonl").read_text().splitlines())
    write(
        folder / "manifest.json",
        {**manifest, **facts, "status": status, "error": error, "last_step": last, "seconds": 1.5},
    )
    return code


def run(folder: Path, spec: dict[str, Any], steps: int, mode: str) -> int:
    metrics = folder / "metrics.jsonl"
    checkpoint = folder / "checkpoints" / "last.json"
    first = json.loads(checkpoint.read_text())["step"] + 1 if checkpoint.exists() else 1
    lines = metrics.read_text().splitlines(keepends=True)[: first - 1] if metrics.exists() else []
    metrics.write_text("".join(lines))
    for step in range(first, steps + 1):
        time.sleep(float(os.environ.get("FAKE_STEP", "0")))
        with metrics.open("a") as file:
            row = {"step": step, "loss": 1.0 / step, "score": step / steps, "margin": 0.1 * step}
            if os.environ.get("FAKE_ASKED"):
                row |= {name: 0.1 * step for name in asked("metric") if name not in row}
            file.write(json.dumps(row) + "\n")
        with (folder / "timing.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, "seconds": 0.5, "tokens": 10}) + "\n")
        if mode == "crash" and step == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        if STOP or step % int(spec["config"].get("checkpoint_every", 1)) == 0:
            checkpoint.parent.mkdir(exist_ok=True)
            write(checkpoint, {"step": step})
        if STOP:
            return 130
    if mode == "fail":
        return 1
    if spec["config"].get("save_model"):
        (folder / "model").mkdir(exist_ok=True)
        write(folder / "model" / "config.json", {"model_type": "fake"})
    if mode != "silent":
        write(folder / "results.json", results(spec))
    return 0


def results(spec: dict[str, Any]) -> dict[str, Any]:
    """Numbers by hand: a start of 0.2, an effect of 0.5 for the true arm, 0.01 a seed."""
    config, seed = spec["config"], spec["seed"]
    said = [config.get(name) for name in ("labels", "reward", "preference", "scorer")]
    effect = 0.5 if all(EFFECT.get(value) for value in said if value is not None) else 0.0
    if config.get("objective") == "preferred-sft":
        effect = 0.25
    after = 0.2 + effect + 0.01 * seed
    names = {
        "sft": [("held_out_loss", 2.0, 2.0 - after), ("held_out_accuracy", 0.2, after)],
        "dpo": [
            ("reward", 0.2, after),
            ("kl", None, effect * 4),
            ("chosen_log_ratio", 0.0, effect),
        ],
        "grpo": [("held_out_accuracy", 0.2, after + 0.2 * (effect > 0))],
        "best-of-n": [
            ("accuracy_at_n", 0.2, after),
            ("expected_accuracy_at_n", 0.2, after),
            ("pass_at_n", 0.2, after),
        ],
    }.get(spec["method"], [])
    if not names or os.environ.get("FAKE_ASKED"):
        known = {name for name, *_ in names}
        names += [(name, 0.2, after) for name in asked("measure") if name not in known]
    spent = by_tokens(spec, after) if spec["method"] in ("best-of-n", "self-consistency") else []
    return {
        "key": names[0][0],
        "measures": [
            {
                "name": name,
                "title": name.replace("_", " "),
                "unit": "fraction",
                "higher_is_better": name != "held_out_loss",
                "before": before,
                "after": value,
                "n": 50,
                "before_interval": None if before is None else [before - 0.05, before + 0.05],
                "after_interval": [value - 0.1, value + 0.1],
            }
            for name, before, value in names
        ],
        "curves": [
            {
                "name": "best-of-n",
                "title": "A curve",
                "x_label": "n",
                "y_label": "accuracy",
                "x_log": True,
                "series": [
                    {"label": "measured", "x": [1.0, 2.0], "y": [0.2, after], "low": [], "high": []}
                ],
            },
            *spent,
        ],
        "notes": ["Nothing was trained."],
        "train_seconds": 1.25,
    }


def by_tokens(spec: dict[str, Any], after: float) -> list[dict[str, Any]]:
    """Ten tokens an answer, eleven with the next seed; two answers for one method, four for all."""
    each = 10.0 + spec["seed"]
    last = 2 * each if spec["method"] == "best-of-n" else 4 * each
    return [
        {
            "name": "by-tokens",
            "title": "Held-out accuracy over tokens spent",
            "x_label": "tokens spent on a problem, written and scored",
            "y_label": "held-out accuracy",
            "x_log": True,
            "series": [
                {
                    "label": "a line",
                    "x": [each, last],
                    "y": [0.2, after],
                    "low": [0.1, after - 0.1],
                    "high": [0.3, after + 0.1],
                }
            ],
        }
    ]


def asked(what: str) -> list[str]:
    """Every metric of a curve, or every measure, that any experiment asks for."""
    from methods.experiments import EXPERIMENTS

    names: dict[str, None] = {}
    for e in EXPERIMENTS:
        found = [getattr(curve, what, None) for curve in e.curves]
        if what == "measure":
            found = [*e.measures]
            found += [q.measure for c in e.comparisons for q in (c.left, c.right)]
            found += [getattr(c, f"{axis}_measure", None) for c in e.curves for axis in "xy"]
        names.update(dict.fromkeys(name for name in found if name))
    return list(names)


def write(path: Path, value: Any) -> None:
    draft = path.with_name(path.name + ".new")
    draft.write_text(json.dumps(value))
    draft.replace(path)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))

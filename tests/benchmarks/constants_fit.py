"""From timed pieces of work to a device's file of constants."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from registry.runs import devices
from registry.runs.work import seconds
from tests.benchmarks.startup import processor

OF_PACKING = ("rows", "row_tokens")  # counts of a pass that Python takes, not the model
# What buffers that come and go take of a CPU's heap over what they hold: holes between them.
_SLACK = 1.15


def fitted(pieces: list[dict[str, Any]]) -> tuple[dict[str, float], float]:
    """Non-negative constants with the smallest relative error, and that error's mean size."""
    from scipy.optimize import nnls

    names = list(pieces[0]["counts"])
    matrix = np.array([[p["counts"][n] for n in names] for p in pieces], dtype=float)
    taken = np.array([p["seconds"] for p in pieces])
    scale = matrix.max(0)
    solution, _ = nnls(matrix / taken[:, None] / scale, np.ones(len(pieces)))
    constants = solution / scale
    off = float(np.abs(matrix @ constants / taken - 1).mean())
    return {n: float(f"{c:.4g}") for n, c in zip(names, constants, strict=True)}, off


_PASSES = ("score", "train", "adapt", "prefill")


def _without(piece: dict[str, Any], of_packing: Mapping[str, float]) -> dict[str, Any]:
    """The piece less what packing its rows takes: both grow with the tokens, one fit mixes them."""
    if piece["kind"] not in _PASSES:
        return piece
    counts = dict(piece["counts"])
    taken = seconds({name: counts.pop(name) for name in OF_PACKING}, of_packing)
    return {**piece, "counts": counts, "seconds": max(piece["seconds"] - taken, 1e-5)}


def write(name: str, device: str, pieces: list[dict[str, Any]], kept: Mapping[str, Any]) -> Path:
    """``registry/runs/devices/<name>.json`` with the fits of ``pieces``, what else it held kept."""
    path = devices.FOLDER / f"{name}.json"
    old: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    of_packing, off = fitted([p for p in pieces if p["kind"] == "packing"])
    pieces = [_without(p, of_packing) for p in pieces if p["kind"] != "packing"]
    kinds = sorted({(p["precision"], p["kind"]) for p in pieces})
    found: dict[str, dict[str, dict[str, float]]] = {}
    errors = {"packing": round(off, 3)}
    for precision, kind in kinds:
        some = [p for p in pieces if (p["precision"], p["kind"]) == (precision, kind)]
        constants, off = fitted(some)
        packed = of_packing if kind in _PASSES else {}
        found.setdefault(precision, {})[kind] = {**constants, **packed}
        errors[f"{precision} {kind}"] = round(off, 3)
    loads = [group["load"][0] for group in kept["groups"].values()]
    cuda = device.startswith("cuda")
    record = {
        **old,
        "name": name,
        "kind": "cuda" if cuda else "cpu",
        "processor": torch.cuda.get_device_name() if cuda else processor(),
        "threads": torch.get_num_threads(),
        "measured": datetime.now(UTC).date().isoformat(),
        "load": max(loads),
        "torch": torch.__version__,
        "memory": {"baseline": kept["baseline"], "slack": 1.0 if cuda else _SLACK},
        "start": kept["start"],
        "written": kept["written"],
        "fit_error": errors,
        "seconds": found,
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n")
    return path

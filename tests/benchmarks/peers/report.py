"""From single measurements to a table and a record. Imports no torch."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_CHUNK = 1 << 22  # float32 values compared at once


@dataclass(frozen=True)
class Spread:
    """A median and the range that it comes from."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def to_json(self) -> dict[str, float]:
        """Rounded to four places."""
        return {k: round(v, 4) for k, v in vars(self).items()}


def paces(steps: Sequence[Mapping[str, float]]) -> list[float]:
    """Useful tokens a second of each step."""
    return [s["tokens"] / s["seconds"] for s in steps]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Ours over theirs, turn by turn: neighbours in time saw the same machine.

    Raises ValueError where the turns are not as many on both sides.
    """
    return Spread.of([a / b for a, b in zip(ours, theirs, strict=True)])


def fixed_mib(parameters: int) -> float:
    """Weights, gradients and AdamW's two moments, float32: what any such training holds, in MiB."""
    return 4 * parameters * 4 / 2**20


def gradient_difference(ours: Path, theirs: Path) -> float:
    """2-norm of the difference of two float32 files over that of the second, summed in float64.

    Raises ValueError where the files differ in length.
    """
    a, b = (np.memmap(path, dtype=np.float32, mode="r") for path in (ours, theirs))
    if a.shape != b.shape:
        raise ValueError(f"gradients of {a.size} and {b.size} values cannot be compared")
    difference = norm = 0.0
    for start in range(0, a.size, _CHUNK):
        x = a[start : start + _CHUNK].astype(np.float64)
        y = b[start : start + _CHUNK].astype(np.float64)
        difference += float(((x - y) ** 2).sum())
        norm += float((y**2).sum())
    return (difference / norm) ** 0.5


def summary(steps: Mapping[str, Sequence[Mapping[str, float]]], parameters: int) -> dict[str, Any]:
    """Pace and memory of both sides, and ours over theirs."""
    pace = {side: paces(found) for side, found in steps.items()}
    peak = {side: max(s["peak_mib"] for s in found) for side, found in steps.items()}
    fixed = fixed_mib(parameters)
    return {
        "tokens_per_second": {side: Spread.of(found).to_json() for side, found in pace.items()},
        "tokens_per_second_ratio": ratio(pace["ours"], pace["trl"]).to_json(),
        "peak_mib": {side: round(found, 1) for side, found in peak.items()},
        "peak_ratio": round(peak["ours"] / peak["trl"], 4),
        "fixed_state_mib": round(fixed, 1),
        "peak_over_fixed_state_mib": {s: round(found - fixed, 1) for s, found in peak.items()},
    }


def table(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """A line a workload: pace, its ratio with the range, peak memory, gradient difference."""
    head = ("workload", "ours tok/s", "TRL tok/s", "ratio (min..max)", "peak MiB ours/TRL",
            "ratio", "over fixed state", "gradient difference")  # fmt: skip
    lines = [head]
    for name, entry in entries.items():
        s = entry["summary"]
        pace, times = s["tokens_per_second"], s["tokens_per_second_ratio"]
        peak, over = s["peak_mib"], s["peak_over_fixed_state_mib"]
        gradient = entry.get("gradient_difference")
        lines.append(
            (
                name,
                f"{pace['ours']['median']:.0f}",
                f"{pace['trl']['median']:.0f}",
                f"{times['median']:.2f} ({times['low']:.2f}..{times['high']:.2f})",
                f"{peak['ours']:.0f} / {peak['trl']:.0f}",
                f"{s['peak_ratio']:.2f}",
                f"{over['ours']:.0f} / {over['trl']:.0f}",
                "sampled" if gradient is None else f"{gradient:.1e}",
            )
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )

"""Small runs of in-context methods, and another value for every option."""

from __future__ import annotations

from typing import Any

_HINTS: dict[str, Any] = {
    "other_tasks": "small-c;small-d", "labelled": 6, "shots": 2, "resamples": 2,
}  # fmt: skip
# Another value for what both methods of hints have.
_OTHER_HINTS: dict[str, Any] = {
    "other_tasks": "small-c", "labelled": 8, "ridge": 0.01, "shots": 3, "resamples": 1,
    "shots_from": "unseen", "wording": "marks", "confidence": False, "calibration": "mean",
    "control": "flipped",
}  # fmt: skip

# Options of a run that ends in a fraction of a second. The small model knows no comma.
SMALL: dict[str, dict[str, Any]] = {
    "llm-time-series": {"digits": 2, "separator": " ", "length": 12, "series": 3, "points": 3},
    "dicl": {
        "digits": 2, "separator": " ", "context": 10, "horizon": 3, "episodes": 3, "samples": 8,
    },
    "supericl": _HINTS,
    "supercontext": _HINTS,
}  # fmt: skip
# Another value for every option of its own: each must leave another run behind.
OTHERS: dict[str, dict[str, Any]] = {
    "llm-time-series": {
        "digits": 1, "separator": "=", "law": "brownian-motion", "length": 14, "series": 4,
        "points": 4, "control": "shuffled",
    },
    "dicl": {
        "digits": 1, "separator": "=", "projection": "states", "components": 1, "context": 11,
        "horizon": 2, "point": "mode", "episodes": 2, "samples": 9, "control": "shuffled",
    },
    "supericl": {**_OTHER_HINTS, "explanation": True},
    "supercontext": {**_OTHER_HINTS, "few_shot": True, "interpretation": True},
}  # fmt: skip

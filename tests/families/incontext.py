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
    "dicl-sac": {
        "digits": 2, "separator": " ", "context": 8, "steps": 40, "block": 10, "episode": 20,
        "learning_starts": 10, "predicted_start": 20, "read_every": 5, "batch": 8, "width": 8,
        "evaluations": 3, "share": 0.5,
    },
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
        "rewards": True,
    },
    "dicl-sac": {
        "digits": 1, "separator": "=", "batch": 9, "width": 9, "policy_rate": 0.01,
        "value_rate": 0.01, "discount": 0.5, "follow": 0.5, "policy_every": 1, "separate": True,
        "share": 0.25, "transitions": "shuffled", "projection": "states", "point": "mode",
        "kept": 0.5, "context": 9, "burn_in": 3, "steps": 30, "block": 5, "learning_starts": 20,
        "predicted_start": 30, "read_every": 4, "episode": 15, "evaluations": 4,
    },
    "supericl": {**_OTHER_HINTS, "explanation": True},
    "supercontext": {**_OTHER_HINTS, "few_shot": True, "interpretation": True},
}  # fmt: skip

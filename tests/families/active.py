"""Small runs of active learning, and another value for every option."""

from __future__ import annotations

from typing import Any

# Options of a run that ends in a fraction of a second.
_SMALL: dict[str, Any] = {"initial": 2, "batch": 2, "rounds": 2}
_OTHERS: dict[str, Any] = {
    "data": "answers", "pool": 8, "initial": 3, "batch": 3, "rounds": 3, "features": "states",
    "ridge": 1.0, "control": "shuffled",
}  # fmt: skip
# Of these texts the small model is as sure as 0.39 to 0.88: some of a batch go to it, some do not.
_ROUTED: dict[str, Any] = {"initial": 4, "batch": 3, "rounds": 2}
SMALL: dict[str, dict[str, Any]] = {
    "least-confidence": _SMALL, "margin": _SMALL, "entropy": _SMALL, "coreset": _SMALL,
    "badge": _SMALL, "llm-annotator": _SMALL, "hybrid-routing": _ROUTED,
    "llm-generation": {**_SMALL, "written": 3, "ask": "{class}=", "stop": "", "max_new_tokens": 6},
}  # fmt: skip
# Another value for every option of its own: each must leave another run behind.
OTHERS: dict[str, dict[str, Any]] = {
    "least-confidence": _OTHERS,
    "margin": _OTHERS,
    "entropy": _OTHERS,
    "coreset": _OTHERS,
    "badge": {**_OTHERS, "first": "largest"},
    "llm-annotator": {**_OTHERS, "calibration": "mean"},
    "hybrid-routing": {
        **_OTHERS,
        "pool": 10,
        "batch": 2,
        "rounds": 1,
        "calibration": "mean",
        "threshold": 1.0,
        "routing": "random",
    },
    "llm-generation": {
        **_OTHERS,
        "written": 4,
        "ask": "a{class}",
        "stop": "3",
        "temperature": 0.5,
        "max_new_tokens": 3,
        "shots": 1,
    },
}

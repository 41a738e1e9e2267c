"""Small runs of supervised fine-tuning, and another value for every option."""

from __future__ import annotations

from typing import Any

# Options of a run that ends in a fraction of a second.
SMALL: dict[str, dict[str, Any]] = {
    "dft": {"batch_size": 4, "schedule": "constant"},
    "neftune": {"batch_size": 4, "schedule": "constant"},
    "sft": {"batch_size": 4, "schedule": "constant"},
}
# Another value for every option of supervised training: each must leave another run behind.
SUPERVISED: dict[str, Any] = {
    "schedule": "cosine", "demonstrations": 3, "labels": "shuffled", "batch_size": 2,
    "data": "answers", "old_task": "small-b", "replay": 0.5,
}  # fmt: skip
OTHERS: dict[str, dict[str, Any]] = {
    "dft": SUPERVISED,
    "neftune": {**SUPERVISED, "alpha": 1.0},
    "sft": SUPERVISED,
}

"""Small runs of supervised fine-tuning, and another value for every option."""

from __future__ import annotations

from typing import Any

# Options of a run that ends in a fraction of a second.
SMALL: dict[str, dict[str, Any]] = {
    "sft": {"batch_size": 4, "schedule": "constant"},
}  # fmt: skip
# Another value for every option of its own: each must leave another run behind.
OTHERS: dict[str, dict[str, Any]] = {
    "sft": {
        "schedule": "cosine", "demonstrations": 3, "labels": "shuffled", "batch_size": 2,
        "data": "answers",
    },
}  # fmt: skip

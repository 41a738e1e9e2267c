"""Small runs of merging, and another value for every option."""

from __future__ import annotations

from typing import Any

# Options of a run that ends in a fraction of a second.
_SMALL: dict[str, Any] = {
    "other_task": "small-c", "expert_steps": 2, "expert_batch_size": 4,
    "expert_learning_rate": 0.01,
}  # fmt: skip
_OTHERS: dict[str, Any] = {
    "other_task": "small-d", "data": "answers", "models": "two folders", "demonstrations": 3,
    "expert_steps": 3, "expert_batch_size": 2, "expert_learning_rate": 0.02, "control": "joint",
    "save_model": False,
}  # fmt: skip
SMALL: dict[str, dict[str, Any]] = {
    "task-arithmetic": _SMALL, "ties": _SMALL, "dare": _SMALL, "slerp": _SMALL,
}  # fmt: skip
# Another value for every option of its own: each must leave another run behind.
OTHERS: dict[str, dict[str, Any]] = {
    "task-arithmetic": {**_OTHERS, "scale": 1.0},
    "ties": {**_OTHERS, "density": 0.5, "scale": 0.5, "trim": "tensor"},
    "dare": {**_OTHERS, "drop_rate": 0.5, "rescale": False, "scale": 1.0},
    "slerp": {**_OTHERS, "weight": 0.25, "curve": "chord"},
}

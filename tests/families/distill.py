"""Small runs of distillation, and another value for every option."""

from __future__ import annotations

from typing import Any

_COMMON: dict[str, Any] = {"teacher": "shuffled", "batch_size": 3}
_OTHERS: dict[str, Any] = {
    "teacher": "another", "batch_size": 2, "demonstrations": 4, "data": "answers",
}  # fmt: skip
# Options of a run that ends in a fraction of a second.
SMALL: dict[str, dict[str, Any]] = {
    "kd": _COMMON,
    "gkd": {**_COMMON, "student_fraction": 0.5},
    "minillm": {**_COMMON, "updates_per_batch": 1},
}
# Another value for every option of its own: each must leave another run behind.
OTHERS: dict[str, dict[str, Any]] = {
    "kd": {**_OTHERS, "temperature": 5.0, "hard_weight": 3.0, "objective": "sft"},
    "gkd": {
        **_OTHERS, "max_new_tokens": 3, "student_fraction": 1.0, "divergence": "forward-kl",
        "beta": 0.9, "fixed": "teacher", "objective": "likelihood",
    },
    "minillm": {
        **_OTHERS, "max_new_tokens": 3, "teacher_mix": 0.0, "length_normalised": False,
        "clip_range": 0.01, "updates_per_batch": 2, "lm_weight": 0.0, "lm_demonstrations": 2,
    },
}  # fmt: skip

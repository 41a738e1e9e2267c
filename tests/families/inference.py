"""Small runs of inference, and another value for every option."""

from __future__ import annotations

from typing import Any

# Options of a run that ends in a fraction of a second.
SMALL: dict[str, dict[str, Any]] = {
    "best-of-n": {"n": 4, "repeats": 2, "prompts": 6},
    "self-consistency": {"n": 4, "repeats": 2, "prompts": 6},
    "weighted-best-of-n": {"n": 4, "repeats": 2, "prompts": 6},
    "budget-forcing": {"samples": 4, "waits": 2, "cuts": 2, "prompts": 6},
}  # fmt: skip
# Another value for every option of its own: each must leave another run behind.
OTHERS: dict[str, dict[str, Any]] = {
    "best-of-n": {
        "n": 5, "scorer": "likelihood", "repeats": 3, "prompts": 3, "temperature": 0.5,
        "max_new_tokens": 3, "data": "answers", "reward_model": "trained",
    },
    "self-consistency": {
        "n": 5, "control": "shuffled", "repeats": 3, "prompts": 3, "temperature": 0.5,
        "max_new_tokens": 3, "data": "answers",
    },
    "weighted-best-of-n": {
        "n": 5, "scorer": "likelihood", "reward_model": "trained", "weight": "sigmoid",
        "score_noise": 0.0, "control": "equal", "repeats": 3, "prompts": 3, "temperature": 0.5,
        "max_new_tokens": 3, "data": "answers",
    },
    "budget-forcing": {
        "samples": 3, "waits": 1, "wait": "1+", "cuts": 1, "final": "=", "control": "fresh",
        "prompts": 3, "temperature": 0.5, "max_new_tokens": 3, "data": "answers",
    },
}  # fmt: skip

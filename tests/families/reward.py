"""Small runs of reward models, and another value for every option."""

from __future__ import annotations

from typing import Any

_SMALL = {
    "prompts": 6, "samples_per_prompt": 3, "held_out_prompts": 4, "held_out_samples": 3,
    "batch_size": 4,
}  # fmt: skip
_OTHER = {
    "prompts": 4, "samples_per_prompt": 4, "max_new_tokens": 3, "held_out_prompts": 2,
    "held_out_samples": 4, "batch_size": 2,
}  # fmt: skip
# Options of a run that ends in a fraction of a second.
SMALL: dict[str, dict[str, Any]] = {
    "bt-rm": {**_SMALL, "schedule": "constant"},
    "orm": _SMALL,
    "prm": {
        **_SMALL, "samples_per_prompt": 2, "completions": 2, "estimation": "soft", "batch_size": 8,
    },
}  # fmt: skip
# Another value for every option of its own: each must leave another run behind.
OTHERS: dict[str, dict[str, Any]] = {
    "bt-rm": {
        **_OTHER, "margin": 2.0, "centering": 0.5, "preference": "flipped", "data": "pairs",
        "schedule": "linear",
    },
    "orm": {
        **_OTHER, "level": "sequence", "value_loss": "bce", "language_weight": 0.5,
        "labels": "shuffled", "data": "labelled",
    },
    "prm": {
        **_OTHER, "completions": 3, "estimation": "hard", "labels": "shuffled", "data": "steps",
    },
}  # fmt: skip

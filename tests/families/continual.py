"""Small runs of continual learning, and another value for every option."""

from __future__ import annotations

from typing import Any

# Options of a run that ends in a fraction of a second: two tasks, two steps of each.
_SMALL: dict[str, Any] = {
    "later_tasks": "small-c", "general": "small-g", "batch_size": 4, "schedule": "constant",
    "steps": 4,
}  # fmt: skip
_OTHERS: dict[str, Any] = {
    "later_tasks": "small-d;small-e", "general": "small-h", "data": "answers", "demonstrations": 3,
    "batch_size": 2, "control": "joint",
}  # fmt: skip
SMALL: dict[str, dict[str, Any]] = {
    "replay": {**_SMALL, "share": 0.5},
    "ewc": {**_SMALL, "fisher_rows": 6},
    "lwf": _SMALL,
    "a-gem": {**_SMALL, "reference_rows": 3},
    "o-lora": {**_SMALL, "rank": 2},
    "progressive-prompts": {**_SMALL, "prompt_length": 3},
    "continual-pretraining": {
        "domains": "networkx.generators;networkx.classes", "general": "networkx.readwrite",
        "train_chars": 300, "held_out_chars": 150, "window": 16, "batch_size": 4,
        "schedule": "constant", "steps": 4, "share": 0.3,
    },
}  # fmt: skip
# Another value for every option of its own: each must leave another run behind.
OTHERS: dict[str, dict[str, Any]] = {
    "replay": {**_OTHERS, "share": 0.25, "memory": 1},
    "ewc": {**_OTHERS, "strength": 1.0, "fisher": "true", "fisher_rows": 2},
    "lwf": {**_OTHERS, "weight": 3.0, "temperature": 1.0},
    "a-gem": {**_OTHERS, "memory": 1, "reference_rows": 2},
    "o-lora": {
        **_OTHERS,
        "rank": 3,
        "alpha": 3.0,
        "targets": "q_proj+v_proj",
        "strength": 5.0,
        "penalty": "squared",
    },
    "progressive-prompts": {**_OTHERS, "prompt_length": 2},
    "continual-pretraining": {
        "domains": "networkx.generators;networkx.readwrite.json_graph",
        "general": "networkx.drawing", "order": "random", "size": "small", "share": 0.6,
        "alone": False, "train_chars": 200, "held_out_chars": 100, "window": 8, "batch_size": 3,
        "control": "shuffled",
    },
}  # fmt: skip

"""Small runs of self-training, and another value for every option."""

from __future__ import annotations

from typing import Any

_ROUNDS: dict[str, Any] = {
    "rounds": 1, "batch_size": 4, "prompts_per_round": 6, "pass_k": 2,
}  # fmt: skip
# Options of a run that ends in a fraction of a second.
SMALL: dict[str, dict[str, Any]] = {
    "escaping-collapse": {
        **_ROUNDS, "samples_per_prompt": 3, "threshold": 0.6, "label_budget": 4, "beta": 0.5,
    },
    "online-dpo": {"prompts_per_step": 4, "pass_k": 2},
    "raft": {**_ROUNDS, "samples_per_prompt": 3},
    "rest-em": {**_ROUNDS, "samples_per_prompt": 3, "threshold": 0.1, "most_per_prompt": 1},
    "spin": {**_ROUNDS, "demonstrations": 8},
    "star": {**_ROUNDS, "samples_per_prompt": 1, "threshold": 0.5},
}  # fmt: skip
_OTHER: dict[str, Any] = {
    "rounds": 2, "batch_size": 2, "prompts_per_round": 4, "temperature": 0.5, "max_new_tokens": 3,
    "pass_k": 3, "data": "answers",
}  # fmt: skip
# Another value for every option of its own: each must leave another run behind.
OTHERS: dict[str, dict[str, Any]] = {
    "escaping-collapse": {
        **_OTHER, "arm": "weak-random", "beta": 0.0, "gamma": 0.5, "label_budget": 1,
        "restart": True, "samples_per_prompt": 2, "threshold": 0.4,
    },
    "online-dpo": {
        "reward": "random", "prompts_per_step": 2, "group_size": 3, "temperature": 0.5, "beta": 1.0,
        "max_new_tokens": 3, "pass_k": 3, "data": "answers",
    },
    "raft": {**_OTHER, "reward": "random", "samples_per_prompt": 2, "threshold": 0.6},
    "rest-em": {
        **_OTHER, "reward": "random", "samples_per_prompt": 2, "threshold": 0.3,
        "most_per_prompt": 2,
    },
    "spin": {**_OTHER, "demonstrations": 5, "opponent": "shuffled", "play_lambda": 1.0},
    "star": {
        **_OTHER, "reward": "random", "samples_per_prompt": 2, "threshold": 0.1,
        "rationalise": False,
    },
}  # fmt: skip

"""Small runs of reinforcement learning, and another value for every option."""

from __future__ import annotations

from typing import Any

# Options of a run that ends in a fraction of a second.
SMALL: dict[str, dict[str, Any]] = {
    "grpo": {"prompts_per_step": 3, "group_size": 4, "pass_k": 2, "kl_beta": 0.04},
}  # fmt: skip
# Another value for every option of its own: each must leave another run behind.
OTHERS: dict[str, dict[str, Any]] = {
    "grpo": {
        "reward": "random", "prompts_per_step": 2, "group_size": 3, "updates_per_batch": 2,
        "minibatches": 2, "kl_beta": 0.5, "clip_range": 0.01, "temperature": 0.5, "max_new_tokens": 3, "pass_k": 3,
        "data": "answers",
    },
}  # fmt: skip

"""Small runs of reinforcement learning, and another value for every option."""

from __future__ import annotations

from typing import Any

_GROUPS: dict[str, Any] = {"prompts_per_step": 3, "group_size": 4, "pass_k": 2}
_SINGLE: dict[str, Any] = {"prompts_per_step": 6, "group_size": 2, "pass_k": 2}
_REUSED: dict[str, Any] = {"minibatches": 1}
# Options of a run that ends in a fraction of a second.
SMALL: dict[str, dict[str, Any]] = {
    "cispo": {**_GROUPS, **_REUSED},
    "dapo": {**_GROUPS, **_REUSED, "sampling_tries": 1},
    "dr-grpo": _GROUPS,
    "grpo": {**_GROUPS, "kl_beta": 0.04},
    "gspo": {**_GROUPS, **_REUSED},
    "ppo": {**_SINGLE, **_REUSED},
    "reinforce": _SINGLE,
    "remax": _SINGLE,
    "rloo": _GROUPS,
}  # fmt: skip
_SAMPLED: dict[str, Any] = {
    "reward": "random", "prompts_per_step": 2, "group_size": 3, "temperature": 0.5,
    "max_new_tokens": 3, "pass_k": 3, "data": "answers",
}  # fmt: skip
_AGAIN: dict[str, Any] = {"updates_per_batch": 2, "minibatches": 2}
# Another value for every option of its own: each must leave another run behind.
OTHERS: dict[str, dict[str, Any]] = {
    "cispo": {**_SAMPLED, **_AGAIN, "clip_high": 1e-4},
    "dapo": {
        **_SAMPLED, **_AGAIN, "clip_low": 0.01, "clip_high": 0.01, "sampling_tries": 2,
        "overlong_buffer": 1.0,
    },
    "dr-grpo": {**_SAMPLED, **_AGAIN, "clip_range": 0.01},
    "grpo": {**_SAMPLED, **_AGAIN, "kl_beta": 0.5, "clip_range": 0.01},
    "gspo": {**_SAMPLED, **_AGAIN, "clip_low": 0.9, "clip_high": 0.9},
    "ppo": {
        **_SAMPLED, **_AGAIN, "kl_beta": 0.5, "clip_range": 0.01, "discount": 0.5,
        "gae_lambda": 0.5, "value_weight": 0.5, "value_clip": 1e-4, "whiten": False,
    },
    "reinforce": {**_SAMPLED, "kl_beta": 0.5, "baseline": "none"},
    "remax": {**_SAMPLED, "kl_beta": 0.5},
    "rloo": {**_SAMPLED, "kl_beta": 0.5},
}  # fmt: skip

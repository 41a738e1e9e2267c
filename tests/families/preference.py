"""Small runs of preference learning, and another value for every option."""

from __future__ import annotations

from typing import Any

# Options of a run that ends in a fraction of a second.
SMALL: dict[str, dict[str, Any]] = {
    "dpo": {
        "prompts": 6, "samples_per_prompt": 3, "held_out_prompts": 4, "batch_size": 4,
        "warmup_steps": 0,
    },
}  # fmt: skip
# Another value for every option of its own: each must leave another run behind.
OTHERS: dict[str, dict[str, Any]] = {
    "dpo": {
        "beta": 1.0, "batch_size": 2, "preference": "flipped", "objective": "preferred-sft",
        "flip_share": 0.5,
        "prompts": 4, "samples_per_prompt": 4, "max_new_tokens": 3, "held_out_prompts": 2,
        "data": "pairs",
    },
}  # fmt: skip

"""Small runs of preference learning, and another value for every option."""

from __future__ import annotations

from typing import Any

_SMALL: dict[str, Any] = {
    "prompts": 6, "samples_per_prompt": 3, "held_out_prompts": 4, "batch_size": 4,
    "warmup_steps": 0,
}  # fmt: skip
_OTHERS: dict[str, Any] = {
    "batch_size": 2, "preference": "flipped", "flip_share": 0.5, "prompts": 4,
    "samples_per_prompt": 4, "max_new_tokens": 3, "held_out_prompts": 2, "data": "pairs",
}  # fmt: skip
# What each method has beyond the options that all share, and another value for it.
_OWN: dict[str, dict[str, Any]] = {
    "dpo": {"beta": 1.0, "objective": "preferred-sft"},
    "cdpo": {"beta": 1.0, "label_smoothing": 0.4},
    "ipo": {"tau": 1.0, "tokens": "mean"},
    "dpop": {"beta": 1.0, "penalty": 1.0},
    "kto": {"beta": 1.0, "balance": "none", "loss_aversion": 2.0, "data": "labelled"},
    "orpo": {"odds_weight": 1.0},
    "simpo": {"beta": 1.0, "gamma": 0.0, "tokens": "sum"},
    "step-dpo": {
        "beta": 1.0,
        "unit": "answer",
        "step_samples": 50,
        "prompts": 11,
        "max_new_tokens": 5,
    },
    "tdpo": {"beta": 1.0, "version": "tdpo1", "alpha": 2.0},
}
# Options of a run that ends in a fraction of a second.
SMALL: dict[str, dict[str, Any]] = {slug: _SMALL for slug in _OWN}
# A random model seldom takes a right step.
SMALL["step-dpo"] = {**_SMALL, "prompts": 12, "step_samples": 60}
# Another value for every option of its own: each must leave another run behind.
OTHERS: dict[str, dict[str, Any]] = {slug: {**_OTHERS, **own} for slug, own in _OWN.items()}

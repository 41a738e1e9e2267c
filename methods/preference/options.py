"""Options that the methods of preference learning share. Imports no torch."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from methods.engine.options import TrainingOptions, option


class PreferenceOptions(TrainingOptions):
    """Where answers come from, who says which are better, and what the policy is measured on."""

    task_only: ClassVar[tuple[str, ...]] = (
        "prompts", "samples_per_prompt", "max_new_tokens", "held_out_prompts",
    )  # fmt: skip

    task: str = option(
        "movie-reviews", "a built-in task whose score ranks sampled answers", source="ours"
    )
    data: str | None = option(
        None,
        "instead of sampled pairs: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of prompt, "
        "chosen, rejected",
        source="ours",
    )
    batch_size: int = option(64, "pairs of one optimiser step", source="ours", unit="pairs", ge=1)
    steps: int = option(300, "optimiser steps", source="ours", unit="steps", ge=1)
    preference: Literal["reward", "flipped", "random"] = option(
        "reward",
        "who is preferred: the higher reward; flipped and random are controls",
        source="ours",
    )
    flip_share: float = option(
        0.0,
        "chance of each preference to be swapped before training: noisy labels",
        source="ours",
        ge=0,
        le=1,
    )
    prompts: int = option(
        500, "training prompts to sample pairs for", source="ours", unit="prompts", ge=1
    )
    samples_per_prompt: int = option(
        4, "answers sampled to each prompt", source="ours", unit="samples", ge=2, le=16
    )
    max_new_tokens: int | None = option(
        None, "longest sampled answer; none takes the task's", source="ours", unit="tokens", ge=1
    )
    held_out_prompts: int = option(
        200, "held-out prompts the policy is sampled on", source="ours", unit="prompts", ge=2
    )


# Steps of a size that the built-in models learn from in a minute, the same for every method.
TINY: dict[str, Any] = {
    "learning_rate": 1e-4, "batch_size": 32, "steps": 80, "warmup_steps": 10, "prompts": 400,
}  # fmt: skip
SMOLLM2: dict[str, Any] = {
    "precision": "bfloat16", "learning_rate": 3e-5, "batch_size": 16, "steps": 20,
    "warmup_steps": 2, "prompts": 60, "max_new_tokens": 16, "held_out_prompts": 100,
}  # fmt: skip

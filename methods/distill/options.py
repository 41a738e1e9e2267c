"""Options that the methods of distillation share. Imports no torch."""

from __future__ import annotations

from typing import Any

from methods.engine.options import TrainingOptions, option


class DistillOptions(TrainingOptions):
    """Who teaches, and on which prompts."""

    task: str = option(
        "chain-sum:digits=2,held_out=1000",
        "a built-in task that demonstrates its answers",
        source="ours",
    )
    data: str | None = option(
        None,
        "instead of a task: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of prompt and "
        "completion, or of messages",
        source="ours",
    )
    teacher: str = option(
        "auto",
        "a path or a hub id of a model with the same tokenizer; auto, for tiny on a task: the same "
        "decoder trained on 4,000 labels; shuffled: the start with the entries of every weight in "
        "another order, a control that knows nothing",
        source="ours",
        min_length=1,
    )
    demonstrations: int | None = option(
        None,
        "labelled examples used, the first ones; none takes all",
        source="ours",
        unit="rows",
        ge=1,
    )
    batch_size: int = option(64, "answers of one optimiser step", source="ours", unit="rows", ge=1)
    steps: int = option(100, "optimiser steps", source="ours", unit="steps", ge=1)


class SampledOptions(DistillOptions):
    """How the student writes what it is taught on."""

    max_new_tokens: int | None = option(
        None, "longest sampled answer; none takes the task's", source="ours", unit="tokens", ge=1
    )


# Steps of a size that the built-in models learn from in a minute, the same for every method.
TINY: dict[str, Any] = {
    "learning_rate": 1e-3, "schedule": "cosine", "warmup_steps": 10, "batch_size": 64, "steps": 100,
}  # fmt: skip
SMOLLM2: dict[str, Any] = {
    "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16", "learning_rate": 2e-5,
    "batch_size": 16, "steps": 20,
}  # fmt: skip

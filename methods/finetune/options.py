"""What the options of every supervised method have in common. Imports no torch."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import model_validator

from methods.engine.options import TrainingOptions, option


class SupervisedOptions(TrainingOptions):
    """Demonstrations, how many of them make a step, and what must not be forgotten over them."""

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
    demonstrations: int | None = option(
        None, "labelled examples used, the first ones; none takes all", source="ours", ge=1
    )
    labels: Literal["true", "shuffled"] = option(
        "true",
        "shuffled gives every prompt another one's answer: a control that must not learn which "
        "answer belongs to which prompt",
        source="ours",
    )
    batch_size: int = option(
        32, "demonstrations of one optimiser step", source="ours", unit="rows", ge=1
    )
    steps: int = option(300, "optimiser steps", source="ours", unit="steps", ge=1)
    old_task: str | None = option(
        None,
        "a task learned before, whose held-out loss is measured too; the built-in tiny model is "
        "then a start on that task",
        source="ours",
        min_length=1,
    )
    replay: float = option(
        0.0,
        "share of each step's rows that are the old task's own labels, those of its start",
        source="ours",
        ge=0,
        lt=1,
    )

    @model_validator(mode="after")
    def _replay_has_rows(self) -> Self:
        if not self.replay:
            return self
        if self.old_task is None:
            raise ValueError("replay takes rows of a task learned before: give old_task too")
        if not 0 < round(self.replay * self.batch_size) < self.batch_size:
            raise ValueError(
                f"replay={self.replay:g} of {self.batch_size} rows leaves one of the two tasks "
                "without a row; take a larger batch_size or another share"
            )
        return self


# What the built-in models learn from in a minute; a method changes what it must.
TINY: dict[str, Any] = {
    "demonstrations": 4000, "learning_rate": 1e-3, "batch_size": 64, "steps": 300,
    "warmup_steps": 15,
}  # fmt: skip
SMOLLM2: dict[str, Any] = {
    "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16", "learning_rate": 2e-5,
    "batch_size": 16, "steps": 20,
}  # fmt: skip

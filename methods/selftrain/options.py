"""Options that the methods of self-training share. Imports no torch."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from methods.engine.options import TrainingOptions, option


class RoundOptions(TrainingOptions):
    """Rounds of writing and learning from what was written."""

    task: str = option(
        "chain-sum:digits=2,held_out=1000", "a built-in task that scores answers", source="ours"
    )
    data: str | None = option(
        None,
        "instead of a task: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of prompt and "
        "answer, matched exactly",
        source="ours",
    )
    rounds: int = option(
        3, "times that answers are written anew", source="ours", unit="rounds", ge=1, le=100
    )
    steps: int = option(
        120, "optimiser steps of all rounds together", source="ours", unit="steps", ge=1
    )
    batch_size: int = option(64, "rows of one optimiser step", source="ours", unit="rows", ge=1)
    prompts_per_round: int = option(
        1000, "training prompts answered in a round", source="ours", unit="prompts", ge=1
    )
    temperature: float = option(1.0, "of sampling", source="ours", gt=0, le=5)
    max_new_tokens: int | None = option(
        None, "longest answer; none takes the task's", source="ours", unit="tokens", ge=1
    )
    pass_k: int = option(
        8, "samples a held-out prompt for pass@1 and pass@k", source="ours", unit="samples", ge=2
    )

    @model_validator(mode="after")
    def _a_step_in_every_round(self) -> Self:
        if self.steps < self.rounds:
            raise ValueError(
                f"{self.steps} steps are not one for each of {self.rounds} rounds; take more steps "
                "or fewer rounds"
            )
        return self


class FilterOptions(RoundOptions):
    """Rounds that keep the answers which a reward lets through."""

    reward: Literal["task", "random"] = option(
        "task",
        "who says that an answer is right; random is a coin for each, a control that must not "
        "learn",
        source="ours",
    )
    samples_per_prompt: int = option(
        4, "answers written to each prompt", source="ours", unit="samples", ge=1, le=256
    )
    threshold: float = option(
        1.0,
        "an answer is right where its score is at least this; 1 is what a verifier says",
        source="ours",
    )

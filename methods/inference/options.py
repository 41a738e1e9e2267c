"""The options that methods of this family share. Imports no torch: a help page reads them."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from methods.engine.options import ModelOptions, option


class ProblemOptions(ModelOptions):
    """Which problems are answered, and how an answer is drawn."""

    task: str = option(
        "chain-sum:digits=2,held_out=1000", "a built-in task that scores answers", source="ours"
    )
    data: str | None = option(
        None,
        "instead of a task: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of prompt and "
        "answer, matched exactly",
        source="ours",
    )
    prompts: int = option(
        200,
        "held-out prompts, at most as many as the task has",
        source="ours",
        unit="prompts",
        ge=2,
    )
    temperature: float = option(1.0, "of sampling", source="ours", gt=0, le=5)
    max_new_tokens: int | None = option(
        None, "longest answer; none takes the task's", source="ours", unit="tokens", ge=1
    )


class SampledOptions(ProblemOptions):
    """How many answers are drawn to a prompt, and how often the whole is tried."""

    n: int = option(
        16, "answers sampled to each prompt, of which one is kept", source="ours", unit="samples",
        ge=2, le=1024,
    )  # fmt: skip
    repeats: int = option(
        4, "times the choice is tried on each prompt, on samples of its own", source="ours", ge=1
    )


class RankedOptions(SampledOptions):
    """Who scores the answers."""

    scorer: Literal["task", "likelihood", "random"] = option(
        "task",
        "who ranks: the task's verifier or score, the mean log-prob it was sampled with, or a coin",
        source="ours; the paper trains a verifier",
    )
    reward_model: str | None = option(
        None,
        "who ranks instead of scorer: the run folder of bt-rm, orm or prm, or any model for "
        "sequence classification with one label; the task's score is reported all the same",
        source="ours",
        min_length=1,
    )

    @model_validator(mode="after")
    def _one_of_them_ranks(self) -> RankedOptions:
        if self.reward_model is not None and self.scorer != "task":
            raise ValueError(f"scorer={self.scorer} and reward_model cannot both rank; give one")
        return self

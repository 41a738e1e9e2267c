"""Options that the methods of reinforcement learning share. Imports no torch."""

from __future__ import annotations

from pydantic import field_validator, model_validator

from methods.engine.options import TrainingOptions, option


class RlOptions(TrainingOptions):
    """What is sampled, what scores it, and how many updates are made of it."""

    task: str = option(
        "chain-sum:digits=2,held_out=1000", "a built-in task that scores answers", source="ours"
    )
    data: str | None = option(
        None,
        "instead of a task: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of prompt and "
        "answer, matched exactly",
        source="ours",
    )
    reward: str = option(
        "task",
        "task: the task's score; random: a coin for each answer, a control that must not learn; "
        "else a reward model: the folder of a run of bt-rm, a path, or a hub id",
        source="ours",
    )
    prompts_per_step: int = option(16, "prompts of one step", source="ours", unit="prompts", ge=1)
    group_size: int = option(
        1, "answers sampled to each prompt", source="ours", unit="samples", ge=1
    )
    temperature: float = option(1.0, "of sampling and of the loss alike", source="ours", gt=0, le=5)
    max_new_tokens: int | None = option(
        None, "longest answer; none takes the task's", source="ours", unit="tokens", ge=1
    )
    steps: int = option(100, "sampled batches", source="ours", unit="steps", ge=1)
    pass_k: int = option(
        8, "samples a held-out prompt for pass@1 and pass@k", source="ours", unit="samples", ge=2
    )

    @field_validator("reward")
    @classmethod
    def _known_reward(cls, value: str) -> str:
        if value not in ("task", "random") and "/" not in value:
            raise ValueError(
                f"'{value}' is no reward; allowed: task, random, or a reward model as a path or "
                f"hub id with a slash (./{value} for a folder here)"
            )
        return value


class ReuseOptions(RlOptions):
    """How often a sampled batch is learned from; the ratio to the sampler's policy corrects it."""

    updates_per_batch: int = option(
        1, "passes of optimiser updates over each sampled batch", source="ours", ge=1, le=16
    )
    minibatches: int = option(
        1,
        "parts, by prompt, of a sampled batch; each has an optimiser update of its own in every "
        "pass, so that the later ones learn from samples of an older policy",
        source="ours",
        unit="parts",
        ge=1,
        le=64,
    )

    @model_validator(mode="after")
    def _a_prompt_in_every_part(self) -> ReuseOptions:
        if self.minibatches > self.prompts_per_step:
            raise ValueError(
                f"minibatches={self.minibatches} leaves parts without a prompt; allowed: 1 to "
                f"prompts_per_step, which is {self.prompts_per_step}"
            )
        return self


class KlOptions(RlOptions):
    """A pull to the start; the method says whether it stands in the loss or in the reward."""

    kl_beta: float = option(
        0.0, "weight of the KL to the start; 0 keeps no reference", source="ours", ge=0, le=10
    )

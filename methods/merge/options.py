"""The options that every merging method has. Imports no torch: a help page reads them."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import field_validator, model_validator

from methods.engine.options import ModelOptions, option


class MergeOptions(ModelOptions):
    """Which models are merged, or how they are trained first, and on what the merge is measured."""

    rule_only: ClassVar[tuple[str, ...]] = ()  # options that joint training does not read
    experts_only: ClassVar[tuple[str, ...]] = (
        "demonstrations", "expert_steps", "expert_batch_size", "expert_learning_rate",
    )  # fmt: skip

    task: str = option(
        "chain-sum:digits=1,terms=3", "the first task: an expert's, and measured", source="ours"
    )
    other_task: str = option(
        "products:digits=1,terms=3",
        "the second task: the other expert's, and measured",
        source="ours",
    )
    data: str | None = option(
        None,
        "instead of the first task: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of prompt "
        "and completion, or of messages",
        source="ours",
    )
    models: str | None = option(
        None,
        "fine-tuned models to merge, joined by commas: folders or hub ids (id@revision), of the "
        "shapes and the tokenizer of `model`, their common start; none trains one on each task",
        source="ours",
        min_length=1,
    )
    demonstrations: int | None = option(
        None, "labelled examples an expert is trained on; none takes all", source="ours", ge=1
    )
    expert_steps: int = option(
        150, "optimiser steps of an expert", source="ours", unit="steps", ge=1
    )
    expert_batch_size: int = option(
        64, "demonstrations of one of its steps", source="ours", unit="rows", ge=1
    )
    expert_learning_rate: float = option(
        1e-4, "its peak learning rate of AdamW, falling to zero as a cosine", source="ours", gt=0,
        lt=1,
    )  # fmt: skip
    control: Literal["none", "joint", "shuffled"] = option(
        "none",
        "joint trains one model on both tasks instead, as many steps as two experts; shuffled "
        "merges task vectors whose entries are permuted within each tensor, which must gain "
        "nothing",
        source="ours",
    )
    save_model: bool = option(
        True, "keep the merged model in the run folder, Hugging Face layout", source="ours"
    )

    @field_validator("models")
    @classmethod
    def _named_once(cls, value: str | None) -> str | None:
        names = [name.strip() for name in value.split(",")] if value is not None else []
        if any(not name for name in names) or len(set(names)) < len(names):
            raise ValueError(f"models are names joined by commas, each once; not {value!r}")
        return value

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if self.control == "joint":
            self.refuse_idle(self.rule_only, "control=joint", "take control=none")
        elif self.models is not None:
            self.refuse_idle(self.experts_only, f"models={self.models}", "leave models out")
        return self


# A few steps of each expert, on tasks whose prompts hold worked examples.
SMOLLM2: dict[str, Any] = {
    "task": "chain-sum:operations=+-,shots=3", "other_task": "gcd:shots=3",
    "precision": "bfloat16", "expert_steps": 20, "expert_batch_size": 16,
    "expert_learning_rate": 2e-5,
}  # fmt: skip

"""Options that the methods of this family share. Imports no torch."""

from __future__ import annotations

from typing import ClassVar

from methods.engine.options import TrainingOptions, option


class RewardOptions(TrainingOptions):
    """Where the judged answers come from, and what the judge is measured on."""

    task_only: ClassVar[tuple[str, ...]] = (
        "prompts", "samples_per_prompt", "max_new_tokens", "held_out_prompts", "held_out_samples",
    )  # fmt: skip

    prompts: int = option(
        500,
        "training prompts whose sampled answers are judged, the task's last ones: the built-in "
        "tiny model learned the first by heart and errs on few of them",
        source="ours",
        unit="prompts",
        ge=1,
    )
    samples_per_prompt: int = option(
        4, "answers sampled to each training prompt", source="ours", unit="samples", ge=2, le=128
    )
    max_new_tokens: int | None = option(
        None, "longest sampled answer; none takes the task's", source="ours", unit="tokens", ge=1
    )
    held_out_prompts: int = option(
        200, "held-out prompts whose answers are ranked", source="ours", unit="prompts", ge=2
    )
    held_out_samples: int = option(
        16, "answers ranked to each held-out prompt", source="ours", unit="samples", ge=2, le=128
    )

"""What the options of every adapter have in common. Imports no torch."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import field_validator

from methods.engine.options import option
from methods.finetune import options as finetune
from methods.finetune.options import SupervisedOptions


class AdapterOptions(SupervisedOptions):
    """How large the adapter is, how strong, and which layers have one."""

    # These methods are the adapter: peft's beside it is no option here, and is refused.
    lora: ClassVar[None] = None

    rank: int = option(
        8, "rank of the trained change of a layer's weight", source="ours", ge=1, le=4096
    )
    alpha: float = option(
        16.0, "the change counts alpha / rank times", source="ours: twice the rank", gt=0
    )
    rslora: bool = option(
        False,
        "count the change alpha / sqrt(rank) times instead (2312.03732)",
        source="the paper divides by the rank",
    )
    targets: str = option(
        "all-linear",
        "layers that have an adapter: all-linear (all but the head), or names joined by +, such as "
        "q_proj+v_proj",
        source="ours; the papers choose by task",
        min_length=1,
    )
    learning_rate: float = option(2e-4, "peak learning rate of AdamW", source="ours", gt=0, lt=1)
    schedule: Literal["constant", "linear", "cosine"] = option(
        "cosine", "after the warm-up: kept, or falling to zero", source="ours, as for sft"
    )

    @field_validator("targets")
    @classmethod
    def _no_empty_name(cls, value: str) -> str:
        if not all(name.strip() for name in value.split("+")):
            raise ValueError(f"'{value}' has an empty name; allowed: all-linear, or q_proj+v_proj")
        return value

    @property
    def scaling(self) -> float:
        """What the trained change is multiplied by."""
        return self.alpha / (self.rank**0.5 if self.rslora else self.rank)


class FreshOptions(AdapterOptions):
    """Of adapters that begin as no change at all: how their first matrix is drawn."""

    init: Literal["kaiming", "gaussian"] = option(
        "kaiming",
        "how A is drawn: uniform on +- 1 / sqrt(inputs) as peft does, or normal of standard "
        "deviation 1 / rank; B is zero",
        source="the authors' code; the paper says Gaussian",
    )


# The supervised presets, at rates for few parameters.
TINY: dict[str, Any] = {**finetune.TINY, "learning_rate": 3e-3}
SMOLLM2: dict[str, Any] = {**finetune.SMOLLM2, "learning_rate": 2e-4}

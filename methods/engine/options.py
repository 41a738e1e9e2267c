"""What a method's ``Config`` is made of. Imports no torch: a help page reads it in milliseconds.

Every option carries its unit and the source of its default: a section or table of the paper, "the
authors' code", or "ours". Every option either changes the result or is refused here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Options(BaseModel):
    """Frozen, closed to unknown names, defaults checked like given values."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
    task_only: ClassVar[tuple[str, ...]] = ()  # options that mean nothing with a user's data
    data_only: ClassVar[tuple[str, ...]] = ()  # options that mean nothing without

    def refuse_idle(self, names: Iterable[str], beside: str, instead: str) -> None:
        """Raise ValueError where one of ``names`` has a value although ``beside`` leaves it idle.

        The default and what the model's preset gives may stand: nobody asked for them. ``instead``
        says what to do for the option to act: "take control=none".
        """
        preset = preset_of(self)
        for name in names:
            value, default = getattr(self, name), type(self).model_fields[name].get_default()
            usual = preset.get(name, default)
            if value not in (default, usual):
                raise ValueError(
                    f"{name}={_typed(value)} has no effect with {beside}; leave it at "
                    f"{_typed(usual)}, or {instead}"
                )


def preset_of(options: Options) -> Mapping[str, Any]:
    """What ``PRESETS`` beside the class of ``options`` gives for the model that they name."""
    presets = getattr(sys.modules.get(type(options).__module__), "PRESETS", {})
    return presets.get(str(getattr(options, "model", "")).partition("@")[0], {})


def _typed(value: Any) -> str:
    """A value as it is typed on the command line."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def option(default: Any, what: str, *, source: str, unit: str = "", **bounds: Any) -> Any:
    """A field with what it does, the unit it is in, and where its default comes from.

    ``bounds`` are pydantic's: ``ge``, ``gt``, ``le``, ``lt``, ``min_length``.
    """
    extra = {"source": source, "unit": unit}
    return Field(default, description=what, json_schema_extra=extra, **bounds)


class ModelChoice(Options):
    """Which model, and how it computes: all that a method asks which makes its own data."""

    model: str = option(
        "auto",
        "a path, a hub id (id@revision), or a built-in: tiny, smollm2-135m; auto is smollm2-135m "
        "on a GPU and tiny on a CPU",
        source="ours",
        min_length=1,
    )
    precision: Literal["float32", "bfloat16"] = option(
        "float32",
        "compute precision; weights and optimiser stay float32 (bfloat16 is autocast)",
        source="ours",
    )
    sample_batch: int = option(
        256,
        "answers decoded at once; changes memory and speed, not what is drawn",
        source="ours",
        unit="answers",
        ge=1,
    )


class ModelOptions(ModelChoice):
    """A model, and what every method asks of data that it is given."""

    data_only: ClassVar[tuple[str, ...]] = ("skip_bad_rows",)

    skip_bad_rows: bool = option(
        False, "leave out rows of --data that cannot be read, and count them", source="ours"
    )


class Lora(Options):
    """What ``lora`` says: r=16,alpha=32,targets=q_proj+v_proj,rslora=true."""

    r: int = Field(16, ge=1, le=4096)
    alpha: float = Field(32.0, gt=0)
    targets: list[str] = Field(default=["all-linear"], min_length=1)
    rslora: bool = False


def lora_settings(text: str) -> Lora:
    """The settings that ``text`` gives, the rest at their defaults.

    Raises ValueError where it names another setting, or a value that is not allowed.
    """
    values: dict[str, Any] = {}
    for part in filter(None, text.split(",")):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name not in Lora.model_fields:
            allowed = ",".join(f"{n}=..." for n in Lora.model_fields)
            raise ValueError(f"'{part}' is no setting of LoRA; allowed: {allowed}")
        values[name] = value.split("+") if name == "targets" else value
    return Lora(**values)


class TrainingOptions(ModelOptions):
    """The optimiser step that every training method shares."""

    steps: int = option(100, "optimiser steps", source="ours", unit="steps", ge=1)
    learning_rate: float = option(1e-5, "peak learning rate of AdamW", source="ours", gt=0, lt=1)
    schedule: Literal["constant", "linear", "cosine"] = option(
        "constant", "learning rate after the warm-up: kept, or falling to zero", source="ours"
    )
    warmup_steps: int = option(
        0,
        "linear warm-up from zero; a run no longer than it never reaches the peak",
        source="ours",
        unit="steps",
        ge=0,
    )
    weight_decay: float = option(0.0, "AdamW's decoupled weight decay", source="ours", ge=0, lt=1)
    max_grad_norm: float = option(
        1.0, "the gradient is scaled down to at most this 2-norm", source="ours", gt=0
    )
    micro_batch_tokens: int = option(
        8192,
        "tokens of one forward pass, shared beginnings counted once; changes memory and speed, "
        "never the gradient",
        source="ours",
        unit="tokens",
        ge=1,
    )
    lora: str | None = option(
        None,
        "train small matrices beside the frozen weights (peft): r=16,alpha=32,targets=all-linear; "
        "targets are names joined by +; the reference is then the model without them",
        source="ours",
        min_length=1,
    )
    activation_checkpointing: bool = option(
        False,
        "compute each layer again in the backward pass: less memory, one more forward pass",
        source="ours",
    )
    compile_layers: bool = option(
        False,
        "torch.compile each decoder layer, in the first step; one process only",
        source="ours",
    )
    checkpoint_every: int = option(
        20, "steps between checkpoints", source="ours", unit="steps", ge=1
    )
    keep: int = option(2, "newest checkpoints kept", source="ours", unit="checkpoints", ge=1)
    save_model: bool = option(
        True, "keep the final model in the run folder, Hugging Face layout", source="ours"
    )

    # Methods that are an adapter themselves have no such option.
    @field_validator("lora", check_fields=False)
    @classmethod
    def _known_settings(cls, value: str | None) -> str | None:
        if value is not None:
            lora_settings(value)
        return value

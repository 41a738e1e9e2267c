"""What the options of every method that learns a stream of tasks have in common. No torch here."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from methods.engine.options import TrainingOptions, option

SEPARATOR = ";"


def names_of(text: str) -> tuple[str, ...]:
    """The tasks that ``text`` names, in order.

    >>> names_of("gcd:shots=3; products")
    ('gcd:shots=3', 'products')
    """
    return tuple(name.strip() for name in text.split(SEPARATOR))


class StreamOptions(TrainingOptions):
    """Which tasks come one after another, how long each is trained, and what is measured beside."""

    method_only: ClassVar[tuple[str, ...]] = ()  # options that no control reads

    task: str = option("products:digits=1,terms=3", "the first task of the stream", source="ours")
    later_tasks: str = option(
        "gcd:digits=2;chain-sum:terms=3",
        "the tasks that follow it, in order, joined by semicolons",
        source="ours",
        min_length=1,
    )
    data: str | None = option(
        None,
        "instead of the first task: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of prompt "
        "and completion, or of messages",
        source="ours",
    )
    general: str = option(
        "chain-sum:digits=2",
        "a task that is measured and never trained on: it stands for what the start could do; the "
        "built-in tiny model is a start on it",
        source="ours",
        min_length=1,
    )
    demonstrations: int | None = option(
        None, "labelled examples of each task, the first ones; none takes all", source="ours", ge=1
    )
    batch_size: int = option(
        32, "demonstrations of one optimiser step", source="ours", unit="rows", ge=1
    )
    steps: int = option(
        300, "optimiser steps of the whole stream, shared equally among its tasks", source="ours",
        unit="steps", ge=1,
    )  # fmt: skip
    learning_rate: float = option(
        1e-3, "peak learning rate of AdamW in each task", source="ours", gt=0, lt=1
    )
    schedule: Literal["constant", "linear", "cosine"] = option(
        "cosine", "in each task, after its warm-up: kept, or falling to zero", source="ours"
    )
    control: Literal["none", "sequential", "joint"] = option(
        "none",
        "sequential trains the same weights on one task after another and does nothing against "
        "forgetting; joint trains them on all tasks at once, for as many steps",
        source="ours",
    )

    @model_validator(mode="after")
    def _tasks_are_named_once(self) -> Self:
        names = [self.data or self.task, *names_of(self.later_tasks)]
        if not all(names) or len(set(names)) < len(names):
            raise ValueError(
                f"the stream is {SEPARATOR.join(names)!r}; allowed: at least two tasks, each once, "
                f"the later ones joined by '{SEPARATOR}'"
            )
        return self

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if self.control != "none":
            self.refuse_idle(self.method_only, f"control={self.control}", "take control=none")
        return self


# Three kinds of arithmetic, some seconds each.
TINY: dict[str, Any] = {"steps": 450, "warmup_steps": 10}
SMOLLM2: dict[str, Any] = {
    "task": "products:digits=1,terms=2,shots=3",
    "later_tasks": "gcd:shots=3;chain-sum:operations=+-,shots=3",
    "general": "chain-sum:digits=2,shots=3", "precision": "bfloat16", "learning_rate": 2e-5,
    "batch_size": 16, "steps": 30,
}  # fmt: skip

"""The options that every active-learning method has. Imports no torch: a help page reads them."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from methods.engine.options import ModelOptions, option

CLASS = "{class}"  # stands for the class in what a language model is asked


class ActiveOptions(ModelOptions):
    """What is labelled, how much of it and in which steps, and what learns from it."""

    rule_only: ClassVar[tuple[str, ...]] = ()  # options of how texts are chosen

    task: str = option(
        "rated-sentences:domain=tweets,held_out=800",
        "a built-in task whose answers are a few classes",
        source="ours",
    )
    data: str | None = option(
        None,
        "instead of a task: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of prompt and "
        "answer; the answers are the classes",
        source="ours",
    )
    pool: int = option(
        1500, "texts that may be labelled, at most as many as the task has", source="ours",
        unit="texts", ge=4,
    )  # fmt: skip
    initial: int = option(
        20, "texts labelled before the first choice, drawn at random", source="ours",
        unit="texts", ge=1,
    )  # fmt: skip
    batch: int = option(
        40, "texts chosen and labelled in a round", source="ours", unit="texts", ge=1
    )
    rounds: int = option(10, "times that texts are chosen", source="ours", unit="rounds", ge=1)
    features: Literal["words", "states"] = option(
        "words",
        "what the learner sees of a text: its words (TF-IDF), or the mean of the language model's "
        "last hidden states",
        source="ours",
    )
    ridge: float = option(
        0.1, "the learner's penalty: half of it times the squared norm of its weights is added to "
        "the nats of all labels", source="ours", gt=0,
    )  # fmt: skip
    control: Literal["none", "random", "shuffled"] = option(
        "none",
        "random chooses texts at random; shuffled asks for the label of another text each time, so "
        "that nothing can be learned",
        source="ours",
    )

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if self.control == "random":
            self.refuse_idle(self.rule_only, "control=random", "take control=none")
        return self


class AnnotatorOptions(ActiveOptions):
    """What else is chosen where the language model says what a text is."""

    calibration: Literal["none", "mean"] = option(
        "none",
        "mean divides the model's probabilities by their mean over the first texts of the run, so "
        "that a class it always favours is not; it takes the classes to be about as frequent",
        source="ours",
    )


# The tiny model knows the sums it was trained on, and nothing of what people feel; words do not
# show what a sum is, its states do.
SUMS: dict[str, Any] = {"task": "chain-sum:digits=1,terms=3", "features": "states"}
# Fewer texts to measure on: the model reads each once, for reference.
SMOLLM2: dict[str, Any] = {
    "task": "rated-sentences:domain=tweets,held_out=300", "batch": 20, "precision": "bfloat16",
}  # fmt: skip

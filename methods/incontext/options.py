"""The options that in-context methods share. Imports no torch: a help page reads them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator

from methods.engine.options import ModelChoice, option

LawName = Literal[
    "brownian-motion", "logistic-map", "noisy-logistic-map", "markov-chain", "iid-gaussian"
]


class NumericOptions(ModelChoice):
    """How numbers are written for a model that reads text."""

    digits: int = option(
        3,
        "digits of a written number: 10 to this power bins, of which the series spans 7 in 10",
        source="2402.00795 and 2410.11711, official code: three digits",
        unit="digits",
        ge=1,
        le=3,
    )
    separator: str = option(
        ",", "what stands behind each number; one token of the model", source="2402.00795",
        min_length=1,
    )  # fmt: skip

    @field_validator("separator")
    @classmethod
    def _no_digit(cls, value: str) -> str:
        if any(c.isdigit() for c in value):
            raise ValueError(f"separator {value!r} holds a digit: numbers could not be told apart")
        return value


_DOMAINS = ("products", "tweets", "news")


class HintOptions(ModelChoice):
    """Whose hints a language model is given, on which texts, and how they are written."""

    task: str = option(
        "rated-sentences:domain=movies,held_out=200",
        "the small model's home: it learns from this task's labels; its held-out texts are the "
        "ones within its domain",
        source="ours; the papers: GLUE",
    )
    other_tasks: str = option(
        ";".join(f"rated-sentences:domain={domain},held_out=200" for domain in _DOMAINS),
        "tasks with the same answers and other texts, ';' between them: out of the small model's "
        "domain",
        source="ours; 2312.15918: GLUE-X",
        min_length=1,
    )
    labelled: int = option(
        2000, "texts that the small model learns from, at most as many as there are",
        source="ours; the papers: whole training sets", unit="texts", ge=2,
    )  # fmt: skip
    ridge: float = option(
        1.0, "the small model's penalty: half of it times the squared norm of its weights is added "
        "to the nats of all labels", source="ours", gt=0,
    )  # fmt: skip
    shots: int = option(
        8, "texts with their labels before the one that is asked", source="ours; 2305.08848: 32",
        unit="texts", ge=1, le=64,
    )  # fmt: skip
    resamples: int = option(
        3, "times that shots are drawn anew; measures are means over them",
        source="2312.15918: three", unit="draws", ge=1, le=20,
    )  # fmt: skip
    shots_from: Literal["training", "unseen"] = option(
        "training",
        "training draws shots among the texts that the small model learned from, where it is more "
        "often right, and surer, than elsewhere; unseen among others of its domain",
        source="official code of 2305.08848: the training set",
    )
    wording: Literal["words", "marks"] = option(
        "words", "how all is written: in English, or in one character a field", source="ours"
    )
    confidence: bool = option(
        True, "the hint says how sure the small model is", source="2305.08848 and 2312.15918"
    )
    calibration: Literal["none", "mean"] = option(
        "none",
        "mean divides the language model's probabilities by their mean over the texts of a domain, "
        "so that a label it always favours is not; it takes labels to be about as frequent",
        source="ours",
    )
    control: Literal["none", "flipped"] = option(
        "none",
        "flipped gives the text that is asked another label than the small model's, with its "
        "confidence: who follows such a hint copies",
        source="ours",
    )


# What suits the built-in models: made-up words for the one, which reads nothing else.
HINTED_SIGNS: dict[str, Any] = {
    "task": "word-signs:domain=home",
    "other_tasks": ";".join(f"word-signs:domain={domain}" for domain in ("near", "mid", "far")),
    "labelled": 60,
    "shots": 4,
    "wording": "marks",
}
HINTED_SENTENCES: dict[str, Any] = {
    "task": "rated-sentences:domain=movies,held_out=150",
    "other_tasks": ";".join(f"rated-sentences:domain={d},held_out=150" for d in _DOMAINS),
    "resamples": 1,
}


class SacOptions(NumericOptions):
    """What soft actor-critic is told."""

    batch: int = option(
        64, "recorded transitions of an update", source="2410.11711, Table of Pendulum",
        unit="transitions", ge=1,
    )  # fmt: skip
    width: int = option(
        256, "units of each of two hidden layers of every network", source="official code",
        unit="units", ge=1,
    )  # fmt: skip
    policy_rate: float = option(
        3e-4, "Adam's learning rate of the policy", source="2410.11711, hyper-parameters", gt=0,
        lt=1,
    )  # fmt: skip
    value_rate: float = option(
        1e-3, "Adam's learning rate of critics and temperature", source="official code", gt=0, lt=1
    )
    discount: float = option(
        0.99, "of the value of the next state", source="2410.11711, hyper-parameters", ge=0, lt=1
    )
    follow: float = option(
        0.005, "the critics' targets move this share of the way in each update",
        source="official code", gt=0, le=1,
    )  # fmt: skip
    policy_every: int = option(
        2, "updates of the critics between those of the policy, which are as many at once",
        source="official code", unit="updates", ge=1,
    )  # fmt: skip
    separate: bool = option(
        False,
        "the predicted batch is an optimiser step of its own behind the recorded one; else both "
        "losses are one sum",
        source="2410.11711, Algorithm 2; the official code has two steps",
    )

"""The options that in-context methods share. Imports no torch: a help page reads them."""

from __future__ import annotations

from typing import Literal

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

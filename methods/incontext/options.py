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

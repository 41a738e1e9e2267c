"""What a piece of a run computes, as counts that a device's constants turn into seconds.

A piece is one forward pass over packed rows (with or without its backward pass), one step of
decoding, or one optimiser update. Seconds are the sum over counts of count x constant, and
``tests/benchmarks/constants.py`` fits the constants to timed pieces of these very counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.runs.shapes import ModelShape

Counts = Mapping[str, float]


@dataclass(frozen=True)
class Pass:
    """Rows packed into one flat row of tokens; what they begin with alike stands there once."""

    tokens: float  # of the flat row
    loss_tokens: float  # tokens with a label, and so with logits
    pairs: float  # (token, token before it in its own row)
    rows: float
    row_tokens: float  # of all rows, nothing shared
    keys: float  # keys that attention gathers: a shared beginning counts for each that sees it


def pass_counts(shape: ModelShape, done: Pass) -> Counts:
    """Counts of one pass: operations, numbers moved, Python's part."""
    linear = 2.0 * done.tokens * shape.layers * shape.linear_parameters
    head = 2.0 * done.loss_tokens * shape.head_parameters
    moved = 12 * shape.width + 6 * (shape.attention_width + 2 * shape.cache_width)
    return {
        "layers": shape.layers,
        "operations": linear + head,
        "numbers": done.tokens * shape.layers * (moved + 4 * shape.intermediate),
        "attention": 4.0 * done.pairs * shape.layers * shape.attention_width,
        "keys": done.keys * shape.layers * shape.cache_width,
        "logits": done.loss_tokens * shape.vocabulary,
        "weights": shape.parameters,
        "rows": done.rows,
        "row_tokens": done.row_tokens,
    }


def prefill_counts(shape: ModelShape, prompts: float, answers: float, length: float) -> Counts:
    """Counts of reading ``prompts`` of ``length`` tokens into the slots of ``answers``.

    Each slot gets its prompt's keys and values, and its first token is drawn.
    """
    tokens = prompts * length
    read = Pass(tokens, 0, tokens * (length + 1) / 2, prompts, tokens, tokens)
    return {
        **pass_counts(shape, read),
        "logits": answers * shape.vocabulary,
        "filled": 2.0 * answers * length * shape.layers * shape.cache_width,
    }


def decode_counts(shape: ModelShape, slots: float, length: float) -> Counts:
    """Counts of one token more for each of ``slots`` answers, ``length`` tokens long so far."""
    linear = shape.layers * shape.linear_parameters + shape.head_parameters
    return {
        "step": 1,
        "layers": shape.layers,
        "operations": 2.0 * slots * linear,
        "weights": shape.parameters,
        "cache": 2.0 * slots * length * shape.layers * shape.cache_width,
        "logits": slots * shape.vocabulary,
        "answers": slots,
    }


def update_counts(trained: float, matrices: float) -> Counts:
    """Counts of one clip and AdamW update of ``trained`` weights in ``matrices`` pieces."""
    return {"weights": trained, "matrices": matrices}


def seconds(counts: Counts, constants: Mapping[str, float]) -> float:
    """Sum of count x seconds of one; what a device has no constant for costs nothing."""
    return sum(value * constants.get(name, 0.0) for name, value in counts.items())

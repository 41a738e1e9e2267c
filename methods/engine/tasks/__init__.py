"""The built-in tasks as a plain list of facts, and how a task is named on the command line.

A task is written ``name`` or ``name:option=value,option=value``. Importing this module imports
neither torch nor a task's own packages; ``build_task`` does.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationError

from methods.engine.errors import TaskError
from methods.engine.options import Options, option

if TYPE_CHECKING:
    from methods.engine.tasks.task import Task


class SplitOptions(Options):
    """How much of a task is held out."""

    held_out: Annotated[int, Field(ge=1, le=2000)] | Literal["auto"] = option(
        "auto",
        "problems held out for measuring; auto is 200, or a quarter of a task of under 800",
        source="ours",
        unit="problems",
    )


class ArithmeticOptions(SplitOptions):
    """Operands, and worked examples in front of the question."""

    digits: int = option(1, "digits of each operand", source="ours", unit="digits", ge=1, le=3)
    terms: int = option(2, "operands", source="ours", unit="operands", ge=2, le=4)
    shots: int = option(
        0,
        "worked examples in the prompt, the same for every problem and in neither split; with "
        "them text is spaced, '2 + 3 = 5', as pretrained models know it",
        source="ours",
        unit="examples",
        ge=0,
        le=8,
    )


class ChainSumOptions(ArithmeticOptions):
    """Sums, or sums and differences."""

    operations: Literal["+", "+-"] = option(
        "+", "signs between the operands; +- allows negative answers", source="ours"
    )


class RunningSumOptions(SplitOptions):
    """Numbers to be added one at a time."""

    digits: int = option(1, "digits of each number", source="ours", unit="digits", ge=1, le=3)
    terms: int = option(5, "numbers to add", source="ours", unit="numbers", ge=3, le=6)


class MovieReviewOptions(SplitOptions):
    """Prefixes of real review sentences, to be continued."""

    prefix_words: int = option(
        4, "words of the sentence given as the prompt", source="ours", unit="words", ge=2, le=8
    )
    max_chars: int = option(
        100,
        "longest sentence kept, which also bounds a continuation",
        source="ours",
        unit="characters",
        ge=40,
        le=300,
    )


class RatedSentenceOptions(SplitOptions):
    """Sentences that people rated, of one kind of text."""

    domain: Literal["movies", "products", "tweets", "news"] = option(
        "movies", "where the sentences are from", source="ours"
    )
    max_chars: int = option(
        140, "longest sentence kept", source="ours", unit="characters", ge=40, le=400
    )


class WordSignOptions(SplitOptions):
    """Texts of made-up words, of one kind of text."""

    domain: Literal["home", "near", "mid", "far"] = option(
        "home",
        "of which words a text is: home has words of its own, far those of another kind, near and "
        "mid both",
        source="ours",
    )


@dataclass(frozen=True)
class TaskInfo:
    """Facts about one task; ``entry`` is ``module:function``, called by ``build_task``."""

    name: str
    summary: str
    options: type[Options]
    entry: str


TASKS: tuple[TaskInfo, ...] = (
    TaskInfo(
        "chain-sum",
        "Add (or add and subtract) a few integers; the answer is checked exactly.",
        ChainSumOptions,
        "methods.engine.tasks.arithmetic:chain_sum",
    ),
    TaskInfo(
        "gcd",
        "The greatest common divisor of a few integers; the answer is checked exactly.",
        ArithmeticOptions,
        "methods.engine.tasks.arithmetic:gcd",
    ),
    TaskInfo(
        "movie-reviews",
        "Continue the first words of a movie review; the reward is VADER's sentiment score.",
        MovieReviewOptions,
        "methods.engine.tasks.sentiment:movie_reviews",
    ),
    TaskInfo(
        "products",
        "Multiply a few integers; the answer is checked exactly.",
        ArithmeticOptions,
        "methods.engine.tasks.arithmetic:products",
    ),
    TaskInfo(
        "rated-sentences",
        "Say whether a sentence is positive or negative, as people rated it; checked exactly.",
        RatedSentenceOptions,
        "methods.engine.tasks.rated:rated_sentences_task",
    ),
    TaskInfo(
        "running-sum",
        "Add a few integers one at a time; every step and the result are checked exactly.",
        RunningSumOptions,
        "methods.engine.tasks.running_sum:running_sum",
    ),
    TaskInfo(
        "word-signs",
        "Say whether a text of made-up words, each good or bad, is good or bad; checked exactly.",
        WordSignOptions,
        "methods.engine.tasks.word_signs:word_signs",
    ),
)


def parse_task(text: str) -> tuple[TaskInfo, Options]:
    """The task that ``text`` names and its checked options.

    >>> info, options = parse_task("chain-sum:digits=2")
    >>> info.name, options.digits, options.terms
    ('chain-sum', 2, 2)

    Raises TaskError (a ValueError) with the nearest task, option or the allowed range.
    """
    name, _, rest = text.strip().partition(":")
    info = next((t for t in TASKS if t.name == name.strip()), None)
    if info is None:
        raise TaskError(_unknown("task", name.strip(), [t.name for t in TASKS]))
    given: dict[str, str] = {}
    for part in rest.split(",") if rest.strip() else []:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key or not value:
            raise TaskError(f"task '{text}': '{part.strip()}' is not option=value")
        if key in given:
            raise TaskError(f"task '{text}': option '{key}' is given twice")
        if key not in info.options.model_fields:
            raise TaskError(_unknown(f"option of task {info.name}", key, info.options.model_fields))
        given[key] = value
    try:
        return info, info.options.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        allowed = _allowed(info.options, field)
        raise TaskError(
            f"task '{text}': {field}={given[field]} is not allowed; allowed: {allowed}"
        ) from None


def canonical_task(text: str) -> str:
    """``text`` with every option written out in a fixed order, defaults included.

    >>> canonical_task("gcd: shots=3")
    'gcd:digits=1,held_out=auto,shots=3,terms=2'
    """
    info, options = parse_task(text)
    return f"{info.name}:" + ",".join(f"{k}={v}" for k, v in sorted(options.model_dump().items()))


def build_task(text: str, cache_dir: Path) -> Task:
    """The task itself. May fetch data once into ``cache_dir``; imports the task's packages.

    Raises TaskError where ``text`` is wrong or the data cannot be had.
    """
    info, options = parse_task(text)
    module, _, function = info.entry.partition(":")
    build = getattr(importlib.import_module(module), function)
    task: Task = build(canonical_task(text), options, cache_dir)
    return task


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name.lower().replace("_", "-"), names, n=1, cutoff=0.5)
    near = near or difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"unknown {kind} '{name}'.{hint} Known: {', '.join(names)}"


def _allowed(options: type[Options], field: str) -> str:
    """The range or the choices of a field, from its JSON schema."""
    schema: dict[str, Any] = options.model_json_schema()["properties"][field]
    choices: list[str] = []
    for kind in schema.get("anyOf", [schema]):
        if "const" in kind:
            choices.append(str(kind["const"]))
        elif "enum" in kind:
            choices += [str(value) for value in kind["enum"]]
        else:
            low = kind.get("minimum", schema.get("minimum"))
            high = kind.get("maximum", schema.get("maximum"))
            choices.append(f"a whole number from {low} to {high}")
    return " or ".join(choices)

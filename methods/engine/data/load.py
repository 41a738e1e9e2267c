"""A whole source as typed examples, and what becomes of its bad rows.

Rows pass through one at a time: what is held is the examples, never the rows they came from.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from methods.engine.data import shapes
from methods.engine.data.chat import ChatTokenizer
from methods.engine.data.row import BadRow, Row
from methods.engine.data.sources import parse_layout, rows_of
from methods.engine.data.types import Demonstration, Labelled, Pair, Prompt, Steps
from methods.engine.errors import DataError

LOOK_ON = 10_000  # rows still read behind the first bad one, to say how many are bad
SAID = 5  # bad rows told of one by one
T = TypeVar("T")
Shape = Callable[[Row, str | None], T]


class Loaded(tuple[T, ...]):
    """The examples in the source's order; ``skipped`` rows are not among them.

    ``reasons`` says what was wrong with the first five of those, a sentence each.
    """

    skipped: int
    reasons: tuple[str, ...]

    def __new__(cls, rows: Iterable[T], skipped: int = 0, reasons: Iterable[str] = ()) -> Loaded[T]:
        """A tuple of ``rows`` that remembers what was left out."""
        made = super().__new__(cls, rows)
        made.skipped, made.reasons = skipped, tuple(reasons)
        return made


def load_demonstrations(
    source: str, tokenizer: ChatTokenizer, *, skip_bad_rows: bool = False
) -> Loaded[Demonstration]:
    """Every row as a prompt and the answer to imitate. Raises DataError at a bad row or none."""
    return _load(source, lambda row, how: shapes.demonstration(row, tokenizer, how), skip_bad_rows)


def load_pairs(
    source: str, tokenizer: ChatTokenizer, *, skip_bad_rows: bool = False
) -> Loaded[Pair]:
    """Every row as a prompt with a better and a worse answer. Raises DataError at a bad row."""
    return _load(source, lambda row, how: shapes.pair(row, tokenizer, how), skip_bad_rows)


def load_prompts(
    source: str,
    tokenizer: ChatTokenizer | None,
    *,
    need_answer: bool = False,
    skip_bad_rows: bool = False,
) -> Loaded[Prompt]:
    """Every row as a prompt, and its answer where there is one (``need_answer``: in every row).

    Without a tokenizer conversations are refused. Raises DataError at a bad row or none.
    """

    def shape(row: Row, how: str | None) -> Prompt:
        return shapes.prompt(row, tokenizer, how, need_answer=need_answer)

    return _load(source, shape, skip_bad_rows)


def load_labelled(
    source: str, tokenizer: ChatTokenizer, *, skip_bad_rows: bool = False
) -> Loaded[Labelled]:
    """Every row as a prompt with an answer that is good or not. Raises DataError at a bad row."""
    return _load(source, lambda row, how: shapes.labelled(row, tokenizer, how), skip_bad_rows)


def load_steps(
    source: str, tokenizer: ChatTokenizer | None, *, skip_bad_rows: bool = False
) -> Loaded[Steps]:
    """Every row as a prompt with an answer in judged steps. Raises DataError at a bad row."""
    return _load(source, lambda row, how: shapes.steps(row, tokenizer, how), skip_bad_rows)


def _load(source: str, shape: Shape[T], skip: bool) -> Loaded[T]:
    kept: list[T] = []
    reasons: list[str] = []
    skipped = 0
    examples = _examples(source, shape)
    for example in examples:
        if not isinstance(example, BadRow):
            kept.append(example)
            continue
        if not skip:
            raise _refusal(example, len(kept), examples)
        skipped += 1
        if skipped <= SAID:
            reasons.append(str(example))
            _say(f"skipped: {example}")
    if skipped:
        total = len(kept) + skipped
        _say(f"{source}: {skipped} of {total} rows are bad and are skipped")
    if not kept and skipped:
        raise DataError(
            f"{source}: no rows are left, all {skipped} are bad and were skipped; the first: "
            f"{reasons[0]}"
        )
    if not kept:
        raise DataError(f"{source}: no rows; at least one is needed")
    return Loaded(kept, skipped, reasons)


def _examples(source: str, shape: Shape[T]) -> Iterator[T | BadRow]:
    """Of each row the example, or what is wrong with it."""
    _, layout = parse_layout(source)
    for row in rows_of(source):
        try:
            yield _shaped(row, shape, layout)
        except BadRow as error:
            yield error


def _shaped(row: Row | BadRow, shape: Shape[T], layout: str | None) -> T:
    if isinstance(row, BadRow):
        raise row
    if row.values.get("tools") not in (None, "", "[]", [], {}):
        raise row.error("tools", "tool definitions are not supported; remove the column")
    return shape(row, layout)


def _refusal(first: BadRow, good: int, rest: Iterator[T | BadRow]) -> DataError:
    """The bad row behind ``good`` good ones, how many more there are, and what to do about them."""
    total, bad, whole = good + 1, 1, True
    try:
        for example in islice(rest, LOOK_ON):
            total += 1
            bad += isinstance(example, BadRow)
        whole = next(rest, None) is None
    except DataError:  # the source itself is broken further on; the bad row came first
        whole = False
    rows = f"{total:,} rows" if whole else f"the first {total:,} rows"
    if total == 1 and whole:
        return DataError(str(first))
    if bad == total:
        return DataError(f"{first}; all {'' if whole else 'of '}{rows} are bad")
    found = f"{bad:,} of {rows} {'is' if bad == 1 else 'are'} bad"
    return DataError(f"{first}; {found}: mend what is bad, or leave it out with --skip-bad-rows")


def _say(line: str) -> None:
    """On stderr, once: of a run's processes, which all read the data, the first speaks."""
    if os.environ.get("RANK", "0") == "0":
        print(line, file=sys.stderr)

"""Which layout a row has, by its columns; and the Alpaca and ShareGPT layouts as TRL's types.

alpaca      instruction, output; or instruction, chosen, rejected; optionally input, system
sharegpt    conversations, a list of {"from": ..., "value": ...}; optionally chosen and
            rejected, one such message each; optionally system
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from methods.engine.data.chat import ChatTokenizer, Messages
from methods.engine.data.row import Row, kind, listed, show, text
from methods.engine.errors import DataError

# The names that ShareGPT's own files use, and those of TRL, which some files mix in.
SPEAKERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "system": "system",
}


class Reading(NamedTuple):
    """One way to read a row: its layout, the columns it needs, and what to call it."""

    layout: str
    needs: frozenset[str]
    words: str


def reading(layout: str, *needs: str) -> Reading:
    """``needs`` together make ``layout``."""
    words = " and ".join(needs)
    known = {"alpaca": "Alpaca", "sharegpt": "ShareGPT"}.get(layout)
    return Reading(layout, frozenset(needs), f"{words} ({known})" if known else words)


def choose(
    row: Row, readings: Sequence[Reading], layout: str | None, needed: str | None = None
) -> Reading:
    """The one of ``readings`` that fits the row's columns, or is ``layout`` where one was asked.

    Raises BadRow where none fits or several do, DataError where ``layout`` is none of them.
    """
    allowed = [r for r in readings if layout in (None, r.layout)]
    if not allowed:
        known = ", ".join(f"#{r.layout}" for r in readings)
        raise DataError(f"{row.source}: cannot be read as #{layout} here; allowed: {known}")
    fitting = [r for r in allowed if r.needs <= row.values.keys()]
    if not fitting:
        raise row.no_columns(needed or ", or ".join(r.words for r in allowed))
    if len(fitting) > 1:
        both = " and as ".join(r.words for r in fitting)
        hints = " or ".join(f"#{r.layout}" for r in fitting)
        raise row.whole_error(
            f"the columns can be read as {both}; say which with {hints} behind the source"
        )
    return fitting[0]


def from_alpaca(row: Row, answers: Mapping[str, str], tokenizer: ChatTokenizer | None) -> Row:
    """The row with a prompt, and with ``answers`` (our column: the file's).

    It is a conversation where the model has a chat template; else the system text, the instruction
    and the input are a plain prompt, a line each.
    """
    if row.values.get("history"):
        raise row.error("history", "earlier turns are not supported; put them into 'messages'")
    system, given = _optional(row, "system"), _optional(row, "input")
    question = "\n".join(part for part in (text(row, "instruction"), given) if part)
    written = {ours: text(row, theirs) for ours, theirs in answers.items()}
    values: dict[str, Any]
    if tokenizer is not None and tokenizer.chat_template:
        values = {ours: _said("assistant", answer) for ours, answer in written.items()}
        values["prompt"] = (_said("system", system) if system else []) + _said("user", question)
    else:
        prompt = "".join(f"{part}\n" for part in (system, question) if part)
        values = {**written, "prompt": prompt}
    return replace(
        row,
        values={**row.values, **values},
        names={"prompt": "instruction", **answers},
        cells=False,
    )


def from_sharegpt(row: Row, answers: Sequence[str] = ()) -> Row:
    """The row with its conversation in ``messages``, or in ``prompt`` with ``answers`` to it."""
    talk = _speeches(row, "conversations")
    system = _optional(row, "system")
    if system and talk[0]["role"] == "system":
        raise row.error("system", "is given beside a system message in the conversation; drop one")
    if system:
        talk = _said("system", system) + talk
    column = "prompt" if answers else "messages"
    values = {column: talk, **{answer: _speeches(row, answer) for answer in answers}}
    return replace(row, values={**row.values, **values}, names={column: "conversations"})


def without_answer(row: Row) -> Row:
    """A conversation in ``messages`` as a prompt: an assistant's message at its end is dropped."""
    talk = row.values["messages"]
    if talk[-1]["role"] == "assistant":
        talk = talk[:-1]
    return replace(
        row, values={**row.values, "prompt": talk}, names={"prompt": row.name("messages")}
    )


def _speeches(row: Row, column: str) -> Messages:
    value = row.values[column]
    found = []
    speeches = [value] if isinstance(value, dict) else listed(row, column, "messages")
    for place, speech in enumerate(speeches, start=1):
        if not isinstance(speech, dict):
            raise row.error(column, f"message {place} is {kind(speech)}, not an object")
        if {"from", "value"} <= speech.keys():
            speaker, said = speech["from"], speech["value"]
        elif {"role", "content"} <= speech.keys():
            speaker, said = speech["role"], speech["content"]
        else:
            raise row.error(column, f"message {place} is not an object with from and value")
        if not isinstance(speaker, str) or speaker not in SPEAKERS:
            raise row.error(
                column, f"message {place} is from {show(speaker)}; allowed: {', '.join(SPEAKERS)}"
            )
        found.append({"role": SPEAKERS[speaker], "content": said})
    return found


def _optional(row: Row, column: str) -> str:
    return text(row, column, empty=True) if row.values.get(column) is not None else ""


def _said(role: str, content: str) -> Messages:
    return [{"role": role, "content": content}]

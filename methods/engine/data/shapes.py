"""One row of a source as one typed example: which columns are read, and how."""

from __future__ import annotations

from methods.engine.data.chat import (
    ChatTokenizer,
    answered,
    last_answer,
    open_prompt,
    two_conversations,
)
from methods.engine.data.convert import (
    choose,
    from_alpaca,
    from_sharegpt,
    reading,
    without_answer,
)
from methods.engine.data.row import Row, check_text, flag, kind, listed, number_or_text, text
from methods.engine.data.types import Demonstration, Labelled, Pair, Prompt, Steps

_PROMPT = reading("prompt", "prompt")
_SHAREGPT = reading("sharegpt", "conversations")
_ASKED = reading("alpaca", "instruction")
_ANSWERS = (
    reading("prompt", "prompt", "completion"),
    reading("messages", "messages"),
    reading("text", "text"),
    reading("alpaca", "instruction", "output"),
    _SHAREGPT,
)
_JUDGED = (
    reading("prompt", "prompt", "completion", "label"),
    reading("messages", "messages", "label"),
    reading("alpaca", "instruction", "output", "label"),
    reading("sharegpt", "conversations", "label"),
)
_ASKING = (_PROMPT, _ASKED, _SHAREGPT)
_WHOLE = reading("messages", "chosen", "rejected")
_STEPS = (reading("prompt", "prompt", "completions", "labels"),)


def demonstration(row: Row, tokenizer: ChatTokenizer, layout: str | None) -> Demonstration:
    """A prompt and the answer to imitate; of plain text all is answer. Raises BadRow."""
    chosen = choose(row, _ANSWERS, layout).layout
    if chosen == "text":
        return Demonstration("", text(row, "text"))
    return Demonstration(*_one_answer(row, chosen, tokenizer))


def labelled(row: Row, tokenizer: ChatTokenizer, layout: str | None) -> Labelled:
    """A prompt, an answer, and whether that is good. Raises BadRow."""
    chosen = choose(row, _JUDGED, layout).layout
    return Labelled(*_one_answer(row, chosen, tokenizer), flag(row, "label"))


def pair(row: Row, tokenizer: ChatTokenizer, layout: str | None) -> Pair:
    """A prompt with a better and a worse answer. Raises BadRow."""
    if not {"chosen", "rejected"} <= row.values.keys():
        raise row.no_columns("chosen and rejected, with prompt unless they are conversations")
    answers = ("chosen", "rejected")
    if layout is None and not any(r.needs <= row.values.keys() for r in _ASKING):
        how = _WHOLE
    else:
        # Every pair has these columns: only who asks for whole conversations gets them here.
        how = choose(row, (*_ASKING, _WHOLE) if layout else _ASKING, layout)
    if how is _WHOLE:
        prompt, (better, worse) = two_conversations(row, tokenizer)
    else:
        if how is _ASKED:
            row = from_alpaca(row, {name: name for name in answers}, tokenizer)
        elif how is _SHAREGPT:
            row = from_sharegpt(row, answers)
        prompt, (better, worse) = answered(row, answers, tokenizer)
    if better == worse:
        raise row.error("rejected", "is the same as 'chosen': no preference; drop the row")
    return Pair(prompt, better, worse)


def prompt(
    row: Row, tokenizer: ChatTokenizer | None, layout: str | None, *, need_answer: bool
) -> Prompt:
    """A prompt, and its answer where there is one. Raises BadRow."""
    how = choose(row, _ASKING, layout)
    if how is _ASKED:
        row = from_alpaca(row, {}, tokenizer)
    elif how is _SHAREGPT:
        row = without_answer(from_sharegpt(row))
    answer = number_or_text(row, "answer")
    if need_answer and answer is None:
        raise row.error("answer", "is missing; this method scores answers against it")
    return Prompt(open_prompt(row, tokenizer), answer)


def steps(row: Row, tokenizer: ChatTokenizer | None, layout: str | None) -> Steps:
    """A prompt, the steps of an answer, and of each whether it is right. Raises BadRow."""
    choose(row, _STEPS, layout)
    completions = listed(row, "completions", "texts")
    labels = listed(row, "labels", "true or false")
    if len(labels) != len(completions):
        raise row.error("labels", f"has {len(labels)} entries for {len(completions)} completions")
    for place, (step, label) in enumerate(zip(completions, labels, strict=True), start=1):
        check_text(row, "completions", step, f"step {place} ")
        if not step.strip():
            raise row.error("completions", f"step {place} is empty; drop it and its label")
        if not isinstance(label, bool):
            raise row.error("labels", f"label {place} is {kind(label)}; allowed: true, false")
    return Steps(open_prompt(row, tokenizer, empty=True), tuple(completions), tuple(labels))


def _one_answer(row: Row, layout: str, tokenizer: ChatTokenizer) -> tuple[str, str]:
    """Prompt and completion of a row in any layout but plain text."""
    if layout == "sharegpt":
        row = from_sharegpt(row)
    if layout in ("messages", "sharegpt"):
        return last_answer(row, "messages", tokenizer)
    if layout == "alpaca":
        row = from_alpaca(row, {"completion": "output"}, tokenizer)
    asked, (completion,) = answered(row, ("completion",), tokenizer)
    return asked, completion

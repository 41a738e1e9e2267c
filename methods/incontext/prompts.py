"""How a text, a small model's hint and shots are written for a language model to go on from.

Torch-free and pure. A prompt ends with a line that asks, such as "Sentiment:"; a hint stands on a
line of its own before it, between text and answer. The wordings are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Hint:
    """What the small model says of a text: a label, as the task writes it, and how sure it is."""

    label: str
    confidence: float  # probability of the label, in [0, 1]


@dataclass(frozen=True)
class Shot:
    """A text as it is asked, its true label, and what the small model says of it."""

    prompt: str
    label: str
    hint: Hint


@dataclass(frozen=True)
class Wording:
    """Templates of what is written around a text; {p} is a confidence, {tenths} its first digit."""

    instruction: str
    interpretation: str  # added to the instruction where reasons are wanted
    hint: str
    confidence: str
    between: str  # behind an answer, before the next text
    why: str  # behind an answer that is no hint's, before a reason
    influence: str  # behind an answer, before the influence of the hint on it


WORDINGS: dict[str, Wording] = {
    "words": Wording(
        instruction=(
            "A small classifier, fine-tuned for this question on texts of one kind, has read the "
            "text below. Its answer and how sure it is of it are given for reference. Read the "
            "text yourself and answer."
        ),
        interpretation=(
            " Afterwards say how much the classifier influenced the answer, from 0 to 1, and "
            "which words decided it."
        ),
        hint="Small classifier's answer:{label}",
        confidence=" (confidence {p:.2f})",
        between="\n\n",
        why="\nReason for not following the classifier:",
        influence="\nInfluence of the classifier from 0 to 1:",
    ),
    # One character a field, for a decoder that reads characters and was trained for seconds.
    "marks": Wording(
        instruction="",
        interpretation="",
        hint="{label}",
        confidence="{tenths}",
        between="\n",
        why="\n",
        influence="\n",
    ),
}


def item(wording: Wording, prompt: str, hint: Hint | None, confidence: bool) -> str:
    """``prompt`` with the hint on a line before its last one, or as it is without a hint.

    >>> item(WORDINGS["marks"], "a b c\\n=", Hint("+", 0.87), True)
    'a b c\\n+8\\n='
    >>> item(WORDINGS["words"], "Fine.\\nSentiment:", Hint(" good", 0.875), False)
    "Fine.\\nSmall classifier's answer: good\\nSentiment:"
    """
    if hint is None:
        return prompt
    text, newline, asked = prompt.rpartition("\n")
    said = wording.hint.format(label=hint.label)
    if confidence:
        # Ten tenths would be two digits.
        said += wording.confidence.format(
            p=hint.confidence, tenths=min(9, int(10 * hint.confidence))
        )
    return f"{text}{newline}{said}\n{asked}"


def demonstrations(
    wording: Wording, shots: Sequence[Shot], *, hinted: bool, confidence: bool
) -> str:
    """The shots one after another, each with its true label and, ``hinted``, with its hint."""
    return "".join(
        item(wording, shot.prompt, shot.hint if hinted else None, confidence)
        + shot.label
        + wording.between
        for shot in shots
    )

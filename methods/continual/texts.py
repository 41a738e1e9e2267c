"""Domains as a model reads them: rows of tokens, and the text that the built-in start learns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch

from methods.continual import domains
from methods.continual.similarity import chain, tf_idf, words
from methods.engine.batch import Tokens
from methods.engine.model import LanguageModel
from methods.engine.tasks.task import Problem, Task
from methods.engine.tiny import Recipe

SIZES = {"small": {"layers": 1, "width": 32}, "large": {"layers": 2, "width": 64}}
GENERAL_CHARS = 400_000  # what the built-in start learns


@dataclass(frozen=True)
class Held:
    """A domain in the model's tokens: a start token before each window of its text."""

    name: str
    train: list[Tokens]
    held_out: list[Tokens]


def windows(policy: LanguageModel, text: str, window: int) -> list[Tokens]:
    """``text`` in rows of ``window`` tokens behind a start token; what is left over falls away."""
    start = policy.encode_prompt("")
    ids = policy.tokenizer.encode(text, add_special_tokens=False)
    policy.require_room(len(start) + window)
    cuts = range(0, max(1, len(ids) - window + 1), window)  # a short text is one short row
    return [Tokens((*start, *ids[at : at + window]), len(start)) for at in cuts]


def shuffled(row: Tokens, generator: torch.Generator) -> Tokens:
    """The same tokens behind the start token, in a random order."""
    order = torch.randperm(row.completion_length, generator=generator, device=generator.device)
    mixed = tuple(row.completion[i] for i in order.tolist())
    return Tokens((*row.ids[: row.prompt_length], *mixed), row.prompt_length)


def held(
    policy: LanguageModel, domain: domains.Domain, window: int, mixed: torch.Generator | None
) -> Held:
    """The rows of a domain; those to be learned are shuffled by ``mixed`` where it is given."""
    rows = windows(policy, domain.train, window)
    if mixed is not None:
        rows = [shuffled(row, mixed) for row in rows]
    return Held(domain.name, rows, windows(policy, domain.held_out, window))


def replayed(steps: int, size: int, share: float) -> int:
    """How many of the rows of so many steps are replayed: ``share`` of them, rounded down.

    >>> [replayed(steps, 8, 0.05) for steps in range(6)]
    [0, 0, 0, 1, 1, 2]
    """
    return math.floor(steps * size * share + 1e-9)  # 0.1 * 30 must be 3


def general_task(text: domains.Domain, window: int, size: str) -> Task:
    """The text that the built-in start is trained on, a window a row."""
    cuts = [text.train[at : at + window] for at in range(0, len(text.train), window)]
    recipe = Recipe(
        labels=len(cuts), steps=400, batch=16, learning_rate=4e-3, spread=0.08, **SIZES[size]
    )
    return Task(
        name=f"text:of={text.version},window={window}",
        kind="scored",
        train=tuple(Problem("", cut, str(i)) for i, cut in enumerate(cuts)),
        held_out=(),
        alphabet=domains.ALPHABET,
        stop="",
        max_new_chars=window,
        score_range=(0.0, 1.0),
        scorer=lambda problem, completion: float(completion == problem.answer),
        pairs=lambda chosen: [(p.prompt, str(p.answer)) for p in chosen],
        start=asdict(recipe),
    )


def similar(read: Sequence[domains.Domain], general: domains.Domain) -> list[int]:
    """Places of the domains as a chain of nearest neighbours, from the one nearest ``general``."""
    *vectors, start = tf_idf([words(d.train) for d in (*read, general)])
    return chain(start, vectors)

"""What a task is: prompts, a way to score an answer, and text for a first training from scratch.

Imports no torch and no task's own packages.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

_MEASURED = 64  # longest answers looked at for max_new_tokens


class Encoder(Protocol):
    """The one method of a tokenizer that a task needs."""

    def encode(self, text: str, /, *, add_special_tokens: bool) -> list[int]: ...


@dataclass(frozen=True)
class Problem:
    """One prompt, ready to be tokenised as it stands (no chat template).

    ``answer`` is a demonstrated completion: the only right one where the task is verifiable, one
    of many where it is scored. Prompt and answer together read on without a gap; a blank between
    them belongs to the answer, since most tokenizers join it to what follows. ``key`` is what the
    split goes by: problems that share it (twins such as 2+3 and 3+2) are never on both sides.
    """

    prompt: str
    answer: str | None
    key: str


@dataclass(frozen=True)
class Task:
    """Problems to train on, problems held out, and the score of a completion.

    ``train`` is in an order that looks random and never changes; the first n of it are "n labels".
    ``stop`` ends a completion besides the end-of-sequence token ("" is none); a completion handed
    to ``score`` may still carry it and what follows. ``alphabet`` holds every character that a
    character tokenizer needs. A higher score is better, always. Where answers are worked out in
    steps, ``step_end`` ends each of them but the last ("" where there are none). ``start`` says
    where the built-in ``tiny`` is trained on the task in another way than usual: fields of
    ``methods.engine.tiny.Recipe``.
    """

    name: str
    kind: Literal["verifiable", "scored"]
    train: tuple[Problem, ...]
    held_out: tuple[Problem, ...]
    alphabet: str
    stop: str
    max_new_chars: int
    score_range: tuple[float, float]
    scorer: Callable[[Problem, str], float] = field(repr=False, compare=False)
    pairs: Callable[[tuple[Problem, ...]], list[tuple[str, str]]] = field(repr=False, compare=False)
    step_end: str = ""
    step_scorer: Callable[[Problem, list[str]], list[bool]] | None = field(
        default=None, repr=False, compare=False
    )
    start: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    def score(self, problem: Problem, completion: str) -> float:
        """How good ``completion`` is as an answer to ``problem``, within ``score_range``."""
        return self.scorer(problem, completion)

    def steps(self, completion: str) -> list[str]:
        """The steps of ``completion``, each with its end, so that together they are the whole.

        What stands behind the last step end is a step if there is anything.
        """
        if not self.step_end:
            raise ValueError(f"task {self.name} has no steps")
        text = completion.split(self.stop, 1)[0] if self.stop else completion
        return steps_of(text, self.step_end)

    def step_scores(self, problem: Problem, completion: str) -> list[bool]:
        """Whether each of ``steps(completion)`` is right, judged by itself and exactly."""
        if self.step_scorer is None:
            raise ValueError(f"task {self.name} judges no steps")
        return self.step_scorer(problem, self.steps(completion))

    def corpus(self, labels: int) -> list[tuple[str, str]]:
        """(prompt, completion) pairs of the first ``labels`` training problems.

        The built-in ``tiny`` model is trained on them from scratch: an end token follows each
        completion, and only completions carry loss.
        """
        if not 1 <= labels <= len(self.train):
            raise ValueError(f"{self.name} has 1 to {len(self.train)} labels, not {labels}")
        return self.pairs(self.train[:labels])

    def max_new_tokens(self, tokenizer: Encoder) -> int:
        """Tokens that the longest answers take with ``tokenizer``, and one to end them."""
        known = {p.answer for p in (*self.train, *self.held_out) if p.answer is not None}
        longest = sorted(known, key=lambda a: (-len(a), a))[:_MEASURED]
        counts = (len(tokenizer.encode(a, add_special_tokens=False)) for a in longest)
        return 1 + max(counts, default=self.max_new_chars)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the name, every problem in order and the stop string, 64 hex digits."""
        rows: list[Any] = [self.name, self.stop, self.max_new_chars]
        rows += [self.step_end] if self.step_end else []
        rows += [[p.prompt, p.answer, p.key] for p in self.train]
        rows += ["held out", *([p.prompt, p.answer, p.key] for p in self.held_out)]
        return hashlib.sha256(json.dumps(rows, ensure_ascii=True).encode()).hexdigest()


def steps_of(text: str, step_end: str) -> list[str]:
    """The steps of ``text``, each with its end; together they are the whole.

    >>> steps_of("8;10", ";"), steps_of("8;", ";"), steps_of("", ";")
    (['8;', '10'], ['8;'], [])
    """
    *ended, last = text.split(step_end)
    return [step + step_end for step in ended] + ([last] if last else [])


def order_of(text: str) -> str:
    """A fixed, random-looking sort key for ``text``: the same on every machine and version."""
    return hashlib.sha256(f"split-1:{text}".encode()).hexdigest()

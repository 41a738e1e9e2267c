"""What a source's rows become: typed examples that cannot change, and the hash of a list of them.

The end token is never part of an answer here: the engine adds it once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Demonstration:
    """An answer to imitate. ``prompt`` may be empty."""

    prompt: str
    completion: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one prompt, the better and the worse."""

    prompt: str
    chosen: str
    rejected: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt to answer, with the answer that counts where one is given."""

    prompt: str
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Labelled:
    """One answer and whether it is a good one: a preference without its counterpart."""

    prompt: str
    completion: str
    label: bool


@dataclass(frozen=True, slots=True)
class Steps:
    """An answer cut into steps, and of each step whether it is right; as many labels as steps."""

    prompt: str
    completions: tuple[str, ...]
    labels: tuple[bool, ...]


Example = Demonstration | Pair | Prompt | Labelled | Steps


def fingerprint(rows: Iterable[Example]) -> str:
    """sha256 of the rows in order, 64 hex digits: the same whatever file they were read from."""
    digest = hashlib.sha256()
    for row in rows:
        line = json.dumps(asdict(row), sort_keys=True, default=str)
        digest.update(f"{type(row).__name__} {line}\n".encode())
    return digest.hexdigest()

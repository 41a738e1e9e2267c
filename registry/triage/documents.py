"""What the ranker reads of a paper, and what was decided on it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.store.queries import Candidate


@dataclass(frozen=True)
class Document:
    """A paper as text with its few facts. ``day`` is the day of version 1, where it is known."""

    id: str
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    day: date | None = None

    @property
    def text(self) -> str:
        """Title and abstract."""
        return f"{self.title}\n{self.abstract}"


@dataclass(frozen=True)
class Example:
    """A paper that was decided on, or one that merely waits and counts as probably rejected.

    ``sources`` names who said so: a list, the catalog, a curator.
    """

    document: Document
    relevant: bool
    decided: bool = True
    leaves: tuple[str, ...] = ()
    sources: frozenset[str] = frozenset()
    own: bool = False  # decided here, by a curator, rather than read from a list


def of_candidate(candidate: Candidate) -> Document:
    """What the ranker reads of a candidate."""
    return Document(
        candidate.id,
        candidate.title,
        candidate.abstract,
        candidate.authors,
        candidate.categories,
        candidate.published.date(),
    )


def merge(*parts: Iterable[Example]) -> list[Example]:
    """One example for each id: a decision stands before none, an earlier part before a later one.

    An abstract that one of them lacks is taken from another; so are the sources.
    """
    found: dict[str, Example] = {}
    for example in (one for part in parts for one in part):
        id_ = example.document.id
        known = found.get(id_)
        found[id_] = example if known is None else _both(known, example)
    return [found[id_] for id_ in sorted(found)]


def part_of(id_: str, parts: int = 1 << 32) -> int:
    """A number below ``parts`` that depends on nothing but the id."""
    return int.from_bytes(hashlib.sha256(id_.encode()).digest()[:4], "big") * parts >> 32


def _both(first: Example, second: Example) -> Example:
    one, other = (second, first) if second.decided and not first.decided else (first, second)
    document = one.document
    if not document.abstract and other.document.abstract:
        document = replace(document, abstract=other.document.abstract)
    if not document.authors and other.document.authors:
        document = replace(document, authors=other.document.authors)
    leaves = one.leaves or (other.leaves if one.relevant and other.relevant else ())
    return replace(one, document=document, leaves=leaves, sources=one.sources | other.sources)

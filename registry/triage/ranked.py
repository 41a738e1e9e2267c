"""What a ranking says of one candidate: how likely it belongs here, where, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Neighbour:
    """An entry that was decided on before and reads much alike."""

    id: str
    title: str
    decision: Literal["accepted", "rejected"]
    similarity: float  # cosine, 0 to 1


@dataclass(frozen=True)
class LeafGuess:
    """A leaf that would suit, with its probability."""

    leaf: str
    probability: float


@dataclass(frozen=True)
class Reasons:
    """What speaks for and against a candidate, the strongest first."""

    terms_for: tuple[tuple[str, float], ...] = ()  # a term of the text and its share of the score
    terms_against: tuple[tuple[str, float], ...] = ()
    accepted: tuple[Neighbour, ...] = ()
    rejected: tuple[Neighbour, ...] = ()
    methods: tuple[str, ...] = ()  # slugs of methods of ours that the text names
    authors: tuple[str, ...] = ()  # its authors who have a paper in the catalog


@dataclass(frozen=True)
class Ranked:
    """One candidate as the ranker sees it."""

    id: str
    relevance: float  # probability that a curator accepts it
    leaves: tuple[LeafGuess, ...] = ()  # at most three; none where no leaf is likely enough
    abstains: bool = False  # too little is known to say: no abstract, or nothing to learn from
    reasons: Reasons = Reasons()

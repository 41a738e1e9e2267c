"""The log of decisions, and where each preprint stands by it.

Nothing in the log is ever changed: an undo is a row that names the row it undoes, and what stands
is derived. Each reviewer has one vote on a preprint, the last one not undone. Where the votes of
two reviewers contradict each other neither wins: the preprint is in conflict until one of them is
undone or a vote comes that settles the matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, select

from registry.store.rows import pieces
from registry.store.schema import decisions

State = Literal["open", "maybe", "accepted", "rejected", "duplicate", "conflict"]
Verdict = Literal["in", "out"]

_VERDICTS: Mapping[str, Verdict | None] = {
    "accept": "in", "reject": "out", "duplicate": "out", "maybe": None,
}  # fmt: skip
_STATES: Mapping[str, State] = {
    "accept": "accepted", "reject": "rejected", "duplicate": "duplicate", "maybe": "maybe",
}  # fmt: skip


@dataclass(frozen=True)
class Decision:
    """One line of the log of decisions."""

    preprint_id: str
    decision: str  # accept, reject, maybe, duplicate, retag, skip or undo
    at: datetime
    reason: str | None
    detail: dict[str, Any]
    reviewer: str | None = None  # None in a log older than names
    uid: str = ""  # the same in every database the line was copied to
    id: int = 0  # its place in this database
    undoes: int | None = None

    @property
    def verdict(self) -> Verdict | None:
        """In or out of the catalog; None where it says neither."""
        return _VERDICTS.get(self.decision)


@dataclass(frozen=True)
class Standing:
    """Where one preprint stands."""

    state: State = "open"
    votes: tuple[Decision, ...] = ()  # the last one of each reviewer, the newest last
    live: tuple[Decision, ...] = field(default=(), repr=False)  # all that is not undone

    @property
    def tag(self) -> Decision | None:
        """The last retag, which names the leaves to accept it with."""
        return next((row for row in reversed(self.live) if row.decision == "retag"), None)

    @property
    def duplicate_of(self) -> str | None:
        """What the last vote for a duplicate named; see ``originals`` for chains."""
        named = [row for row in self.votes if row.decision == "duplicate"]
        return str(named[-1].detail["of"]) if named and self.state == "duplicate" else None

    def votes_of_others(self, reviewer: str) -> tuple[Decision, ...]:
        """The votes for or against by somebody else who is known."""
        return tuple(v for v in self.votes if v.verdict and v.reviewer not in (None, reviewer))

    def vote_of(self, reviewer: str) -> Decision | None:
        """This reviewer's vote."""
        return next((vote for vote in self.votes if vote.reviewer == reviewer), None)


def read_log(connection: Connection, ids: Sequence[str] | None = None) -> list[Decision]:
    """The log, of ``ids`` or whole, the earliest line first; undone lines and undos with it."""
    rows: list[Any] = []
    if ids is None:
        rows += connection.execute(select(decisions))
    else:
        for piece in pieces(ids):
            rows += connection.execute(select(decisions).where(decisions.c.preprint_id.in_(piece)))
    # Lines copied from another database come late and are early: the time orders them.
    return sorted((Decision(**row._mapping) for row in rows), key=lambda row: (row.at, row.id))


def live(log: Iterable[Decision]) -> list[Decision]:
    """The lines of ``log`` that count: neither undone nor an undo."""
    lines = list(log)
    undone = {line.undoes for line in lines}
    return [line for line in lines if line.decision != "undo" and line.id not in undone]


def standings(connection: Connection, ids: Sequence[str] | None = None) -> dict[str, Standing]:
    """Where each preprint stands that has a line in the log, of ``ids`` or of all."""
    lines: dict[str, list[Decision]] = {}
    for line in live(read_log(connection, ids)):
        lines.setdefault(line.preprint_id, []).append(line)
    return {id_: standing_of(mine) for id_, mine in lines.items()}


def standing_of(lines: Sequence[Decision]) -> Standing:
    """Where a preprint stands whose live lines are ``lines``, the earliest first."""
    votes: dict[str | None, Decision] = {}
    for line in lines:
        if line.decision not in _VERDICTS:
            continue
        if line.detail.get("settles"):
            votes.clear()
        votes.pop(None, None)  # nobody knows whose it was: any later vote overrules it
        votes.pop(line.reviewer, None)
        votes[line.reviewer] = line
    return Standing(_state(list(votes.values())), tuple(votes.values()), tuple(lines))


def originals(found: Mapping[str, Standing]) -> dict[str, str]:
    """For every duplicate the paper it is a duplicate of in the end, chains followed.

    A ring, which only logs of two databases can make, leads to the smallest identifier in it.
    """
    named = {id_: s.duplicate_of for id_, s in found.items() if s.duplicate_of}
    return {id_: end for id_ in named if (end := _end(named, id_)) != id_}


def _end(named: Mapping[str, str], id_: str) -> str:
    way = [id_]
    while (following := named.get(way[-1])) is not None:
        if following in way:
            return min(way[way.index(following) :])
        way.append(following)
    return way[-1]


def _state(votes: Sequence[Decision]) -> State:
    verdicts = {vote.verdict for vote in votes} - {None}
    if len(verdicts) > 1:
        return "conflict"
    decided = [vote for vote in votes if vote.verdict] or votes
    return _STATES[decided[-1].decision] if decided else "open"

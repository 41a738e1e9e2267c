"""What was read from a list: its rows, and what was passed over, each with its line."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

LinkKind = Literal["paper", "code", "project", "published", "data", "list", "other"]
FaultKind = Literal["malformed-id", "repaired-id", "two-ids", "empty-link", "bad-address"]


@dataclass(frozen=True)
class When:
    """A date as far as the list gives it."""

    year: int
    month: int | None = None
    day: int | None = None

    def __str__(self) -> str:
        parts = [f"{self.year:04}", *(f"{part:02}" for part in (self.month, self.day) if part)]
        return "-".join(parts)


@dataclass(frozen=True)
class ListedLink:
    """An address in a row; ``label`` is what the list calls it."""

    kind: LinkKind
    url: str
    label: str = ""


@dataclass(frozen=True)
class Fault:
    """What recovery itself noticed in a row; ``text`` is the part of the list that shows it."""

    kind: FaultKind
    text: str


@dataclass(frozen=True)
class Row:
    """One paper that a list names. ``line`` counts from 1."""

    line: int
    section: tuple[str, ...]  # headings, the outermost first
    title: str
    arxiv_id: str | None  # versionless, canonical
    links: tuple[ListedLink, ...] = ()
    when: When | None = None
    venue: str | None = None
    faults: tuple[Fault, ...] = ()
    path: str = ""  # the file, where a document is made of several
    accepted_titles: tuple[str, ...] = ()  # other titles that the list itself says are the paper's

    @property
    def place(self) -> str:
        """The section in one line."""
        return " > ".join(self.section)


@dataclass(frozen=True)
class Skipped:
    """What looks like a row and is none, and why."""

    line: int
    reason: str
    text: str


@dataclass
class Document:
    """One list. ``anchors`` are what links within it can reach; ``jumps`` are those links."""

    name: str
    rows: list[Row] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    jumps: list[tuple[int, str]] = field(default_factory=list)

    @property
    def ids(self) -> tuple[str, ...]:
        """The identifiers that the list names, once each, in its order."""
        return tuple(dict.fromkeys(row.arxiv_id for row in self.rows if row.arxiv_id))

    @property
    def reasons(self) -> dict[str, int]:
        """How often something was passed over, by reason."""
        return dict(Counter(skipped.reason for skipped in self.skipped).most_common())

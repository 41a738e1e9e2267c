"""What a doctor finds, what it looks at, and the register of its checks.

A check is a small function from the patient to findings; ``register`` gives it its name. A finding
that can be mended says how: a function from the entry to the mended one, the right text of the
file, or a deed on the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from registry.catalog.models import Evidence, Paper, Taxonomy
from registry.core.settings import Settings
from registry.doctor.upstream import Upstream
from registry.store.engine import Store


@dataclass(frozen=True)
class Entry:
    """One readable entry: where it stands, its text as it is, the record."""

    path: Path
    text: str
    paper: Paper


@dataclass(frozen=True)
class Patient:
    """Everything the checks look at, read once."""

    settings: Settings
    taxonomy: Taxonomy | None
    entries: Mapping[str, Entry]  # by id
    unreadable: frozenset[str]  # ids of the files that are there and hold no entry
    evidence: tuple[tuple[Path, Evidence], ...]
    upstream: Mapping[str, Upstream] = field(default_factory=dict)
    store: Store | None = None  # None where there is no database yet


Change = Callable[[Paper], Paper]


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    ``change`` mends an entry, ``text`` is what the file should hold, ``deed`` acts on the store; a
    finding with none of them waits for a person.
    """

    check: str
    path: Path
    what: str
    fix: str  # what mends it, in words
    change: Change | None = None
    text: str | None = None
    deed: Callable[[], object] | None = None

    @property
    def mendable(self) -> bool:
        """Whether ``--fix`` can do it."""
        return not (self.change is None and self.text is None and self.deed is None)


Check = Callable[[Patient], Iterable[Finding]]
CHECKS: dict[str, Check] = {}
"""Name -> check, in the order they run: a later one sees what the earlier ones mended."""


def register(name: str) -> Callable[[Check], Check]:
    """Enter the decorated check into the register under ``name``."""

    def enter(check: Check) -> Check:
        CHECKS[name] = check
        return check

    return enter

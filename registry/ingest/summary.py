"""What one ingest did, whatever its source, and whether that is all there was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from registry.core.errors import ArxivError, PartialError, RateLimitedError
from registry.core.plural import plural
from registry.store.preprints import Counts

Report = Callable[[int, int, str], None]  # done, of how many, what is in hand


def silent(done: int, total: int, text: str) -> None:
    """Hear and say nothing."""


@dataclass
class Summary:
    """What one command did. Seconds are wall-clock; ``left`` slices were not reached."""

    source: str
    done: int = 0
    suspect: int = 0
    left: int = 0
    current: int = 0  # were done before and need nothing
    counts: Counts = field(default_factory=Counts)
    deleted: list[str] = field(default_factory=list)  # arXiv says so; nothing is removed here
    missing: list[str] = field(default_factory=list)
    hinted: list[str] = field(default_factory=list)  # announced, and not yet here
    unread: int = 0  # records that nobody could read
    notes: list[str] = field(default_factory=list)
    requests: int = 0
    waited_seconds: float = 0.0
    seconds: float = 0.0
    stopped: ArxivError | None = None

    def with_fetched(self, fetched: Summary) -> Summary:
        """This, of hints, together with what was ``fetched`` because of them.

        What a service does not serve yet is hinted still: it is known to be late, not lost.
        """
        return replace(
            self,
            counts=self.counts + fetched.counts,
            hinted=fetched.missing,
            notes=[*self.notes, *fetched.notes],
            requests=fetched.requests,
            waited_seconds=fetched.waited_seconds,
            seconds=round(self.seconds + fetched.seconds, 1),
            left=self.left + fetched.left,
            stopped=self.stopped or fetched.stopped,
        )

    @property
    def failure(self) -> ArxivError | None:
        """What to raise when the summary has been shown; None where all is well."""
        if isinstance(self.stopped, RateLimitedError) or (
            self.stopped is not None and not (self.done or self.suspect)
        ):
            return self.stopped
        if not (self.stopped or self.suspect or self.left or self.missing or self.unread):
            return None
        parts = [f"{self.suspect} suspect" if self.suspect else ""]
        parts += [f"{self.left} not reached" if self.left else ""]
        parts += [f"{plural(len(self.missing), 'id')} not returned" if self.missing else ""]
        parts += [f"{plural(self.unread, 'record')} not readable" if self.unread else ""]
        parts += [str(self.stopped) if self.stopped else ""]
        return PartialError(
            "not everything is here: " + "; ".join(p for p in parts if p) + ". What came is "
            "stored; run the same command again for the rest, `registry ingest --status` shows it."
        )

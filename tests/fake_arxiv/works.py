"""The corpus of the loopback arXiv: made-up papers, version by version."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
CLOCK = datetime(2026, 4, 12, 22, 9, 26, tzinfo=UTC)  # the time at the service
_WORDS = ("policy", "reward", "preference", "decoder", "gradient", "token", "merge", "recall")
_NAMES = ("Ada Example", "Bo Sample", "Cy Placeholder", "Di Fixture", "Ev Specimen")


@dataclass(frozen=True)
class Work:
    """One version of a made-up paper, as the service knows it."""

    id: str
    version: int
    title: str
    abstract: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    published: datetime
    updated: datetime
    comment: str = ""
    doi: str = ""
    licence: str = "http://creativecommons.org/licenses/by/4.0/"
    source_type: str = "D"  # OAI-PMH: I is for a version that was withdrawn
    stamp: date | None = None  # OAI-PMH: the last change of the record; the day of its version
    deleted: bool = False  # OAI-PMH: only the header is left

    @property
    def datestamp(self) -> date:
        """The day of the record's last change, as OAI-PMH counts it."""
        return self.stamp or self.updated.date()


def corpus(size: int, *, seed: int = 7, days: int = 28, first_day: datetime = START) -> list[Work]:
    """``size`` works spread over ``days`` days from ``first_day``, the same for the same seed."""
    chance = random.Random(seed)
    works = []
    for number in range(1, size + 1):
        moment = first_day + timedelta(minutes=chance.randrange(days * 24 * 60))
        subject = " ".join(chance.sample(_WORDS, 4))
        works.append(
            Work(
                id=f"{moment:%y%m}.{number:05d}",
                version=1,
                title=f"On {subject} & <others>, part {number}",
                abstract=f"We make up {subject} and measure nothing. " * 3,
                authors=tuple(chance.sample(_NAMES, chance.randint(1, 4))),
                categories=tuple(chance.sample(("cs.LG", "cs.CL", "stat.ML"), 2)),
                published=moment,
                updated=moment,
            )
        )
    return works


def revised(work: Work, version: int = 2, **changes: object) -> Work:
    """A later version of ``work``."""
    later = work.updated + timedelta(days=7)
    return replace(work, **{"version": version, "updated": later, **changes})  # type: ignore[arg-type]


def newest(works: list[Work]) -> list[Work]:
    """The newest version of each work."""
    found: dict[str, Work] = {}
    for work in works:
        if work.id not in found or work.version > found[work.id].version:
            found[work.id] = work
    return list(found.values())

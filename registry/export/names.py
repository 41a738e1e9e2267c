"""Names and citation keys, for every bibliography format."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from string import ascii_lowercase

from registry.catalog.models import Paper
from registry.core.escape import one_line
from registry.core.ids import ArxivId

# What a decomposition into letter and accent leaves out.
_LETTERS = str.maketrans(
    {
        0x131: "i", 0x142: "l", 0x141: "L", 0xF8: "o", 0xD8: "O", 0xDF: "ss", 0xE6: "ae",
        0xC6: "Ae", 0x153: "oe", 0x152: "Oe", 0x111: "d", 0x110: "D", 0xF0: "d", 0xFE: "th",
    }
)  # fmt: skip
_SUFFIXES = frozenset(("jr", "sr", "ii", "iii", "iv"))
_SMALL = frozenset(
    (
        "a", "an", "and", "are", "as", "at", "by", "can", "do", "does", "for", "from", "how", "in",
        "is", "it", "of", "on", "or", "the", "to", "via", "what", "when", "why", "with",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Name:
    """An author's name in two parts; ``given`` is empty for a group."""

    given: str
    family: str


def split_name(text: str) -> Name:
    """The last word as the family name, with a Jr. or a number; a single word is a group's name."""
    words = one_line(text).split(" ")
    family = 1
    if len(words) > 2 and words[-1].rstrip(".").lower() in _SUFFIXES:
        family = 2
    return Name(" ".join(words[:-family]), " ".join(words[-family:]))


def citation_keys(papers: Iterable[Paper]) -> dict[str, str]:
    """A key for each id: first author, year, first telling word; ``rafailov2023direct``.

    Where two papers would share one, the older keeps it and the newer get a letter, so that a key
    does not change when newer papers are added.
    """
    keys: dict[str, str] = {}
    used: set[str] = set()
    for paper in sorted(papers, key=lambda p: (_age(p), p.id)):
        base = _base_key(paper)
        key = next(k for k in _spellings(base) if k not in used)
        used.add(key)
        keys[paper.id] = key
    return keys


def _spellings(base: str) -> Iterable[str]:
    yield base
    yield from (base + letter for letter in ascii_lowercase[1:])
    number = 27
    while True:
        yield f"{base}-{number}"
        number += 1


def _base_key(paper: Paper) -> str:
    family = split_name(paper.authors[0]).family.split(" ")[0] if paper.authors else ""
    words = [word for word in _plain(paper.title).split() if word not in _SMALL]
    surname = _plain(family).replace(" ", "") or "anonymous"
    return f"{surname}{paper.since.year}{words[0] if words else ''}"


def _age(paper: Paper) -> tuple[int, int]:
    digits = ArxivId(paper.id).base.split("/")[-1].replace(".", "")
    year, rest = int(digits[:2]), int(digits[2:])
    return (year + (1900 if year >= 91 else 2000), rest)


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", one_line(text).translate(_LETTERS))
    ascii_only = letters.encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", " ", ascii_only.replace("'", "")).strip()

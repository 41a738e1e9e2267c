"""Names and citation keys, for every bibliography format."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

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


def short_authors(names: tuple[str, ...]) -> str:
    """The authors as a list of papers has them: ``Example``, ``Example and Made``, ``Example et
    al.``; empty where none is known."""
    families = [split_name(name).family for name in names]
    if len(families) > 2:
        return f"{families[0]} et al."
    return " and ".join(families)


def citation_key(paper: Paper) -> str:
    """First author and identifier: ``rafailov-2305.18290``.

    Made of the paper alone, so that it is unique and stays whatever enters the catalog beside it
    and however the paper is renamed.
    """
    family = split_name(paper.authors[0]).family.split(" ")[0] if paper.authors else ""
    return f"{_plain(family) or 'arxiv'}-{ArxivId(paper.id).slug}"


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return re.sub(r"[^a-z0-9]+", "", letters.encode("ascii", "ignore").decode().lower())

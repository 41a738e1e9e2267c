"""Leaves that a title names by one of their keywords."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from registry.catalog.models import Taxonomy

_WORD = re.compile(r"\w+")
_ACRONYM = re.compile(r"\w*[A-Z]\w*[A-Z0-9]\w*")
Words = tuple[str, ...]


@dataclass(frozen=True)
class TitleLeaves:
    """What a taxonomy's keywords say of titles; made once, asked often."""

    by_first: Mapping[str, tuple[tuple[Words, str], ...]]  # first word -> (all words, leaf)

    @classmethod
    def of(cls, taxonomy: Taxonomy) -> TitleLeaves:
        """Keywords of several words, or with two capitals; one common word is too wide.

        ``agent`` or ``theory`` in a title says little; ``tree search`` and ``GRPO`` say enough.
        """
        found: dict[str, list[tuple[Words, str]]] = {}
        for group in taxonomy.groups:
            for leaf in group.leaves:
                for keyword in leaf.keywords:
                    words = _words(keyword)
                    if len(words) > 1 or _ACRONYM.fullmatch(keyword):
                        found.setdefault(words[0], []).append((words, leaf.slug))
        return cls({first: tuple(entries) for first, entries in found.items()})

    def named(self, title: str) -> dict[str, str]:
        """Each leaf that ``title`` names, and the words as they stand there; also in the plural."""
        said = list(_WORD.finditer(title))
        words = [match[0].lower() for match in said]
        found: dict[str, str] = {}
        for place, first in enumerate(words):
            # A keyword of one word may itself stand in the plural.
            for start in dict.fromkeys((first, first.removesuffix("s"))):
                for wanted, leaf in self.by_first.get(start, ()):
                    end = place + len(wanted)
                    # REINFORCE is a method, Reinforce a word.
                    if len(wanted) == 1 and not _ACRONYM.fullmatch(said[place][0]):
                        continue
                    if _same(tuple(words[place:end]), wanted):
                        found.setdefault(leaf, title[said[place].start() : said[end - 1].end()])
        return found


def _words(text: str) -> Words:
    return tuple(_WORD.findall(text.lower()))


def _same(words: Words, wanted: Words) -> bool:
    if len(words) != len(wanted) or words[:-1] != wanted[:-1]:
        return False
    return words[-1] in (wanted[-1], wanted[-1] + "s")

"""Which leaf of the taxonomy a list's section stands for, by their words.

A word counts by how few leaves use it; a leaf's name counts more than its keywords, and those more
than its scope; the innermost heading counts more than those above it.
"""

from __future__ import annotations

import math
import re
from collections import Counter

from registry.catalog.models import Leaf, Taxonomy
from registry.ingest.lists.likeness import words_of

_ENOUGH = 0.4  # of what the innermost telling heading says
_ENDINGS = ("ations", "ation", "ings", "ing", "ments", "ment", "ies", "ers", "er", "es", "s")
_NAME, _KEYWORD, _SCOPE = 1.0, 0.8, 0.35
_IDLE_LINES = (
    "a an and approach approaches based by for from general in language large list llm llms",
    "method methods misc model models new of on other others paper papers part recent related",
    "section technique techniques the to using via with work works",
)
_IDLE = frozenset(word for line in _IDLE_LINES for word in line.split())


class SectionMap:
    """Looks sections up in one taxonomy."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._leaves = {
            leaf.slug: _words_of_leaf(leaf) for group in taxonomy.groups for leaf in group.leaves
        }
        counted = Counter(word for words in self._leaves.values() for word in words)
        total = len(self._leaves) + 1
        self._rarity = {word: math.log(total / n) / math.log(total) for word, n in counted.items()}
        self._aliases = {
            alias: leaf.slug for g in taxonomy.groups for leaf in g.leaves for alias in leaf.aliases
        }

    def leaf(self, section: tuple[str, ...]) -> str | None:
        """The leaf that a section stands for, or None where no leaf says enough of its words."""
        rated = self._rated(section)
        return rated[0][1] if rated and rated[0][0] >= _ENOUGH else None

    def nearest(self, section: tuple[str, ...], count: int = 3) -> list[str]:
        """The leaves that share most with a section, best first."""
        return [slug for score, slug in self._rated(section)[:count] if score > 0]

    def _rated(self, section: tuple[str, ...]) -> list[tuple[float, str]]:
        headings = [_stems(heading) for heading in reversed(section)]
        telling = [words for words in headings if words]
        if not telling:
            return []
        rated = []
        for slug, words in self._leaves.items():
            score = self._share(telling[0], words)
            if score and len(telling) > 1:
                score += 0.25 * max(self._share(above, words) for above in telling[1:])
            rated.append((round(score, 6), slug))
        return sorted(rated, key=lambda pair: (-pair[0], pair[1]))

    def _share(self, heading: set[str], leaf: dict[str, float]) -> float:
        """The share of what a heading says that a leaf says too."""
        total = sum(self._rarity.get(word, 1.0) for word in heading)
        shared = sum(self._rarity.get(word, 1.0) * leaf.get(word, 0.0) for word in heading)
        return shared / total if total else 0.0


def _words_of_leaf(leaf: Leaf) -> dict[str, float]:
    words: dict[str, float] = {}
    parts = [
        (_SCOPE, (leaf.scope,)),
        (_KEYWORD, leaf.keywords),
        (_NAME, (leaf.title, leaf.slug.replace("/", " "), *leaf.aliases)),
    ]
    for weight, texts in parts:
        for text in texts:
            words |= dict.fromkeys(_stems(text), weight)
    return words


def _stems(text: str) -> set[str]:
    words = words_of(re.sub(r"[-_/]", " ", text))
    return {_stem(word) for word in words if word not in _IDLE and not word.isdigit()}


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word.removesuffix("e") if len(word) > 4 else word

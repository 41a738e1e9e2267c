"""Which methods of ours a text names.

A name of several words counts in any spelling of case and hyphens. A short one counts as its
authors write it, ``DPO`` or ``LoRA``: many are also words (``dare``, ``star``, ``ties``), and such
a one never counts by its slug, only by its name.
"""

from __future__ import annotations

import re
from functools import cache

from methods.index import METHODS, MethodInfo

_PIECE = re.compile(r"[A-Za-z0-9]+")
# Also words of other things, even in capitals; their longer names do count.
_WORDS = frozenset(
    {"badge", "dare", "entropy", "kd", "margin", "raft", "replay", "spin", "star", "ties"}
)
_LONGEST_SLUG = 8


def methods_named(text: str) -> tuple[str, ...]:
    """The slugs of the methods that ``text`` names, in the order of the register.

    >>> methods_named("Beyond DPO: low-rank adaptation, not a star")
    ('dpo', 'lora')
    """
    pieces = _PIECE.findall(text)
    lower = [piece.lower() for piece in pieces]
    found: set[str] = set()
    for place, first in enumerate(lower):
        for name, exact, slug in _names().get(first, ()):
            end = place + len(name)
            said = pieces if exact else lower
            if slug not in found and tuple(said[place:end]) == name:
                found.add(slug)
    return tuple(info.slug for info in METHODS if info.slug in found)


@cache
def _names() -> dict[str, list[tuple[tuple[str, ...], bool, str]]]:
    """By its first word in lower case: a name's words, whether case counts, whose name it is."""
    table: dict[str, list[tuple[tuple[str, ...], bool, str]]] = {}
    for info in METHODS:
        for name, exact in _forms(info):
            words = tuple(_PIECE.findall(name if exact else name.lower()))
            if words:
                table.setdefault(words[0].lower(), []).append((words, exact, info.slug))
    return table


def _forms(info: MethodInfo) -> list[tuple[str, bool]]:
    long, _, inside = info.name.partition(" (")
    short = inside.rstrip(")")
    forms = [(long, len(_PIECE.findall(long)) == 1)]
    if short and " " not in short:
        forms.append((short, True))
    slug = info.slug
    if slug not in _WORDS and len(slug) <= _LONGEST_SLUG and slug.replace("-", "").isalnum():
        forms.append((slug.upper(), True))
        if slug.endswith("po"):
            forms.append((f"{slug[:-2].capitalize()}PO", True))  # SimPO, as its authors write
    return forms

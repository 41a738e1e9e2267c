"""What a gist must be: long enough to say something, and no copy of the abstract."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Final

from registry.core.errors import UsageError

FEWEST_WORDS: Final = 8
LONGEST_COPY: Final = 12
"""Words in a row that a gist may not share with the abstract."""
_WHY: Final = (
    "Write in your own words what the paper does and finds; abstracts stay out of the catalog."
)


def check_gist(gist: str, abstract: str | None) -> str:
    """``gist`` on one line. Raises UsageError where it is too short or copies ``abstract``."""
    said = _words(gist)
    if len(said) < FEWEST_WORDS:
        raise UsageError(
            f"the gist has {len(said)} words; at least {FEWEST_WORDS} are needed. {_WHY}"
        )
    copied = longest_copy(gist, abstract or "")
    if copied >= LONGEST_COPY:
        raise UsageError(f"the gist copies the abstract, {copied} words in a row. {_WHY}")
    return " ".join(gist.split())


def longest_copy(gist: str, abstract: str) -> int:
    """The most words in a row that ``gist`` shares with ``abstract``."""
    matcher = SequenceMatcher(None, _words(gist), _words(abstract), autojunk=False)
    return matcher.find_longest_match().size


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())

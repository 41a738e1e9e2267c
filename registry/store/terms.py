"""From text to terms: words folded to one spelling, their stems, and the number each is filed by.

Both databases see the same terms, because neither of them tokenizes.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import cache, lru_cache
from typing import Any

_WORD = re.compile(r"[^\W_]+")
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_ASCII = str.maketrans({chr(n): " " for n in range(128) if not chr(n).isalnum()})
# Our gists are written in one spelling, many titles in the other; stemmers keep them apart.
_BRITISH = re.compile(r"is(ations?|ers?|ed|es|ing|e)$")
# A vocabulary grows without end (names, numbers): what is remembered of it does not.
_REMEMBERED = 1 << 18

# In nearly every text, so that they tell no text from another: asked of titles only.
STOP_WORDS = frozenset(
    ("a", "an", "and", "are", "as", "at", "be", "by", "can", "do", "does", "for", "from", "has",
     "have", "how", "in", "into", "is", "it", "its", "more", "not", "of", "on", "or", "our", "than",
     "that", "the", "their", "them", "these", "this", "to", "toward", "towards", "via", "we",
     "what", "when", "which", "with", "without")
)  # fmt: skip


def words(text: str) -> list[str]:
    """The words of ``text``, folded: no case, no accents, nothing but letters and digits.

    >>> words('"W\\u00fcbben" NEAR(2305.18290) best-of-n*')
    ['wubben', 'near', '2305', '18290', 'best', 'of', 'n']
    """
    return [_american(word) for word in split(text)]


def split(text: str) -> list[str]:
    """``words`` in whatever spelling they have: what is filed goes by ``Keys``, which folds it."""
    text = plain(text)
    return text.translate(_ASCII).split() if text.isascii() else _WORD.findall(text)


def plain(text: str) -> str:
    """``text`` without case and accents."""
    return text.lower() if text.isascii() else _FOREIGN.sub(_unaccented, text).casefold()


def stem(word: str) -> str:
    """What a word has in common with its other forms.

    >>> stem("optimised"), stem("optimization"), stem("llms")
    ('optim', 'optim', 'llm')
    """
    return str(_stemmer().stemWord(_american(word)))


def keys(text: str) -> list[int]:
    """The numbers of the terms of ``text``, in their order."""
    return list(map(KEYS.__getitem__, split(text)))


def _unaccented(run: re.Match[str]) -> str:
    return _folded(run[0])


@lru_cache(maxsize=4096)
def _folded(run: str) -> str:
    spread = unicodedata.normalize("NFKD", run)
    return "".join(c for c in spread if not unicodedata.combining(c))


class Keys(dict[str, int]):
    """From a word to the 64-bit number of its stem: the same on every machine and for ever."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _REMEMBERED:
            self.clear()
        digest = hashlib.blake2b(stem(word).encode("utf-8", "replace"), digest_size=8).digest()
        key = self[word] = int.from_bytes(digest, "big", signed=True)
        return key


KEYS = Keys()


def _american(word: str) -> str:
    return _BRITISH.sub(r"iz\1", word) if "is" in word else word


@cache
def _stemmer() -> Any:
    import Stemmer

    # The newer English stemmer leaves "LLMs" and "VLMs" their s, for want of a vowel. Each word is
    # asked once, and the cache of the package costs three times what stemming does.
    return Stemmer.Stemmer("porter", 0)

"""Names of people in running text: where a line that cites a paper has its title.

"Example, A., Sample, B. (2024). A Made-up Title. ICML" names its authors first, "A Made-up Title.
Ada Example et al." last. A name looks much like a title, so that text is cut only where a mark of
punctuation, a year or "et al." bears the guess out.
"""

from __future__ import annotations

import re
from functools import lru_cache

from registry.ingest.lists.wording import clean_title, is_label, reads_as_title

_PARTICLES = frozenset(
    [
        "al",
        "bin",
        "da",
        "de",
        "del",
        "den",
        "der",
        "di",
        "dos",
        "du",
        "el",
        "la",
        "le",
        "ter",
        "van",
        "von",
        "y",
    ]
)
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019.-][^\W\d_]+)*\.?")
_INITIALS = re.compile(r"(?:[^\W\d_]\.?[- ]?){1,3}")
_BETWEEN = re.compile(r"\s*(?:[,;&\u3001\uff0c]|\band\b)\s*")
_REST = re.compile(r",?\s*\bet al\b.*$")
_YEAR = r"(?:19[89][0-9]|20[0-4][0-9])"
_NUMBER = re.compile(r"^(?:\[[0-9]{1,3}\]|[0-9]{1,3}[.)])\s+")
_CITED = re.compile(
    rf"(?P<who>.{{3,300}}?)[.,]?\s*\(?{_YEAR}[a-z]?\)?\s*[.,:]\s+(?P<rest>.{{10,}})"
)
_SENTENCE_ENDS = re.compile(r"(?<=[^\W\dA-Z_)\]0-9])\.\s+|(?<=[0-9)\]]{2})\.\s+|(?<=[?!])\s+")
_ET_AL = re.compile(r"\s*[,.;:|\u2013\u2014-]\s+(?:by\s+)?(?:[^\W\d_][\w'.-]*\s+){1,3}et al\b.*$")
_DASHED = re.compile(r"\s+[-\u2013\u2014]\s+")


@lru_cache(maxsize=4096)
def is_names(text: str) -> bool:
    """True where ``text`` reads as the names of people, or of one.

    >>> is_names("Ada Example, Bo van Sample et al."), is_names("A Study of Made-up Snails")
    (True, False)
    """
    bare = _REST.sub("", text.strip(" .,;*_"))
    parts = [part for part in _BETWEEN.split(bare) if part]
    # A surname stands alone only beside initials: "Example, A., Sample, B.".
    cited = any(_are_initials(part) for part in parts)
    return bool(parts) and all(_is_name(part) and (cited or " " in part) for part in parts)


def are_names(text: str) -> bool:
    """True for the names of several people: what reads as one name may be a short title."""
    several = _BETWEEN.search(text.strip(" .,;*_")) or _REST.search(text)
    return several is not None and is_names(text)


def _are_initials(part: str) -> bool:
    return part[0].isupper() and _INITIALS.fullmatch(part) is not None


def _is_name(part: str) -> bool:
    if _are_initials(part):
        return True
    words = part.split()
    full = [word for word in words if word not in _PARTICLES and not _are_initials(word)]
    if len(full) > 3 or len(words) > 5 or not all(map(_WORD.fullmatch, words)):
        return False
    shouted = any(len(word) > 1 and word.isupper() for word in full)
    return bool(full) and not shouted and all(word[0].isupper() for word in full)


@lru_cache(maxsize=4096)
def title_among(text: str) -> str:
    """The title in a line that may name authors, venue or a method's name beside it.

    >>> title_among("Ada Example, Bo Sample. 2024. A Made-up Title. arXiv")
    'A Made-up Title'
    >>> title_among("A Made-up Title. Ada Example et al.")
    'A Made-up Title'
    """
    text = _between_bars(_NUMBER.sub("", text.strip()))
    if (cited := _CITED.match(text)) and is_names(cited["who"]):
        text = cited["rest"]
    head, _, rest = text.partition(". ")
    if re.search(r",|\band\b", head) and is_names(head) and reads_as_title(rest):
        text = rest
    text = _ET_AL.sub("", text) if reads_as_title(_ET_AL.sub("", text)) else text
    text = _without_sentences(text)
    parts = _DASHED.split(text)
    if len(parts) > 1 and "," in parts[-1] and is_names(parts[-1]) and reads_as_title(parts[0]):
        text = text[: text.rindex(parts[-1])]
    return text


def _between_bars(text: str) -> str:
    parts = text.split(" | ")
    titles = (part for part in parts if reads_as_title(part) and not are_names(part))
    return next(titles, text) if len(parts) > 1 else text


def _without_sentences(text: str) -> str:
    """``text`` up to the sentence behind which authors, a venue or a label stand."""
    for match in _SENTENCE_ENDS.finditer(text):
        title, rest = text[: match.start()], text[match.end() :]
        following = clean_title(_SENTENCE_ENDS.split(rest)[0])
        # Behind a question a second title follows as often, and a single one looks like a name.
        asked = text[match.start() - 1] in "?!" and not re.search(r",|\bet al", following)
        names = is_names(following) and not asked
        if reads_as_title(title) and (names or is_label(following)):
            return title
    return text

"""Authors and TeX accents as arXiv's raw records write them.

The query API gives a list of names; a raw record gives what was typed: one string, with commas or
``and`` between the names, affiliations in brackets, and accents as TeX.
"""

from __future__ import annotations

import re
import unicodedata

from registry.core.escape import one_line

_COMBINING = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306",
    ".": "\u0307", '"': "\u0308", "r": "\u030a", "H": "\u030b", "v": "\u030c", "d": "\u0323",
    "c": "\u0327", "k": "\u0328", "b": "\u0331",
}  # fmt: skip
_LETTERS = {
    "ss": "\u00df", "ae": "\u00e6", "AE": "\u00c6", "oe": "\u0153", "OE": "\u0152",
    "o": "\u00f8", "O": "\u00d8", "aa": "\u00e5", "AA": "\u00c5", "l": "\u0142", "L": "\u0141",
    "i": "\u0131", "j": "\u0237",
}  # fmt: skip
# \"o  \"{o}  {\"o}  \'{\i}  \v{c}  \c c
_ACCENT = re.compile(
    r"\{?\\(?:(?P<mark>[`'^~=.\"])\s*|(?P<word>[urHvdckb])(?:\s+|(?=\{)))"
    r"(?:\{\s*(?:\\(?P<dotless>[ij])|(?P<braced>[A-Za-z]))\s*\}|\\(?P<bare>[ij])(?![A-Za-z])"
    r"|(?P<letter>[A-Za-z]))\}?"
)
_LETTER = re.compile(r"\{?\\(?P<name>ss|ae|AE|oe|OE|aa|AA|o|O|l|L|i|j)(?![A-Za-z])\s*(?:\{\})?\}?")
_MATHS = re.compile(r"(\$[^$]*\$)")
_AFFILIATION = re.compile(r"\([^()]*\)")
_BETWEEN = re.compile(r"\s*[,;]\s*(?:and\b|&)?\s*|\s+(?:and|&)\s+")
_COLLECTIVE = re.compile(r"\b([Cc]ollaboration|[Gg]roup|[Tt]eam)\s*:")
_LONGEST_SUFFIX = 4
_SUFFIX = re.compile(r"(?:Jr|Sr|II|III|IV|V|2nd|3rd)\.?", re.IGNORECASE)


def untex(text: str) -> str:
    r"""``text`` with TeX's accents as letters, outside of formulas.

    >>> untex(r"Schr\"odinger and {\'E}. \v{C}ech on $\v{x}$") == (
    ...     "Schr\u00f6dinger and \u00c9. \u010cech on $\\v{x}$")
    True
    """
    if "\\" not in text:
        return text
    parts = _MATHS.split(text)
    # Every other part is a formula.
    parts[::2] = [_LETTER.sub(_letter, _ACCENT.sub(_accent, part)) for part in parts[::2]]
    return "".join(parts)


def split_authors(text: str) -> tuple[str, ...]:
    """The names in a raw record's one string, in order, without affiliations.

    >>> split_authors("Ada Example (Somewhere, Ltd), Bo Sample, Jr., and Cy Placeholder")
    ('Ada Example', 'Bo Sample Jr.', 'Cy Placeholder')
    """
    plain = untex(one_line(text))
    while "(" in plain and (shorter := _AFFILIATION.sub(" ", plain)) != plain:
        plain = shorter
    # A collaboration may stand before its members: "The X Collaboration: A, B".
    plain = _COLLECTIVE.sub(r"\1,", plain) if ":" in plain else plain
    names: list[str] = []
    for part in _BETWEEN.split(plain):
        name = " ".join(part.split()).strip(" ,;")
        if not name or name in ("and", "&"):
            continue
        if len(name) <= _LONGEST_SUFFIX and names and _SUFFIX.fullmatch(name):
            names[-1] += f" {name}"
        else:
            names.append(name)
    return tuple(names)


def _accent(match: re.Match[str]) -> str:
    letter = match["letter"] or match["braced"] or match["dotless"] or match["bare"]
    mark = _COMBINING[match["mark"] or match["word"]]
    return _rebraced(match[0], unicodedata.normalize("NFC", letter + mark))


def _letter(match: re.Match[str]) -> str:
    return _rebraced(match[0], _LETTERS[match["name"]])


def _rebraced(found: str, letter: str) -> str:
    # A bracket that was not one of the pair around the accent stays.
    opened, closed = (
        found.startswith("{"),
        found.endswith("}") and found.count("}") > (found[1:].count("{")),
    )
    return ("{" if opened and not closed else "") + letter + ("}" if closed and not opened else "")

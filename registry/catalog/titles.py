"""Titles as sources write them: cleaned for the catalog, folded for comparison."""

from __future__ import annotations

import gzip
import html
import re
import unicodedata
from pathlib import Path

_MARKUP = re.compile(r"<[a-zA-Z]+\s[^>]*=")


def clean(text: str) -> str:
    """``text`` with its HTML codes as characters and its blanks single.

    >>> clean(" Fast &amp;  Small ")
    'Fast & Small'
    """
    # A code may itself be coded; two rounds see through what real feeds hold.
    return " ".join(html.unescape(html.unescape(text)).split())


def folded(title: str) -> str:
    """What two spellings of one title share: letters and digits, no case, no accents.

    >>> folded("Na\\u00efve R&amp;D") == folded("naive r & d")
    True
    """
    spread = unicodedata.normalize("NFKD", clean(title)).casefold()
    return "".join(character for character in spread if character.isalnum())


def holds_markup(title: str) -> bool:
    """Whether ``title`` carries an HTML tag with an attribute: then something went wrong.

    A bare ``<think>`` is none: real titles have it.
    """
    return _MARKUP.search(title) is not None


def read_titles(path: Path) -> dict[str, tuple[str, ...]]:
    """Every title by identifier of a table of ``id<TAB>title`` lines, plain or gzipped.

    An identifier may have several lines: the titles it has had.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    found: dict[str, list[str]] = {}
    with opened(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            id_, tab, title = line.rstrip("\n").partition("\t")
            if tab:
                found.setdefault(id_, []).append(title)
    return {id_: tuple(dict.fromkeys(titles)) for id_, titles in found.items()}

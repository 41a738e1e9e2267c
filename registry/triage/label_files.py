"""Papers that others have judged, or nobody, in files of JSON lines."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from registry.core.errors import UsageError
from registry.core.ids import ArxivId
from registry.triage.documents import Document, Example, merge


def read_labels(path: Path) -> list[Example]:
    """The papers of a file of labels, JSON lines or gzip of them, in the order of their ids.

    A line has ``arxiv_id`` (or ``id``), ``title``, ``leaves`` and ``negative``, and may have
    ``abstract``, ``authors``, ``categories`` and ``evidence``, a mapping from a leaf to the lists
    that say so. Raises UsageError with the line that will not do.
    """
    return merge(_labelled(place, line) for place, line in _lines(path))


def read_background(path: Path) -> list[Example]:
    """The papers of a file of records on which nobody has decided, in the order of their ids.

    A line has ``id``, ``title`` and ``abstract``, and may have ``authors`` and ``categories``.
    Raises UsageError with the line that will not do.
    """
    return merge(Example(_document(place, line), False, False) for place, line in _lines(path))


def _lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8") as file:
            for number, text in enumerate(file, start=1):
                if text.strip():
                    yield f"{path}:{number}", _object(f"{path}:{number}", text)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}. Allowed: JSON lines, plain or gzipped (.gz)."
        ) from None


def _object(place: str, text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{place} is no JSON: {error}. Allowed: an object a line.") from None
    if not isinstance(found, dict):
        raise UsageError(f"{place} holds no object. Allowed: an object a line.")
    return found


def _labelled(place: str, line: Mapping[str, Any]) -> Example:
    negative = bool(line.get("negative", False))
    said = line.get("evidence") or {}
    sources = frozenset(str(who) for names in said.values() for who in names)
    leaves = () if negative else tuple(map(str, line.get("leaves") or ()))
    return Example(_document(place, line), not negative, True, leaves, sources)


def _document(place: str, line: Mapping[str, Any]) -> Document:
    id_, title = line.get("arxiv_id") or line.get("id"), line.get("title")
    if not isinstance(id_, str) or not isinstance(title, str):
        raise UsageError(f"{place} has no id or no title. Allowed: both, as text.")
    return Document(
        id_,
        " ".join(title.split()),
        str(line.get("abstract") or ""),
        tuple(str(name).strip() for name in line.get("authors") or ()),
        tuple(map(str, line.get("categories") or ())),
        _day(id_),
    )


def _day(id_: str) -> date | None:
    # An id tells the month; nothing here needs the day.
    digits = ArxivId(id_).base.rpartition("/")[2]
    year, month = int(digits[:2]), int(digits[2:4])
    if not 1 <= month <= 12:
        return None
    return date(1900 + year if year > 80 else 2000 + year, month, 1)

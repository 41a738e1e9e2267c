"""Facts about papers gathered elsewhere: files of rows, merged by identifier.

A file of facts is JSON lines, plain or gzipped. A row has an ``id`` and any of these; the names in
brackets are taken too:

    title                       as the source writes it
    authors, categories         lists of text
    submitted (created)         day of version 1
    announced (first_seen)      day on which a listing first showed it
    updated, doi                of the newest version
    abstract                    never kept; a gist is compared with it
    leaves                      leaves of the taxonomy
    evidence                    leaf -> names of the lists that put the paper there
    negative                    true where the paper was looked at and does not belong

Rows about one paper are merged: of two rows the earlier file's word stands, leaves add up. A row
with authors came from arXiv's metadata, so its title is the one arXiv shows; others are listed.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from registry.catalog.titles import clean
from registry.core.errors import UsageError
from registry.core.ids import ArxivId

_NAMES = {"id": "arxiv_id", "submitted": "created", "announced": "first_seen"}
# arXiv's own, such as cs.LG or hep-th; feeds also carry ACM (I.2.6) and MSC (68T07) classes.
_CATEGORY = re.compile(r"[a-z]+(?:-[a-z]+)*(?:\.[A-Za-z]+(?:-[A-Za-z]+)*)?")


@dataclass
class Facts:
    """What all files together say of one paper; empty or None is "no file says"."""

    id: str
    title: str | None = None  # of arXiv's metadata
    listed: list[str] = field(default_factory=list)  # titles in lists, in the order met
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    submitted: date | None = None
    announced: date | None = None
    updated: date | None = None
    doi: str | None = None
    abstract: str | None = None
    leaves: dict[str, set[str]] = field(default_factory=dict)  # leaf -> who put the paper there
    negative: bool = False


def read_facts(paths: Iterable[Path]) -> dict[str, Facts]:
    """The merged facts of ``paths`` by identifier, sorted. Raises UsageError at a bad line."""
    found: dict[str, Facts] = {}
    for path in paths:
        for place, row in _rows(path):
            id_ = _identifier(place, _value(row, "id"))
            _merge(found.setdefault(id_, Facts(id_)), row, place)
    return dict(sorted(found.items()))


def arxiv_categories(classes: Iterable[object]) -> tuple[str, ...]:
    """Those of ``classes`` that are arXiv's own, each once, the primary one first."""
    return tuple(dict.fromkeys(str(c) for c in classes if _CATEGORY.fullmatch(str(c))))


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not path.is_file():
        raise UsageError(f"the file of facts {path} is not there. Name a file of JSON lines.")
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            place = f"{path}:{number}"
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise UsageError(
                    f"{place} is no JSON object. Allowed: one object a line with id, title, "
                    "authors ... Correct the line."
                )
            yield place, row


def _value(row: Mapping[str, Any], name: str) -> Any:
    found = row.get(name)
    return row.get(_NAMES[name]) if found is None and name in _NAMES else found


def _identifier(place: str, value: Any) -> str:
    # A number lost its last zeros on the way: 2501.10000 is 2501.1.
    if not isinstance(value, str):
        raise UsageError(f"{place}: the id is {value!r}. Allowed: text such as '2402.03300'.")
    try:
        return ArxivId.parse(value).base
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from None


def _merge(facts: Facts, row: Mapping[str, Any], place: str) -> None:
    title = clean(str(row.get("title") or ""))
    authors = tuple(_names(row.get("authors") or ()))
    if title and authors and facts.title is None:
        facts.title = title
    elif title and title not in facts.listed:
        facts.listed.append(title)
    facts.authors = facts.authors or authors
    facts.categories = facts.categories or arxiv_categories(row.get("categories") or ())
    facts.submitted = facts.submitted or _day(_value(row, "submitted"), place)
    facts.announced = facts.announced or _day(_value(row, "announced"), place)
    facts.updated = facts.updated or _day(row.get("updated"), place)
    facts.doi = facts.doi or (str(row.get("doi") or "").strip() or None)
    facts.abstract = facts.abstract or (str(row.get("abstract") or "").strip() or None)
    facts.negative = facts.negative or bool(row.get("negative"))
    evidence = row.get("evidence") or {}
    for leaf in row.get("leaves") or ():
        facts.leaves.setdefault(leaf, set()).update(evidence.get(leaf, ()))


def _names(authors: Iterable[Any]) -> Iterator[str]:
    for author in authors:
        name = clean(str(author))
        if any(character.isalpha() for character in name):  # a lone colon is the source's slip
            yield name


def _day(value: Any, place: str) -> date | None:
    if not value:
        return None
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise UsageError(f"{place}: {value!r} is no day. Allowed: 2024-02-05.") from None

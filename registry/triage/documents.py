"""What the ranker reads of a paper, and what was decided on papers: in the store, or in files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.core.errors import UsageError

if TYPE_CHECKING:
    from registry.catalog.models import Paper
    from registry.core.settings import Settings
    from registry.store.engine import Store
    from registry.store.queries import Candidate

MOST_UNLABELLED = 4000
"""Waiting candidates that a model is trained against; more change nothing and cost seconds."""


@dataclass(frozen=True)
class Document:
    """A paper as text with its few facts. ``day`` is the day of version 1, where it is known."""

    id: str
    title: str
    abstract: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    day: date | None = None

    @property
    def text(self) -> str:
        """Title and abstract."""
        return f"{self.title}\n{self.abstract}"


@dataclass(frozen=True)
class Example:
    """A paper that was decided on, or one that merely waits and counts as probably rejected.

    ``sources`` names who said so: a list, the catalog, a curator.
    """

    document: Document
    relevant: bool
    decided: bool = True
    leaves: tuple[str, ...] = ()
    sources: frozenset[str] = frozenset()


def of_candidate(candidate: Candidate) -> Document:
    """What the ranker reads of a candidate."""
    return Document(
        candidate.id,
        candidate.title,
        candidate.abstract,
        candidate.authors,
        candidate.categories,
        candidate.published.date(),
    )


def read_labels(path: Path) -> list[Example]:
    """The papers of a file of labels, JSON lines or gzip of them, in the order of their ids.

    A line has ``arxiv_id`` (or ``id``), ``title``, ``leaves`` and ``negative``, and may have
    ``abstract``, ``authors``, ``categories`` and ``evidence``, a mapping from a leaf to the lists
    that say so. Raises UsageError with the line that will not do.
    """
    return _sorted(_labelled(place, line) for place, line in _lines(path))


def read_background(path: Path) -> list[Example]:
    """The papers of a file of records on which nobody has decided, in the order of their ids.

    A line has ``id``, ``title`` and ``abstract``, and may have ``authors`` and ``categories``.
    Raises UsageError with the line that will not do.
    """
    return _sorted(Example(_document(place, line), False, False) for place, line in _lines(path))


def decided(store: Store, settings: Settings) -> list[Example]:
    """What the catalog and the log of decisions say, and what waits, in the order of the ids.

    Accepted is what has an entry; rejected, what was rejected last. Of the waiting candidates at
    most ``MOST_UNLABELLED`` are taken, those whose ids have the smallest hashes.
    """
    from registry.catalog.files import load_papers
    from registry.store.queries import abstracts, candidates

    papers = load_papers(settings.catalog_dir)
    cached = abstracts(store, papers)
    found = [_entry(paper, cached.get(paper.id, "")) for paper in papers.values()]
    found += [
        Example(document, False, True, sources=frozenset({"curator"}))
        for document in _rejected(store)
        if document.id not in papers
    ]
    waiting = sorted(candidates(store), key=lambda one: (part_of(one.id), one.id))
    found += [Example(of_candidate(one), False, False) for one in waiting[:MOST_UNLABELLED]]
    return _sorted(found)


def merge(*parts: Iterable[Example]) -> list[Example]:
    """One example for each id: a decision stands before none, an earlier part before a later one.

    An abstract that one of them lacks is taken from another; so are the sources.
    """
    found: dict[str, Example] = {}
    for example in (one for part in parts for one in part):
        id_ = example.document.id
        known = found.get(id_)
        found[id_] = example if known is None else _both(known, example)
    return [found[id_] for id_ in sorted(found)]


def part_of(id_: str, parts: int = 1 << 32) -> int:
    """A number below ``parts`` that depends on nothing but the id."""
    import hashlib

    return int.from_bytes(hashlib.sha256(id_.encode()).digest()[:4], "big") * parts >> 32


def _both(first: Example, second: Example) -> Example:
    from dataclasses import replace

    one, other = (second, first) if second.decided and not first.decided else (first, second)
    document = one.document
    if not document.abstract and other.document.abstract:
        document = replace(document, abstract=other.document.abstract)
    if not document.authors and other.document.authors:
        document = replace(document, authors=other.document.authors)
    leaves = one.leaves or (other.leaves if one.relevant and other.relevant else ())
    return replace(one, document=document, leaves=leaves, sources=one.sources | other.sources)


def _entry(paper: Paper, abstract: str) -> Example:
    document = Document(
        paper.id, paper.title, abstract, paper.authors, paper.categories, paper.submitted
    )
    return Example(document, True, True, paper.leaves, frozenset({"catalog"}))


def _rejected(store: Store) -> Sequence[Document]:
    from registry.store.index import rejected_ids
    from registry.store.queries import candidate

    with store.read() as connection:
        ids = sorted(rejected_ids(connection))
    found = (candidate(store, id_) for id_ in ids)
    return [of_candidate(one) for one in found if one is not None]


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
    from registry.core.ids import ArxivId

    digits = ArxivId(id_).base.rpartition("/")[2]
    year, month = int(digits[:2]), int(digits[2:4])
    if not 1 <= month <= 12:
        return None
    return date(1900 + year if year > 80 else 2000 + year, month, 1)


def _sorted(examples: Iterable[Example]) -> list[Example]:
    return merge(examples)

"""The catalog as CSL-JSON, for citation processors and reference managers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from registry.catalog.models import Paper
from registry.core.escape import one_line
from registry.core.ids import ArxivId
from registry.export.names import citation_keys, split_name


def csl_items(
    papers: Iterable[Paper], keys: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """One item a paper, in the order given; ``id`` is the key that BibTeX has too.

    ``keys`` (id to key) are those of the whole catalog; without them they are made here.
    """
    wanted = list(papers)
    keys = citation_keys(wanted) if keys is None else keys
    return [csl_item(paper, keys[paper.id]) for paper in wanted]


def csl_item(paper: Paper, key: str) -> dict[str, Any]:
    """``paper`` as an item of type ``article``, which in CSL means a preprint."""
    item: dict[str, Any] = {
        "id": key,
        "type": "article",
        "title": one_line(paper.title),
        "author": [_author(name) for name in paper.authors],
        "issued": {"date-parts": [[int(part) for part in paper.day.split("-")]]},
        "publisher": "arXiv",
        "number": f"arXiv:{paper.id}",
        "archive": "arXiv",
        "archive_location": paper.id,
        "URL": ArxivId(paper.id).url,
    }
    if paper.doi:
        item["DOI"] = paper.doi
    if paper.venue:
        item["note"] = paper.venue
    return item


def _author(text: str) -> dict[str, str]:
    name = split_name(text)
    if not name.given:
        return {"literal": name.family}
    return {"family": name.family, "given": name.given}

"""The catalog as CSL-JSON, for citation processors and reference managers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from registry.catalog.models import Paper
from registry.core.escape import one_line
from registry.core.ids import ArxivId
from registry.export.json_text import json_text
from registry.export.names import citation_key, split_name


def csl_items(papers: Iterable[Paper]) -> list[dict[str, Any]]:
    """One item a paper, in the order given; ``id`` is the key that BibTeX has too."""
    return [csl_item(paper) for paper in papers]


def csl_json(papers: Iterable[Paper]) -> str:
    """The items as a JSON list, indented."""
    return json_text(csl_items(papers), indent=2)


def csl_item(paper: Paper) -> dict[str, Any]:
    """``paper`` as an item of type ``article``, which in CSL means a preprint."""
    item: dict[str, Any] = {
        "id": citation_key(paper),
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
        item["DOI"] = one_line(paper.doi)
    if paper.venue:
        item["note"] = one_line(paper.venue)
    return item


def _author(text: str) -> dict[str, str]:
    name = split_name(text)
    if not name.given:
        return {"literal": name.family}
    return {"family": name.family, "given": name.given}

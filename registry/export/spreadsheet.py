"""The catalog as CSV that a spreadsheet can open: no cell is a formula, no identifier a number."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable

from registry.catalog.models import Paper
from registry.core.escape import cell
from registry.core.ids import ArxivId
from registry.export.names import citation_key

BETWEEN = "; "
"""What parts the values of a cell that holds several: authors, leaves, methods."""

COLUMNS: dict[str, Callable[[Paper], str | tuple[str, ...]]] = {
    # 2501.10000 alone a spreadsheet reads as the number 2501.1.
    "id": lambda paper: f"arXiv:{paper.id}",
    "key": citation_key,
    "title": lambda paper: paper.title,
    "authors": lambda paper: paper.authors,
    "submitted": lambda paper: paper.day,
    "updated": lambda paper: paper.updated.isoformat() if paper.updated else "",
    "categories": lambda paper: paper.categories,
    "leaf": lambda paper: paper.leaf,
    "other_leaves": lambda paper: paper.secondary,
    "methods": lambda paper: tuple(f"{link.slug}:{link.relation}" for link in paper.methods),
    "venue": lambda paper: paper.venue or "",
    "doi": lambda paper: paper.doi or "",
    "licence": lambda paper: paper.licence or "",
    "status": lambda paper: paper.status,
    "url": lambda paper: ArxivId(paper.id).url,
    "gist": lambda paper: paper.gist or "",
}
"""Name of a column -> what it holds of a paper."""


def spreadsheet(papers: Iterable[Paper]) -> str:
    """A row of names and a row a paper, every cell quoted, UTF-8, lines ended by a line feed."""
    file = io.StringIO()
    rows = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
    rows.writerow(COLUMNS)
    for paper in papers:
        rows.writerow([_cell(column(paper)) for column in COLUMNS.values()])
    return file.getvalue()


def _cell(value: str | tuple[str, ...]) -> str:
    if isinstance(value, str):
        return cell(value)
    # Each value by itself: some programs split at a semicolon whatever the quotes.
    return BETWEEN.join(cell(one) for one in value)

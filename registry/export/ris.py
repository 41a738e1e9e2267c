"""The catalog as RIS, which reference managers that know neither BibTeX nor CSL read."""

from __future__ import annotations

from collections.abc import Iterable

from registry.catalog.models import Paper
from registry.core.escape import one_line
from registry.core.ids import ArxivId
from registry.export.names import citation_key, split_name


def ris(papers: Iterable[Paper]) -> str:
    """One record a paper, in the order given, of the type for what is not published."""
    return "\n".join(record(paper) for paper in papers)


def record(paper: Paper) -> str:
    """``paper`` as one record: a tag and a value a line, so that no value can begin a line."""
    day = paper.day
    fields = [
        ("TY", "UNPB"),
        ("ID", citation_key(paper)),
        ("TI", paper.title),
        *(("AU", _author(name)) for name in paper.authors),
        ("PY", day[:4]),
        ("DA", "/".join([*day.split("-"), "", ""][:3])),
        ("PB", "arXiv"),
        ("AN", f"arXiv:{paper.id}"),
        ("UR", ArxivId(paper.id).url),
        ("DO", paper.doi or ""),
        ("N1", paper.venue or ""),
        *(("KW", leaf) for leaf in paper.leaves),
    ]
    lines = [f"{tag}  - {said}" for tag, value in fields if (said := one_line(value))]
    return "\n".join([*lines, "ER  - ", ""])


def _author(text: str) -> str:
    name = split_name(text)
    return f"{name.family}, {name.given}" if name.given else name.family

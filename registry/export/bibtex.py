"""The catalog for LaTeX: entries for BibTeX, and entries that say more for BibLaTeX and biber."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from registry.catalog.models import Paper
from registry.core.escape import bibtex as escaped
from registry.core.escape import one_line
from registry.core.ids import ArxivId
from registry.export.names import citation_key, split_name

# What would end a field that LaTeX reads letter by letter, and the sign that stands for them.
_UNFIT_IN_VERBATIM = re.compile(r"[{}\\%\s]")


def bibtex(papers: Iterable[Paper]) -> str:
    """One ``@misc`` entry a paper, in the order given; biber reads it too."""
    return "\n".join(entry(paper) for paper in papers)


def biblatex(papers: Iterable[Paper]) -> str:
    """One ``@online`` entry a paper, in the order given, with the fields only BibLaTeX has."""
    return "\n".join(biblatex_entry(paper) for paper in papers)


def entry(paper: Paper) -> str:
    """``paper`` as one BibTeX entry that ends in a newline."""
    fields = {
        "title": title_field(paper.title),
        "author": _authors(paper),
        "year": paper.day[:4],
        "eprint": paper.id,
        "archivePrefix": "arXiv",
        "primaryClass": _primary(paper),
        "url": ArxivId(paper.id).url,
        "doi": escaped(paper.doi or ""),
        "note": escaped("; ".join(_notes(paper))),
        # What BibTeX sorts by where no author is known.
        "key": "" if paper.authors else f"arXiv:{paper.id}",
    }
    return _entry("misc", citation_key(paper), fields)


def biblatex_entry(paper: Paper) -> str:
    """``paper`` as one BibLaTeX entry that ends in a newline."""
    fields = {
        "title": title_field(paper.title),
        "author": _authors(paper),
        "date": paper.day,
        "eprint": paper.id,
        "eprinttype": "arxiv",
        "eprintclass": _primary(paper),
        "url": ArxivId(paper.id).url,
        "doi": _UNFIT_IN_VERBATIM.sub(lambda m: f"%{ord(m[0]):02X}", paper.doi or ""),
        "note": escaped("; ".join(_notes(paper))),
        "keywords": ", ".join(paper.leaves),
    }
    return _entry("online", citation_key(paper), fields)


def title_field(title: str) -> str:
    """``title`` escaped, with braces around what must keep its capitals: ``{DPO}``, ``{LLM}s``.

    A style may turn a title to lower case; a word with a capital after its first letter, or a
    single capital, is a name or an acronym.
    """
    return " ".join(
        "".join(_protected(part) for part in re.split(r"([^\W_]+)", word) if part)
        for word in one_line(title).split(" ")
    )


def _protected(part: str) -> str:
    text = escaped(part)
    keeps = any(c.isupper() for c in part[1:]) or (len(part) == 1 and part.isupper())
    return f"{{{text}}}" if keeps and part != "A" else text


def _entry(kind: str, key: str, fields: Mapping[str, str]) -> str:
    known = {name: value for name, value in fields.items() if value}
    width = max(map(len, known))
    lines = [f"  {name:<{width}} = {{{value}}}," for name, value in known.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}", ""])


def _authors(paper: Paper) -> str:
    return " and ".join(_author(name) for name in paper.authors)


def _author(text: str) -> str:
    name = split_name(text)
    whole = escaped(text)
    # BibTeX splits at "and" and reorders at commas; braces keep a group's name whole.
    if not name.given or "," in text or re.search(r"\band\b", text, re.IGNORECASE):
        return f"{{{whole}}}"
    return f"{escaped(name.family)}, {escaped(name.given)}"


def _primary(paper: Paper) -> str:
    return paper.categories[0] if paper.categories else ""


def _notes(paper: Paper) -> list[str]:
    notes = [paper.venue or "", "" if paper.status == "active" else paper.status]
    return [note for note in notes if note]

"""The catalog as BibTeX, for BibTeX and biber alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from registry.catalog.models import Paper
from registry.core.escape import bibtex as escaped
from registry.core.escape import one_line
from registry.core.ids import ArxivId
from registry.export.names import citation_keys, split_name


def bibtex(papers: Iterable[Paper], keys: Mapping[str, str] | None = None) -> str:
    """One ``@misc`` entry a paper, in the order given.

    ``keys`` (id to key) are those of the whole catalog, so that a part of it is cited alike;
    without them the keys are unique among ``papers``.
    """
    wanted = list(papers)
    keys = citation_keys(wanted) if keys is None else keys
    return "\n".join(entry(paper, keys[paper.id]) for paper in wanted)


def entry(paper: Paper, key: str | None = None) -> str:
    """``paper`` as one entry that ends in a newline; without ``key`` the paper's own."""
    fields = {
        "title": title_field(paper.title),
        "author": " and ".join(_author(name) for name in paper.authors),
        "year": str(paper.since.year),
        "eprint": paper.id,
        "archivePrefix": "arXiv",
        "primaryClass": paper.categories[0] if paper.categories else "",
        "url": ArxivId(paper.id).url,
    }
    fields = {name: value for name, value in fields.items() if value}  # what was looked up
    if paper.doi:
        fields["doi"] = escaped(paper.doi)
    notes = [paper.venue or "", "" if paper.status == "active" else paper.status]
    if any(notes):
        fields["note"] = escaped("; ".join(filter(None, notes)))
    width = max(map(len, fields))
    lines = [f"  {name:<{width}} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@misc{{{key or citation_keys([paper])[paper.id]},", *lines, "}", ""])


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


def _author(text: str) -> str:
    name = split_name(text)
    whole = escaped(text)
    # BibTeX splits at "and" and reorders at commas; braces keep a group's name whole.
    if not name.given or "," in text or re.search(r"\band\b", text, re.IGNORECASE):
        return f"{{{whole}}}"
    return f"{escaped(name.family)}, {escaped(name.given)}"

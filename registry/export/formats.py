"""The one table of what the catalog can be written as."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from registry.core.errors import UnknownNameError
from registry.export.selection import Selection


@dataclass(frozen=True)
class Format:
    """A format: its name, its file ending, who writes it, what it is for."""

    name: str
    extension: str
    media_type: str
    summary: str
    writer: str  # module:function, imported on use
    takes: str = "papers"  # what the function is given: papers, selection or nothing
    between_markers: bool = False  # it can be put between the markers of a README

    def text(self, selection: Selection) -> str:
        """The papers in this format, ended by a line feed."""
        module, _, name = self.writer.partition(":")
        function: Callable[..., str] = getattr(importlib.import_module(module), name)
        if self.takes == "nothing":
            return function()
        return function(selection if self.takes == "selection" else selection.papers)


_TABLE = (
    Format("bibtex", "bib", "application/x-bibtex",
           "BibTeX: @misc entries with eprint fields, capitals protected.",
           "registry.export.bibtex:bibtex"),
    Format("biblatex", "bib", "application/x-bibtex",
           "BibLaTeX: @online entries with dates, eprintclass and the leaves as keywords.",
           "registry.export.bibtex:biblatex"),
    Format("csl-json", "json", "application/vnd.citationstyles.csl+json",
           "CSL-JSON, for citation processors, Zotero and pandoc.",
           "registry.export.csl:csl_json"),
    Format("ris", "ris", "application/x-research-info-systems",
           "RIS, for EndNote, Mendeley and the rest.",
           "registry.export.ris:ris"),
    Format("csv", "csv", "text/csv",
           "CSV for spreadsheets; no cell is a formula, no id a number.",
           "registry.export.spreadsheet:spreadsheet"),
    Format("json", "json", "application/json",
           "A JSON list of the entries with every field.",
           "registry.export.records:json_array"),
    Format("jsonl", "jsonl", "application/jsonl",
           "JSON lines: an entry with every field a line.",
           "registry.export.records:json_lines"),
    Format("schema", "json", "application/schema+json",
           "The JSON Schema of a line of jsonl; takes no papers.",
           "registry.export.records:json_schema", takes="nothing"),
    Format("awesome", "md", "text/markdown",
           "A README's list under headings by leaf; --into puts it between two markers.",
           "registry.export.readme:awesome", takes="selection", between_markers=True),
    Format("markdown", "md", "text/markdown",
           "A Markdown table a leaf; --into puts them between two markers.",
           "registry.export.readme:tables", takes="selection", between_markers=True),
    Format("latex", "tex", "application/x-tex",
           "A LaTeX longtable with a heading a leaf; cites the keys of bibtex.",
           "registry.export.longtable:longtable", takes="selection"),
    Format("atom", "atom", "application/atom+xml",
           "An Atom feed of the newest 50.",
           "registry.export.atom:atom", takes="selection"),
)  # fmt: skip

FORMATS: dict[str, Format] = {one.name: one for one in _TABLE}


def find_format(name: str) -> Format:
    """The format called ``name``. Raises UnknownNameError with the nearest names."""
    if name not in FORMATS:
        raise UnknownNameError("format", name, FORMATS, "registry export")
    return FORMATS[name]

from __future__ import annotations

import json

from citeproc import (
    Citation,
    CitationItem,
    CitationStylesBibliography,
    CitationStylesStyle,
    formatter,
)
from citeproc.source.json import CiteProcJSON
from hypothesis import given

from registry.core.escape import one_line
from registry.export.bibtex import bibtex
from registry.export.csl import csl_items, csl_json
from tests.catalog.fabricated import paper
from tests.export.hostile import TITLES, texts


def test_an_item_is_a_preprint_with_its_facts() -> None:
    entry = paper(authors=["Ada B. Example", "Example-AI"], doi="10.1000/x", venue="Workshop 2024")
    assert csl_items([entry]) == [
        {
            "id": "example-2401.00001",
            "type": "article",
            "title": "A Made-up Title 2401.00001",
            "author": [{"family": "Example", "given": "Ada B."}, {"literal": "Example-AI"}],
            "issued": {"date-parts": [[2024, 1, 2]]},
            "publisher": "arXiv",
            "number": "arXiv:2401.00001",
            "archive": "arXiv",
            "archive_location": "2401.00001",
            "URL": "https://arxiv.org/abs/2401.00001",
            "DOI": "10.1000/x",
            "note": "Workshop 2024",
        }
    ]


def test_keys_are_those_of_bibtex() -> None:
    papers = [paper(f"2401.0000{n}", title="Same") for n in (1, 2, 3)]
    text = bibtex(papers)
    assert all(f"@misc{{{item['id']}," in text for item in csl_items(papers))


@given(texts, texts)
def test_title_and_author_come_back_from_the_file(title: str, author: str) -> None:
    text = csl_json([paper(title=title, authors=[author])])
    assert "<" not in text, "it may stand in a page's script"
    (item,) = json.loads(text)
    assert item["title"] == one_line(title)
    name = item["author"][0]
    words = [name["literal"]] if "literal" in name else [name["given"], name["family"]]
    assert " ".join(words) == one_line(author)


def test_a_citation_processor_prints_an_entry_for_every_hostile_title() -> None:
    papers = [paper(f"2401.{n:05d}", title=t) for n, t in enumerate(TITLES, start=1)]
    items = json.loads(csl_json(papers))
    style = CitationStylesStyle("harvard-cite-them-right", validate=False)
    printed = CitationStylesBibliography(style, CiteProcJSON(items), formatter.plain)
    for item in items:
        printed.register(Citation([CitationItem(item["id"])]))
    lines = [str(line) for line in printed.bibliography()]
    assert len(lines) == len(TITLES)
    assert all("2024" in line for line in lines)

from __future__ import annotations

import re
from pathlib import Path

import pytest

from registry.core.errors import UnknownNameError
from registry.export.formats import FORMATS, Format, find_format
from registry.export.selection import Selection
from tests.catalog.fabricated import TAXONOMY, paper

GUIDE = Path(__file__).parents[2] / "site/docs/guide/exports.md"


def test_the_guide_lists_every_format_with_its_file() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| `\.([a-z]+)` \|", GUIDE.read_text(), flags=re.MULTILINE)
    assert rows == [(one.name, one.extension) for one in FORMATS.values()]


@pytest.mark.parametrize("one", FORMATS.values(), ids=FORMATS)
def test_a_format_writes_lines_of_papers_and_of_none(one: Format) -> None:
    assert one.summary.endswith(".")
    for papers in ((), (paper(),)):
        text = one.text(Selection(papers, TAXONOMY))
        assert text == "" or text.endswith("\n")


@pytest.mark.parametrize("one", FORMATS.values(), ids=FORMATS)
def test_a_paper_of_which_little_is_known_is_written_too(one: Format) -> None:
    bare = paper(authors=[], categories=[], submitted=None, gist=None)
    text = one.text(Selection((bare,), TAXONOMY))
    assert "None" not in text
    assert one.name == "schema" or "2401.00001" in text


def test_an_unknown_format_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'biblatex'"):
        find_format("bib-latex")

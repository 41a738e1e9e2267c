"""The table of the source papers, and the page that asks for it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import html5lib
import pytest

from registry.catalog.files import load_catalog
from registry.core.errors import RegistryError
from registry.publish.snapshot import Snapshot
from registry.publish.source_papers import FIRST, source_papers, source_table
from registry.publish.tree import collect
from tests.catalog.test_contents import SOURCES
from tests.publish.fabricated import REPOSITORY


@pytest.fixture(scope="module")
def committed() -> Snapshot:
    """The committed catalog, without methods or runs."""
    return Snapshot(catalog=load_catalog(REPOSITORY / "catalog"))


def test_the_source_papers_are_the_survey_and_its_eight_relatives(committed: Snapshot) -> None:
    found = [paper.id for paper in source_papers(committed)]
    assert found[0] == FIRST
    assert sorted(found) == sorted(SOURCES)


def test_a_row_links_the_page_its_claims_and_its_discrepancies(committed: Snapshot) -> None:
    tree = html5lib.parseFragment(source_table("guide", committed))
    rows = tree.findall(".//{*}tbody/{*}tr")
    assert len(rows) == len(SOURCES)
    row = next(r for r in rows if "2502.08924" in "".join(r.itertext()))
    links = [a.attrib["href"] for a in row.findall(".//{*}a")]
    page = "../papers/2502.08924/index.html"
    assert links == [page, f"{page}#claims", f"{page}#known-discrepancies"]


def test_methods_are_named_by_what_the_paper_has_to_do_with_them(snapshot: Snapshot) -> None:
    survey = snapshot.catalog.papers["2503.00003"]
    first = survey.model_copy(update={"id": FIRST, "related": ("2501.00001",)})
    papers = {**snapshot.catalog.papers, FIRST: first}
    held = dataclasses.replace(snapshot.catalog, papers=papers)
    tree = html5lib.parseFragment(
        source_table("guide", dataclasses.replace(snapshot, catalog=held))
    )
    words = [" ".join("".join(r.itertext()).split()) for r in tree.findall(".//{*}tbody/{*}tr")]
    assert "no claims yet" in words[0] and "none known" in words[0]
    assert "Introduces dpo" in words[1] and "1 measured" in words[1]


def test_a_catalog_without_the_survey_has_no_row(snapshot: Snapshot) -> None:
    assert source_papers(snapshot) == ()


def test_a_hand_written_page_gets_the_table_it_asks_for(tmp_path: Path) -> None:
    (tmp_path / "guide").mkdir()
    asks = "Before.\n\n<!-- table: boats -->\n\nAfter.\n"
    (tmp_path / "guide" / "a.md").write_text(asks)
    (tmp_path / "guide" / "a.css").write_text(asks)
    from registry.publish.markup import Html

    files = collect([], tmp_path, {"boats": lambda here: Html(f"<p>{here}</p>")})
    assert files["guide/a.md"] == b"Before.\n\n<p>guide</p>\n\nAfter.\n"
    assert files["guide/a.css"] == asks.encode(), "only pages are filled"


def test_a_table_that_nobody_makes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("<!-- table: ships -->\n")
    with pytest.raises(RegistryError, match=r"a\.md asks for a table 'ships'. Allowed: none"):
        collect([], tmp_path)

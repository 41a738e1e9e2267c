from __future__ import annotations

import csv
import io
import re
import unicodedata

from hypothesis import example, given, settings
from hypothesis import strategies as st

from registry.core.escape import one_line
from registry.core.ids import ArxivId
from registry.export.spreadsheet import BETWEEN, COLUMNS, spreadsheet
from tests.catalog.fabricated import paper
from tests.export.hostile import TITLES, texts

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u207a\u207b\u207c\u208a\u208b\u208c"


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def text_of(cell: str) -> str:
    """The text of a cell as the guide says to read it: one quote less before a sign."""
    seen = "".join(c for c in cell.lstrip("'") if unicodedata.category(c) != "Cf")
    return cell[1:] if cell.startswith("'") and seen[:1] and seen[0] in SIGNS else cell


def test_a_row_has_every_column_and_an_identifier_that_is_no_number() -> None:
    (row,) = rows(spreadsheet([paper("2501.10000", secondary=["fruit/pears"], venue="Here")]))
    assert list(row) == list(COLUMNS)
    assert row["id"] == "arXiv:2501.10000"
    assert ArxivId.parse(row["id"]).base == "2501.10000"
    assert (row["authors"], row["leaf"], row["other_leaves"], row["submitted"], row["venue"]) == (
        "Ada Example; Bo Sample",
        "fruit/apples",
        "fruit/pears",
        "2024-01-02",
        "Here",
    )


@given(st.lists(texts, min_size=1, max_size=3), texts)
@example(list(TITLES), "=1")
@settings(max_examples=60)
def test_titles_come_back_and_no_cell_is_a_formula(titles: list[str], gist: str) -> None:
    papers = [
        paper(f"2401.{n:05d}", title=title, gist=gist, authors=[title, title])
        for n, title in enumerate(titles, start=1)
    ]
    found = rows(spreadsheet(papers))
    assert [text_of(row["title"]) for row in found] == [one_line(title) for title in titles]
    for row in found:
        assert text_of(row["gist"]) == one_line(gist)
        for cell in row.values():
            seen = "".join(c for c in cell if unicodedata.category(c) not in ("Cf", "Zs"))
            assert not seen.startswith(tuple(SIGNS))
        assert len(row["authors"].split(BETWEEN)) >= 2


@given(texts)
def test_no_author_is_a_formula_where_a_program_splits_at_semicolons(author: str) -> None:
    (row,) = rows(spreadsheet([paper(authors=["Ada Example", author.replace(";", ",")])]))
    for part in re.split(r";\s*", row["authors"]):
        seen = "".join(c for c in part if unicodedata.category(c) != "Cf")
        assert not seen.startswith(tuple(SIGNS))

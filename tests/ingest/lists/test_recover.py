"""Rows of lists in the styles that public lists use, from Markdown with made-up titles."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.ingest.lists.document import Document
from registry.ingest.lists.readers import read_markdown
from tests.ingest.lists.styles import STYLES, markdown

WORDS = [
    "Learning",
    "made-up",
    "Rewards",
    "from",
    "Gardens",
    "with",
    "Patient",
    "Walking",
    "Slowly",
]
URL, CODE = "https://arxiv.org/abs/2401.01234", "https://github.com/nobody/nothing"


def read(text: str) -> Document:
    return read_markdown(text, "made up")


def only(text: str):
    document = read(text)
    assert len(document.rows) == 1, (document.rows, document.skipped)
    return document.rows[0]


titles = st.lists(st.sampled_from(WORDS), min_size=2, max_size=8, unique=True).map(
    lambda words: " ".join(["Snails", *words])
)
coined = st.from_regex(r"[A-Z][a-z]{2,6}[A-Z]{1,3}(?:: )", fullmatch=True)
numbers = st.integers(1, 17999)


@pytest.mark.parametrize("style", STYLES)
@settings(max_examples=12)
@given(
    st.lists(
        st.tuples(coined | st.just(""), titles, numbers, st.booleans()), min_size=1, max_size=5
    )
)
def test_every_row_of_every_style_comes_out(style: str, facts) -> None:
    rows = [
        (head + title, f"https://arxiv.org/abs/2401.{number:05}", CODE if code else None)
        for head, title, number, code in facts
    ]
    document = read(markdown(style, rows, "Snails and slugs"))

    assert [(row.title, row.arxiv_id) for row in document.rows] == [
        (title, url[-10:]) for title, url, _ in rows
    ]
    assert {row.section[:2] for row in document.rows} == {
        ("Awesome Made-up Papers", "Snails and slugs")
    }
    assert [any(link.kind == "code" for link in row.links) for row in document.rows] == [
        code is not None for _, _, code in rows
    ]


@pytest.mark.parametrize("style", STYLES)
def test_a_row_knows_its_line(style: str) -> None:
    rows = [(f"Patient Snails Learn Slowly {n}", URL[:-1] + str(n), None) for n in range(3)]
    text = markdown(style, rows, "Snails")

    lines = text.splitlines()
    for row, (title, _, _) in zip(read(text).rows, rows, strict=True):
        shown = lines[max(0, row.line - 3) : row.line + 1]
        assert any(title in line for line in shown), (row.line, shown)


@given(st.text(alphabet=st.sampled_from("[]()|*#-`<>!:/ \nahtps.x0"), max_size=300))
@settings(max_examples=150)
def test_no_text_breaks_the_reader(text: str) -> None:
    document = read(text)
    last = text.count("\n") + 1
    assert all(1 <= row.line <= last for row in document.rows)
    assert all(1 <= skipped.line <= last for skipped in document.skipped)


def test_dates_and_venues_come_from_badges_columns_and_text() -> None:
    row = only(
        f"- [Patient Snails Learn Slowly]({URL}) ![](https://img.shields.io/badge/arXiv-2024.02-red)"
    )
    assert (str(row.when), row.venue) == ("2024-02", None)

    row = only(f"- **Patient Snails Learn Slowly** [ICML 2024] (May 2023) [[paper]({URL})]")
    assert (str(row.when), row.venue) == ("2023-05", "ICML 2024")

    table = f"| Title | Date | Venue | Link |\n|-|-|-|-|\n| Patient Snails Learn | 16 May 2025 | EMNLP'24 | [x]({URL}) |"
    row = only(table)
    assert (str(row.when), row.venue) == ("2025-05-16", "EMNLP 2024")


def test_an_identifier_in_a_badge_or_in_text_counts_where_no_address_has_one() -> None:
    badge = "https://img.shields.io/badge/arXiv-2401.01234-b31b1b.svg"
    assert (
        only(f"- **Patient Snails Learn Slowly** [![]({badge})](https://example.org)").arxiv_id
        == "2401.01234"
    )
    text = "- Patient Snails Learn Slowly, arXiv:2401.01234 [[Website]](https://snails.github.io)"
    assert only(text).arxiv_id == "2401.01234"


def test_a_title_linked_in_a_heading_takes_what_stands_below() -> None:
    text = (
        f"# L\n### [Patient Snails Learn Slowly]({URL})\n- Authors: Ada Example\n- Code: {CODE}\n"
    )
    row = only(text)
    assert (row.arxiv_id, [link.kind for link in row.links]) == ("2401.01234", ["paper", "code"])


def test_bullets_of_links_below_a_title_are_its_row() -> None:
    text = (
        "# Made-up List\n## Slow ones\n### Patient Snails Learn Slowly\n\n"
        f"- Paper Link : [arXiv 2401.01234]({URL}) , [homepage](https://snails.github.io/)\n\n"
        "- Framework Overview:\n\n    <img src='x.png'/>\n\n    Snails cross the lawn.\n"
    )
    row = only(text)
    assert (row.title, row.arxiv_id) == ("Patient Snails Learn Slowly", "2401.01234")
    assert (row.section, len(row.links)) == (("Made-up List", "Slow ones"), 2)


def test_a_short_name_is_the_title_where_only_a_remark_follows() -> None:
    assert only(f"1. [**SlugNet**]({URL}) \u2014 crosses lawns in one go").title == "SlugNet"
    assert only(f"1. [[paper]]({URL}) Patient Snails Learn").title == "Patient Snails Learn"


def test_two_papers_linked_in_one_bullet_are_two_rows() -> None:
    row_a = "[Patient Snails Learn Slowly](https://arxiv.org/abs/2401.00001)"
    row_b = "[Hasty Snails Forget Quickly](https://arxiv.org/abs/2401.00002)"
    document = read(f"* {row_a}, {row_b}\n")
    assert [row.arxiv_id for row in document.rows] == ["2401.00001", "2401.00002"]


def test_a_bullet_without_a_link_names_the_part_that_its_bullets_are_in() -> None:
    text = f"## Snails\n- **Slow ones**\n  - [Patient Snails Learn Slowly]({URL})\n"
    assert only(text).section == ("Snails", "Slow ones")


def test_nested_bullets_that_name_no_paper_add_to_the_row_above() -> None:
    text = f"- [Patient Snails Learn Slowly]({URL})\n  - Ada Example\n  - {CODE}\n"
    row = only(text)
    assert [link.kind for link in row.links] == ["paper", "code"]


def test_markdown_that_stands_in_a_cell_of_html_is_read() -> None:
    cell = f"<table><tr><td>[Patient Snails Learn Slowly]({URL})</td><td>2024</td></tr></table>"
    assert only(cell).title == "Patient Snails Learn Slowly"


def test_links_by_reference_are_resolved() -> None:
    assert only(f"- [Patient Snails Learn Slowly][one]\n\n[one]: {URL}\n").arxiv_id == "2401.01234"


def test_a_malformed_or_broken_address_leaves_the_row_and_a_fault() -> None:
    row = only("- Patient Snails Learn Slowly [[Paper]](https://arxiv.org/abs/2401.012)")
    assert (row.arxiv_id, [f.kind for f in row.faults]) == (None, ["malformed-id"])
    row = only("- Patient Snails Learn Slowly [[Paper]](<https://arxiv.org/abs/2401.01234}, year>)")
    assert (row.arxiv_id, [f.kind for f in row.faults]) == ("2401.01234", ["repaired-id"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- [Snails](#snails)\n- [Slugs](#slugs)", "table of contents"),
        ("- We thank everyone who reads this.", "no link"),
        ("- ![](https://example.org/x.png)", "only a picture"),
        ("- [Follow us here please](https://x.com/nobody)", "only links to posts, people or this page"),
        (f"- [Paper]({URL})", "no title"),
        (f"As shown by our friends in [this work]({URL}), snails learn.", "prose that names a paper"),
        (f"- Since we wrote it the notion of [slow learning]({URL}) has become known.", "prose that names a paper"),
    ],
)  # fmt: skip
def test_what_is_no_row_says_why_and_where(text: str, reason: str) -> None:
    document = read(f"# Snails\n\n{text}\n")
    assert document.rows == []
    assert {skipped.reason for skipped in document.skipped} == {reason}
    assert {skipped.line for skipped in document.skipped} <= {3, 4}


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [("```", "```", "in a block of code"), ("<!--", "-->", "in a comment")],
)
def test_what_no_reader_sees_is_no_row_and_says_so(before: str, after: str, reason: str) -> None:
    document = read(f"{before}\nslugs\n- [Patient Snails Learn Slowly]({URL})\n{after}\n")
    assert document.rows == []
    assert [(skipped.line, skipped.reason) for skipped in document.skipped] == [(3, reason)]


def test_headings_give_the_anchors_that_github_gives() -> None:
    document = read("# Snails & Slugs\n## \U0001f50d Survey\n## Survey\n## Survey\n[x](#nowhere)\n")
    assert document.anchors == {"snails--slugs", "-survey", "survey", "survey-1"}
    assert document.jumps == [(5, "nowhere")]


HOSTILE = {
    "commas": "- [" + "," * 20_000 + f"x]({URL})",
    "brackets": "[" * 5_000,
    "bullets": "<ul>" + "<li>a" * 5_000,
    "cells": "|" * 5_000 + "\n|" + "-|" * 4_999 + "\n" + "|" * 5_000,
    "blanks": "- arxiv" + "\u2003" * 20_000 + f"[x]({URL})",
    "links": f"- {'[a]' * 3_000}({URL})",
    "quotes": "> " * 3_000 + "x",
    "tags": "<a href='" * 3_000,
    "indents": "\n" + "".join("    " * n + "[a](b)\n\n" for n in range(1, 600)),
    "spans": "<table><tr>" + "<td rowspan=99 colspan=99>a" * 500 + "<tr><td>x" * 300,
    "names": "- " + "Ada Example, " * 20_000 + f"[x]({URL})",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_text_is_read_in_little_time(kind: str) -> None:
    began = time.process_time()
    read(HOSTILE[kind])
    assert time.process_time() - began < 10

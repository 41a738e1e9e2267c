"""Whole lists of made-up papers in shapes that public lists have, and the rows that come out."""

from __future__ import annotations

import itertools
import re
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.ingest.lists.document import Document
from registry.ingest.lists.readers import read_markdown

A = "https://arxiv.org/abs/2401.01234"
B = "https://arxiv.org/abs/2402.05678v2"
CODE = "https://github.com/nobody/nothing"
CLIMB, LAWNS = "Patient Snails Learn to Climb", "Hasty Slugs Forget: A Study of Lawns"
BOTH = [(CLIMB, "2401.01234"), (LAWNS, "2402.05678")]


def read(text: str) -> Document:
    return read_markdown(text, "made up")


def named(document: Document) -> list[tuple[str, str | None]]:
    return [(row.title, row.arxiv_id) for row in document.rows]


TABLES = {
    "cells over several rows": f"""
        <table><tr><th>Kind</th><th>Title</th><th>Links</th></tr>
        <tr><td rowspan="2">Snails</td><td>{CLIMB}</td><td><a href="{A}">paper</a></td></tr>
        <tr><td>{LAWNS}</td><td><a href="{B}">paper</a></td></tr></table>""",
    "no words in the heads": f"""
        | | | |
        |-|-|-|
        | {CLIMB} | Ada Example | [link]({A}) |
        | {LAWNS} | Bo Sample | [link]({B}) |""",
    "authors first": f"""
        | who | what | where |
        |-|-|-|
        | Ada Example, Bo Sample | {CLIMB} | [link]({A}) |
        | Bo Sample | {LAWNS} | [link]({B}) |""",
    "an identifier without a link": f"""
        | arXiv | Title |
        |-|-|
        | 2401.01234 | {CLIMB} |
        | [2402.05678]({B}) | {LAWNS} |""",
    "several papers linked in a cell": f"""
        | Topic | Papers |
        |-|-|
        | Gardens | [{CLIMB}]({A}), [{LAWNS}]({B}) |""",
    "several papers in the lines of a cell": f"""
        | Topic | Papers |
        |-|-|
        | Gardens | {CLIMB} [[paper]({A})]<br>{LAWNS} [[paper]({B})] |""",
    "heads in Chinese": f"""
        | \u6807\u9898 | \u94fe\u63a5 | \u4ee3\u7801 |
        |-|-|-|
        | {CLIMB} | [\u8bba\u6587]({A}) | [\u4ee3\u7801]({CODE}) |
        | {LAWNS} | [\u8bba\u6587]({B}) | |""",
}
TEXTS = {
    "two labelled papers in a bullet": f"- {CLIMB} [[paper]]({A}), {LAWNS} [[paper]]({B})",
    "a link a line below": f"* {CLIMB}\n  [[arXiv]]({A})\n* {LAWNS}\n\n  [paper]({B})",
    "a link a paragraph below": f"{CLIMB}\n\n[[pdf]]({A})\n\n{LAWNS}\n\n[[pdf]]({B})",
    "a heading for each": f"""
        ## 1. {CLIMB}
        Ada Example, Bo Sample. *ICLR 2024*. [Paper]({A}) | [Code]({CODE})

        > Snails climb.

        ## 2. {LAWNS}
        - **Authors**: Ada Example
        - **Link**: {B}""",
    "a list of definitions": f"""
        <dl><dt>{CLIMB}</dt><dd>Ada Example. <a href="{A}">arXiv</a></dd>
        <dt>{LAWNS}</dt><dd>Bo Sample. <a href="{B}">arXiv</a></dd></dl>""",
    "plain lines": f"{CLIMB}<br>\nAda Example, Bo Sample<br>\n[[paper]]({A})\n\n"
    f"{LAWNS}<br>\nBo Sample<br>\n[[paper]]({B})",
    "bullets indented too far": f"Papers:\n\n    - [{CLIMB}]({A})\n    - [{LAWNS}]({B})",
    "addresses as links": f"- {CLIMB} <{A}>\n- {LAWNS} [{B}]({B})",
    "a label before the title": f"- Title: {CLIMB}\n  - Paper: {A}\n- Title: {LAWNS}, Link: {B}",
    "a line that is folded": f"- Patient Snails Learn\n  to Climb\n  ([paper]({A}))\n- {LAWNS} ({B})",
    "brackets of other scripts": f"- \u3010{CLIMB}\u3011\uff08[\u8bba\u6587]({A})\uff09\n- \u300a{LAWNS}\u300b [paper]({B})",
    "links that Markdown does not see": f"- [{CLIMB}] ({A})\n- [{LAWNS}](https://arxiv.org/abs/ 2402.05678)",
    "numbers in brackets": f"- `[P1]` {CLIMB}. [[link]]({A})\n- (2) {LAWNS} [[link]]({B})",
    "arrows": f"- {CLIMB} \u2192 [paper]({A})\n- {LAWNS} :point_right: [paper]({B})",
    "bars": f"- {CLIMB} | Ada Example | 2024 | [pdf]({A})\n- {LAWNS} | Bo Sample | [pdf]({B}) | N/A",
    "a venue behind": f"- {CLIMB} ICLR 2024 [pdf]({A})\n- {LAWNS} <kbd>NeurIPS 2024</kbd> [pdf]({B})",
    "a bibliography": f"[1] Ada Example and Bo Sample. {CLIMB}. arXiv:2401.01234, 2024.\n\n"
    f'[2] Bo Sample et al. "{LAWNS}." arXiv preprint arXiv:2402.05678 (2024).',
    "marks of the kind": f"* Example A, Sample B. {CLIMB}[J]. arXiv:2401.01234, 2024.\n* {LAWNS} {B}",
    "a word before the title": f"Survey paper: [{CLIMB}]({A})\n\nPaper: [{LAWNS}]({B})",
    "a line that ends in a cell": f"| Title | Link |\n|-|-|\n| Patient Snails Learn<br>to Climb | [x]({A}) |\n"
    f"| {LAWNS} | [x]({B}) |",
    "dates in brackets behind": f"- {CLIMB} (Jan 2024) [paper]({A})\n- {LAWNS} (ICML'24, Feb., 2024) [paper]({B})",
}  # fmt: skip
CITED = {
    "authors, year, title": f"- Ada Example, Bo Sample. 2024. {CLIMB}. [[arXiv]]({A})",
    "surnames and initials": f"- Example, A., & Sample, B. (2024). {CLIMB}. arXiv preprint. [Link]({A})",
    "authors behind": f"1) {CLIMB}. Ada Example, Bo van Sample. [pdf]({A})",
    "et al.": f"- {CLIMB}: Ada Example et al. [pdf]({A})",
    "year first": f"- 2024, {CLIMB}. Ada Example. ICLR 2024. [pdf]({A})",
    "a name set apart": f"- **SnailNet** \u2014 {CLIMB} \u2014 [arXiv]({A})",
}


def dedented(text: str) -> str:
    return textwrap.dedent(text)


@pytest.mark.parametrize("shape", [*TABLES, *TEXTS])
def test_both_papers_come_out_of_a_list_of_this_shape(shape: str) -> None:
    document = read(f"# Gardens\n\n{dedented((TABLES | TEXTS)[shape])}\n")
    assert named(document) == BOTH, document.skipped


@given(st.lists(st.sampled_from([*TABLES, *TEXTS]), min_size=2, max_size=5))
@settings(max_examples=60)
def test_no_identifier_is_lost_where_a_list_has_many_shapes(shapes: list[str]) -> None:
    numbers = itertools.count(1)
    parts = [f"## Part {n}\n\n{dedented((TABLES | TEXTS)[one])}" for n, one in enumerate(shapes)]
    text = re.sub(r"24[0-9]{2}\.[0-9]{5}", lambda _: f"2401.{next(numbers):05}", "\n\n".join(parts))
    document = read(text + "\n")
    told = str([document.rows, document.skipped])
    assert [id_ for id_ in re.findall(r"2401\.[0-9]{5}", text) if id_ not in told] == []


@pytest.mark.parametrize("shape", CITED)
def test_a_title_is_found_among_what_is_cited_beside_it(shape: str) -> None:
    assert named(read(f"# Gardens\n\n{CITED[shape]}\n")) == BOTH[:1]


@pytest.mark.parametrize(
    "title",
    [
        "Do Snails Climb? A Preliminary Study",
        "Do Snails Climb? Rethinking Gardens",
        "Snails, Slugs and Patient Worms",
        "SnailNet - Climbing Walls by Patience",
        '"Up, Up": How Snails Climb',
    ],
)
def test_a_title_that_looks_like_a_name_or_two_titles_stays_whole(title: str) -> None:
    assert named(read(f"- {title} [[paper]]({A})\n")) == [(title, "2401.01234")]


def test_names_after_a_word_and_a_colon_are_papers_each() -> None:
    for lead in ("Climbing: ", '**"If you only read two papers":** '):
        document = read(f"- {lead}[SnailNet]({A}), [SlugNet]({B})\n")
        assert named(document) == [("SnailNet", "2401.01234"), ("SlugNet", "2402.05678")]


def test_a_title_of_capitals_is_not_taken_for_a_name() -> None:
    short, other = "Patient Snails Learn", "Hasty Slugs Forget"
    document = read(f"- {short} [[paper]]({A}), {other} [[paper]]({B})\n")
    assert named(document) == [(short, "2401.01234"), (other, "2402.05678")]
    headed = "".join(
        f"## Papers of {month}\n\n- {title} [[paper]]({url})\n\n"
        for month, title, url in [("May 2024", short, A), ("June 2024", other, B)]
    )
    assert named(read(headed)) == [(short, "2401.01234"), (other, "2402.05678")]


def test_a_remark_on_another_paper_makes_no_row() -> None:
    document = read(f"- {CLIMB} [[paper]]({A}), a follow-up of the earlier work [[paper]]({B})\n")
    assert [row.title for row in document.rows] == [CLIMB]
    assert [fault.kind for fault in document.rows[0].faults] == ["two-ids"]


def test_a_name_and_a_title_below_a_row_are_a_row_of_their_own() -> None:
    document = read(
        f"**{CLIMB}** [[paper]({A})]\n\n- SlugNet: {LAWNS} [pdf]({B})\n- Code: {CODE}\n"
    )
    assert named(document) == [BOTH[0], (f"SlugNet: {LAWNS}", "2402.05678")]


def test_an_address_in_angle_brackets_within_html_is_a_link() -> None:
    document = read(f"<div>\n{CLIMB} <{A}>\n</div>\n")
    assert [row.arxiv_id for row in document.rows] == ["2401.01234"]


def test_what_stands_beside_several_rows_is_their_section_or_their_date() -> None:
    head = "<tr><th>Kind</th><th>Date</th><th>Title</th><th>Links</th></tr>"
    first = f'<tr><td rowspan="2">Snails</td><td rowspan="2">2024-01-17</td><td>{CLIMB}</td><td><a href="{A}">x</a></td></tr>'
    second = f'<tr><td>{LAWNS}</td><td><a href="{B}">x</a></td></tr>'
    document = read(f"# Gardens\n\n<table>{head}{first}{second}</table>\n")
    assert [(row.section, str(row.when)) for row in document.rows] == [
        (("Gardens", "Snails"), "2024-01-17")
    ] * 2


def test_news_of_a_day_are_no_papers() -> None:
    text = f"* **2026.06.18**: Survey **V4** released with 72 new papers. Read on [arXiv]({A}).\n"
    document = read(f"## News\n\n{text}")
    assert (document.rows, [s.reason for s in document.skipped]) == (
        [],
        ["prose that names a paper"],
    )
    dated = read(f"## News\n\n* 2026.06.18: {CLIMB} [[arXiv]]({A})\n")
    assert named(dated) == BOTH[:1]


def test_prose_that_mentions_an_identifier_is_reported() -> None:
    document = read("Much of what we say stands in arXiv:2401.01234 and its siblings.\n")
    assert (document.rows, [s.reason for s in document.skipped]) == (
        [],
        ["prose that names a paper"],
    )


def test_the_first_cell_of_a_row_of_papers_is_their_section() -> None:
    head = "| Subfield | What it studies | Representative papers | Risk |\n|-|-|-|-|\n"
    snails = f"| [Snail surveys](papers/0.md) | slow practice | [{CLIMB}]({A}) (2025, arXiv)<br><sub>x</sub><br>"
    slugs = f"[{LAWNS}]({B}) (2024, ICML) \u00b7 [Card](cards/x.md) | hides objects |\n"
    document = read(f"# Gardens\n\n{head}{snails}{slugs}")
    assert named(document) == BOTH
    assert {row.section for row in document.rows} == {("Gardens", "Snail surveys")}
    assert [str(row.when) for row in document.rows] == ["2025", "2024"]


def test_links_to_files_beside_the_list_name_no_paper_but_a_pdf_may() -> None:
    document = read(
        "- [How to contribute to this](docs/HOW.md)\n- [Patient Snails Learn](x/y.pdf)\n"
    )
    assert named(document) == [("Patient Snails Learn", None)]
    assert [s.reason for s in document.skipped] == ["only links to files beside the list"]
    lame = read("- [Patient Snails Learn](/aclanthology.org/2023.findings-emnlp.167/)\n")
    assert named(lame) == [("Patient Snails Learn", None)]


def test_a_cell_over_all_columns_names_a_part_of_the_table() -> None:
    part = '<tr><th colspan="2">{}</th></tr>'
    row = '<tr><td>{}</td><td><a href="{}">arXiv</a></td></tr>'
    head = "<tr><th>Paper</th><th>Link</th></tr>"
    text = "".join(
        [part.format("Up"), head, row.format(CLIMB, A), part.format("Down"), row.format(LAWNS, B)]
    )
    document = read(f"<table>{text}</table>\n")
    assert [row.section for row in document.rows] == [("Up",), ("Down",)]


def test_a_heading_with_one_paper_in_its_prose_is_no_title() -> None:
    text = f"## Learning in Small Gardens\n\nSnails climb, see the [paper]({A}).\n\n## Thanks\n\nWe thank you.\n"
    document = read(text)
    assert (document.rows, [s.reason for s in document.skipped]) == (
        [],
        ["prose that names a paper"],
    )


def test_months_as_headings_are_no_titles() -> None:
    text = "".join(
        f"## Papers of {month} 2024\n\n- {title} [[paper]]({url})\n\n"
        for month, title, url in [("January", CLIMB, A), ("February", LAWNS, B)]
    )
    assert named(read(text)) == BOTH


def test_a_paragraph_that_leads_with_a_title_and_links_no_paper_says_so() -> None:
    (skipped,) = read("**Patient Snails Learn to Climb** [[Blog]](https://example.org/x)\n").skipped
    assert skipped.reason == "no paper"


def test_dates_in_chinese_are_read() -> None:
    (row,) = read(f"- {CLIMB} [paper]({A}) 2024\u5e741\u670817\u65e5\n").rows
    assert str(row.when) == "2024-01-17"

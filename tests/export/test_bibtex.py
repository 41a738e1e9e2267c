from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.export.bibtex import bibtex, entry, title_field
from tests.catalog.fabricated import paper
from tests.catalog.test_writer import texts


def test_an_entry_has_the_fields_of_a_preprint() -> None:
    text = entry(
        paper(
            title="MadeUp: A Study of LLM-based Digging",
            authors=["Ada Example", "Bo van Made", "Example-AI"],
            categories=["cs.CL", "cs.LG"],
            doi="10.1000/x_y",
            venue="Conference & Co 2024",
        )
    )
    assert text == (
        "@misc{example2024madeup,\n"
        "  title         = {{MadeUp}: A Study of {LLM}-based Digging},\n"
        "  author        = {Example, Ada and Made, Bo van and {Example-AI}},\n"
        "  year          = {2024},\n"
        "  eprint        = {2401.00001},\n"
        "  archivePrefix = {arXiv},\n"
        "  primaryClass  = {cs.CL},\n"
        "  url           = {https://arxiv.org/abs/2401.00001},\n"
        "  doi           = {10.1000/x\\_y},\n"
        "  note          = {Conference \\& Co 2024},\n"
        "}\n"
    )


@pytest.mark.parametrize(
    ("title", "field"),
    [
        ("Plain Words Only", "Plain Words Only"),
        ("A Q-learning GPT-4 DPO", "A {Q}-learning {GPT}-4 {DPO}"),
        ("QLoRA and O-LoRA", "{QLoRA} and {O}-{LoRA}"),
        ("50% {off}", r"50\% \textbraceleft{}off\textbraceright{}"),
        ("\u00c9TUDE", "{\u00c9TUDE}"),
        ("two  blanks\n", "two blanks"),
    ],
)
def test_capitals_that_matter_are_protected(title: str, field: str) -> None:
    assert title_field(title) == field


def test_a_withdrawn_paper_says_so() -> None:
    text = entry(paper(status="withdrawn", status_note="why", venue="Workshop"))
    assert "note          = {Workshop; withdrawn}," in text


def test_a_name_that_bibtex_would_split_is_kept_whole() -> None:
    text = entry(paper(authors=["Sample, Ada", "Institute for This and That"]))
    assert "author        = {{Sample, Ada} and {Institute for This and That}}," in text


def test_a_part_of_the_catalog_is_cited_as_the_whole_is() -> None:
    papers = [paper("2401.00001", title="Same"), paper("2401.00002", title="Same")]
    keys = {"2401.00001": "first", "2401.00002": "second"}
    assert bibtex(papers[1:], keys).startswith("@misc{second,")
    assert bibtex(papers).count("@misc{") == 2
    assert "@misc{example2024sameb," in bibtex(papers)


@given(texts.filter(bool), st.lists(texts.filter(bool), min_size=1, max_size=3), texts.filter(bool))
def test_no_text_ends_a_field_or_an_entry(title: str, authors: list[str], venue: str) -> None:
    text = entry(paper(title=title, authors=authors, venue=venue))
    depth, closed = 0, 0
    for character in text:  # as BibTeX counts: a backslash does not hide a brace
        depth += {"{": 1, "}": -1}.get(character, 0)
        closed += character == "}" and depth == 0
        assert depth >= 0
    assert (depth, closed) == (0, 1)
    lines = text.splitlines()
    assert lines[0].startswith("@misc{") and lines[-1] == "}"
    assert all(re.fullmatch(r"  [A-Za-z]+ += \{.*\},", line) for line in lines[1:-1])


def test_what_was_not_looked_up_is_left_out() -> None:
    text = entry(paper(authors=[], categories=[], submitted=None, gist=None))
    assert "author" not in text and "primaryClass" not in text and "None" not in text
    assert "year          = {2024}," in text

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pybtex.database import BibliographyData, parse_string

from registry.core.escape import one_line
from registry.export.bibtex import biblatex, bibtex, entry, title_field
from tests.catalog.fabricated import paper
from tests.export.hostile import TITLES, texts
from tests.export.latex_text import printed


def read(text: str) -> BibliographyData:
    return parse_string(text, "bibtex")


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
        "@misc{example-2401.00001,\n"
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


def test_biblatex_says_the_day_the_class_and_the_leaves() -> None:
    one = paper(doi="10.1000/x_{y}%", secondary=["fruit/pears"])
    fields = read(biblatex([one])).entries["example-2401.00001"].fields
    assert fields["date"] == "2024-01-02"
    assert (fields["eprint"], fields["eprinttype"], fields["eprintclass"]) == (
        "2401.00001",
        "arxiv",
        "cs.CL",
    )
    assert fields["keywords"] == "fruit/apples, fruit/pears"
    # BibLaTeX reads a DOI letter by letter, so it is not escaped but where it would end the field.
    assert fields["doi"] == "10.1000/x_%7By%7D%25"
    assert "year" not in fields


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


@given(texts, st.lists(texts, min_size=1, max_size=3), texts)
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


@pytest.mark.parametrize("write", [bibtex, biblatex])
@given(st.lists(texts, min_size=1, max_size=3))
@example(list(TITLES))
@settings(max_examples=25)
def test_a_title_comes_back_from_the_file(write, titles: list[str]) -> None:  # type: ignore[no-untyped-def]
    papers = [paper(f"2401.{n:05d}", title=title) for n, title in enumerate(titles, start=1)]
    found = list(read(write(papers)).entries.values())
    assert [printed(one.fields.get("title", "")) for one in found] == [
        one_line(title) for title in titles
    ]
    assert [one.fields["eprint"] for one in found] == [one.id for one in papers]


@given(st.lists(st.from_regex(r"[A-Z][a-z]{1,8}( [A-Z]\.)?( van)? [A-Z][a-z]{1,8}", fullmatch=True),
                min_size=1, max_size=4))  # fmt: skip
@settings(max_examples=25)
def test_authors_come_back_one_by_one(names: list[str]) -> None:
    (found,) = read(bibtex([paper(authors=names)])).entries.values()
    read_names = [
        " ".join([*p.first_names, *p.middle_names, *p.prelast_names, *p.last_names])
        for p in found.persons["author"]
    ]
    assert read_names == names


@pytest.mark.skipif(not shutil.which("bibtex"), reason="no BibTeX on this machine")
def test_bibtex_itself_reads_every_hostile_title(tmp_path: Path) -> None:
    papers = [paper(f"2401.{n:05d}", title=t) for n, t in enumerate(TITLES, start=1)]
    (tmp_path / "all.bib").write_text(bibtex(papers), encoding="utf-8")
    (tmp_path / "a.aux").write_text("\\citation{*}\n\\bibstyle{plain}\n\\bibdata{all}\n")
    done = subprocess.run(["bibtex", "a"], cwd=tmp_path, capture_output=True, text=True)
    assert "error message" not in done.stdout.lower(), done.stdout
    listed = (tmp_path / "a.bbl").read_text(encoding="utf-8", errors="replace")
    assert listed.count("\\bibitem{") == len(TITLES)


def test_what_was_not_looked_up_is_left_out() -> None:
    text = entry(paper(authors=[], categories=[], submitted=None, gist=None))
    assert "author" not in text and "primaryClass" not in text and "None" not in text
    assert "year          = {2024}," in text
    assert "key           = {arXiv:2401.00001}," in text

from __future__ import annotations

import difflib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from registry.catalog import reader
from registry.catalog.edit import has_comments, in_form, rewritten
from registry.catalog.files import dump_entry
from registry.catalog.models import Paper
from tests.catalog.fabricated import paper

BY_HAND = """\
# Read in a hurry.
id: "2401.00001"
title: A Made-up Title 2401.00001

authors: [Ada Example, Bo Sample]
submitted: 2024-01-02
# Why not cs.LG: see the issue.
categories:
- cs.CL
leaf: 'fruit/apples'
gist: It says nothing.
# The end.
"""


def changed_lines(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return sorted(line for line in lines if line[0] in "+-")


def test_a_file_in_form_changes_in_the_lines_of_the_field() -> None:
    before, after = paper(), paper(updated="2024-03-04")
    text = dump_entry(before)
    assert changed_lines(text, rewritten(text, before, after)) == ["+ updated: 2024-03-04"]


def test_a_file_laid_out_by_hand_keeps_its_comments_and_every_other_line() -> None:
    after = paper(title="Renamed", former_titles=[paper().title], updated="2024-03-04")
    made = rewritten(BY_HAND, paper(), after)
    assert changed_lines(BY_HAND, made) == [
        "+   - A Made-up Title 2401.00001",
        "+ former_titles:",
        "+ title: Renamed",
        "+ updated: 2024-03-04",
        "- title: A Made-up Title 2401.00001",
    ]
    assert Paper.model_validate(reader.parse(Path(), made)) == after


def test_a_field_that_went_takes_its_lines_along() -> None:
    made = rewritten(BY_HAND, paper(), paper(gist=None))
    assert changed_lines(BY_HAND, made) == ["- gist: It says nothing."]


def test_the_form_keeps_comments_where_they_stand_and_sorts_the_fields() -> None:
    lines = BY_HAND.splitlines(keepends=True)
    mixed = "".join([*lines[:1], lines[9], *lines[1:9], *lines[10:]])  # the leaf first of all
    made = in_form(mixed, paper())
    kept = [line for line in made.splitlines() if line.startswith("#")]
    assert kept == ["# Read in a hurry.", "# Why not cs.LG: see the issue.", "# The end."]
    assert "".join(line for line in made.splitlines(keepends=True) if line[0] != "#") == dump_entry(
        paper()
    )
    assert has_comments(made) and not has_comments(dump_entry(paper()))
    assert in_form(made, paper()) == made


words = st.text("abc :#'\"\u00e9-", min_size=1).map(str.strip).filter(bool)


@given(title=words, former=st.lists(words, max_size=2, unique=True), by_hand=st.booleans())
def test_whatever_changes_the_file_says_what_the_record_says(
    title: str, former: list[str], by_hand: bool
) -> None:
    after = paper(title=title, former_titles=former)
    text = BY_HAND if by_hand else dump_entry(paper())
    made = rewritten(text, paper(), after)
    assert Paper.model_validate(reader.parse(Path(), made)) == after

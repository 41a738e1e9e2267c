from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from registry.catalog.titles import clean, folded, holds_markup, read_titles


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Dataset &amp;  Model", "Dataset & Model"),
        ("A &amp;lt; B", "A < B"),  # coded twice
        ("  Two\n  lines ", "Two lines"),
        ("$Q\\sharp$: as it is", "$Q\\sharp$: as it is"),
    ],
)
def test_a_title_is_cleaned_of_codes_and_blanks(written: str, meant: str) -> None:
    assert clean(written) == meant
    assert clean(meant) == meant


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Na\u00efve Bayes: a study", "NAIVE BAYES - A Study", True),
        ("Tea &amp; cake", "Tea & Cake", True),
        ("Tea", "Teas", False),
    ],
)
def test_spellings_of_one_title_fold_alike(one: str, other: str, same: bool) -> None:
    assert (folded(one) == folded(other)) is same


def test_a_tag_with_an_attribute_is_markup_and_a_comparison_is_not() -> None:
    assert holds_markup('(Figure from <a href="')
    assert not holds_markup("When n < m: a study of x <= y")
    assert not holds_markup("What <think> is for")


def test_a_table_of_titles_keeps_every_title_of_an_identifier(tmp_path: Path) -> None:
    path = tmp_path / "titles.tsv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("2401.00001\tFirst\n2401.00002\tOther\n2401.00001\tSecond\n\n")
    assert read_titles(path) == {"2401.00001": ("First", "Second"), "2401.00002": ("Other",)}

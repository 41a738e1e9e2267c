from __future__ import annotations

from pathlib import Path

import pytest

from registry.catalog.criteria import check_criteria, load_criteria, split_reason
from registry.core.errors import CatalogError

ROOT = Path(__file__).parents[2]
TEXT = """\
question: Is it fruit?
include:
  - code: fruit
    text: It is.
exclude:
  - code: stone
    text: It is a stone.
"""


def test_the_catalog_says_what_belongs_in_it() -> None:
    criteria = load_criteria(ROOT / "catalog")

    assert criteria is not None
    assert {"application", "pretraining", "no-language-model"} <= set(criteria.reasons)


def test_a_catalog_may_have_no_criteria(tmp_path: Path) -> None:
    assert load_criteria(tmp_path) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("code: stone", "code: fruit"), "stands twice"),
        (("code: stone", "code: A Stone"), "criteria.yaml:6"),
        (("include:", "includes:"), "'include' is missing"),
        (("exclude:\n", "exclude: []\nx:\n"), "criteria.yaml"),
    ],
)
def test_wrong_criteria_are_named_with_their_line(
    tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    (tmp_path / "criteria.yaml").write_text(TEXT.replace(*change))

    with pytest.raises(CatalogError, match=words):
        load_criteria(tmp_path)
    assert words in str(check_criteria(tmp_path)[0].error)


def test_a_reason_is_split_into_code_and_words(tmp_path: Path) -> None:
    (tmp_path / "criteria.yaml").write_text(TEXT)
    criteria = load_criteria(tmp_path)

    assert split_reason("stone", criteria) == ("stone", "stone")
    assert split_reason(" stone :  grey\none", criteria) == ("stone", "stone : grey one")
    assert split_reason("stones", criteria) == (None, "stones")
    assert split_reason("note: stone", criteria) == (None, "note: stone")

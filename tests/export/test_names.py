from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.export.names import Name, citation_key, short_authors, split_name
from tests.catalog.fabricated import paper
from tests.export.hostile import texts


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ada Example", Name("Ada", "Example")),
        ("Y. K. Sample", Name("Y. K.", "Sample")),
        ("Bo van der Made", Name("Bo van der", "Made")),
        ("Cy Sample Jr.", Name("Cy", "Sample Jr.")),
        ("Di Sample III", Name("Di", "Sample III")),
        ("Example-AI", Name("", "Example-AI")),
        ("Jr.", Name("", "Jr.")),
    ],
)
def test_a_name_has_two_parts(text: str, name: Name) -> None:
    assert split_name(text) == name


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), ""),
        (("Ada Example",), "Example"),
        (("Ada Example", "Bo Made"), "Example and Made"),
        (("Ada Example", "Bo Made", "Cy Sample"), "Example et al."),
    ],
)
def test_a_list_of_papers_names_at_most_two_authors(names: tuple[str, ...], said: str) -> None:
    assert short_authors(names) == said


@pytest.mark.parametrize(
    ("author", "id_", "key"),
    [
        ("Ada Example", "2401.00001", "example-2401.00001"),
        ("\u00c7a\u011fatay Y\u0131ld\u0131z", "0704.0001", "yildiz-0704.0001"),
        ("\u0141ukasz Ka\u00efs\u00e9r", "hep-th/9901001", "kaiser-hep-th_9901001"),
        ("Mary O'Made Jr.", "2401.00001", "omade-2401.00001"),
        ("\u5f20\u4e09", "2401.00001", "arxiv-2401.00001"),
    ],
)
def test_a_key_is_the_first_author_and_the_identifier(author: str, id_: str, key: str) -> None:
    assert citation_key(paper(id_, authors=[author])) == key


def test_a_new_title_keeps_the_key() -> None:
    assert citation_key(paper(title="Before")) == citation_key(paper(title="After"))


@given(st.lists(st.integers(1, 99999), unique=True, max_size=8), texts)
def test_keys_differ_where_everything_but_the_identifier_is_the_same(
    numbers: list[int], author: str
) -> None:
    papers = [paper(f"2401.{n:05d}", title="Same", authors=[author]) for n in numbers]
    assert len({citation_key(one) for one in papers}) == len(papers)


@given(texts)
def test_a_key_is_plain_whatever_the_author(author: str) -> None:
    key = citation_key(paper(authors=[author]))
    assert key.isascii()
    assert key.replace("-", "").replace(".", "").isalnum()
    assert key == key.lower()

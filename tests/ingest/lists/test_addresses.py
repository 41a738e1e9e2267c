from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.ingest.lists.addresses import (
    arxiv_in,
    is_social,
    kind_of,
    mentioned_in,
    same_address,
)


@pytest.mark.parametrize(
    "url",
    [
        "2401.01234", "2401.01234v2", "arXiv:2401.01234", "https://arxiv.org/abs/2401.01234",
        "http://www.arxiv.org/pdf/2401.01234v3.pdf#page=1.33", "arxiv.org/html/2401.01234v1",
        "https://export.arxiv.org/abs/2401.01234?context=cs", "https://alphaxiv.org/abs/2401.01234",
        "https://huggingface.co/papers/2401.01234", "https://doi.org/10.48550/arXiv.2401.01234",
        "https://browse.arxiv.org/pdf/2401.01234", "https://ar5iv.labs.arxiv.org/html/2401.01234",
        "https://papers.cool/arxiv/2401.01234", "https://scirate.com/arxiv/2401.01234v2",
        "https://api.semanticscholar.org/arXiv:2401.01234",
        "https://www.paperdigest.org/paper/?paper_id=arxiv-2401.01234",
        "https://huggingface.co/papers?q=2401.01234",
        "https://web.archive.org/web/2024/https://arxiv.org/abs/2401.01234",
        "https://proxy.example.org/?to=https://arxiv.org/abs/2401.01234",
    ],
)  # fmt: skip
def test_every_form_of_an_address_gives_its_identifier(url: str) -> None:
    found = arxiv_in(url)
    assert found is not None
    assert (found.id, found.repaired) == ("2401.01234", False)


@pytest.mark.parametrize(
    "url",
    [
        "https://arxiv.org/abs/2401.01234}, year={2024}", "https://arxiv.org/abs/2401.01234).",
        "https://arxiv.org/2401.01234", "https://arxiv.org/abs/arxiv.org/abs/2401.01234",
        "https://arxiv.org/pdf/2401.01234v1v2", "https://www.arxiv.org/abs/2401.01234,",
    ],
)  # fmt: skip
def test_an_address_with_a_tail_is_repaired_and_says_so(url: str) -> None:
    found = arxiv_in(url)
    assert found is not None
    assert (found.id, found.repaired) == ("2401.01234", True)


@pytest.mark.parametrize(
    ("url", "raw"),
    [
        ("https://arxiv.org/abs/2502.143", "2502.143"),
        ("https://arxiv.org/abs/N/A", "N/A"),
        ("https://arxiv.org/pdf/2413.01234", "2413.01234"),
        ("https://arxiv.org/abs/2402.0330", "2402.0330"),
    ],
)
def test_what_was_meant_for_arxiv_and_names_no_paper_is_malformed(url: str, raw: str) -> None:
    found = arxiv_in(url)
    assert found is not None
    assert (found.id, found.raw) == (None, raw)


@pytest.mark.parametrize(
    "url",
    [
        "https://openreview.net/forum?id=made2401up", "https://arxiv.org", "https://arxiv.org/list/cs",
        "https://github.com/someone/2401.01234", "https://huggingface.co/some/model", "",
    ],
)  # fmt: skip
def test_other_addresses_are_not_about_arxiv(url: str) -> None:
    assert arxiv_in(url) is None


@given(st.text(max_size=80))
def test_no_text_breaks_the_search(text: str) -> None:
    found = arxiv_in(f"https://arxiv.org/abs/{text}")
    assert found is None or found.id is None or arxiv_in(found.id) is not None
    kind_of(text)
    same_address(text)
    mentioned_in(text)


@pytest.mark.parametrize(
    ("url", "label", "kind"),
    [
        ("https://arxiv.org/abs/2401.01234", "Paper", "paper"),
        ("https://github.com/a/b", "Code", "code"),
        ("https://huggingface.co/datasets/a/b", "", "data"),
        ("https://aclanthology.org/2024.made-up.1/", "", "published"),
        ("https://openreview.net/pdf?id=x", "", "published"),
        ("https://someone.github.io/thing", "", "project"),
        ("https://example.org/thing", "Project Page", "project"),
        ("https://github.com/a/awesome-things", "", "list"),
        ("https://example.org/paper.pdf", "", "published"),
        ("https://example.org", "", "other"),
    ],
)
def test_an_address_is_of_a_kind(url: str, label: str, kind: str) -> None:
    assert kind_of(url, label) == kind


def test_posts_and_people_are_social() -> None:
    assert is_social("https://x.com/someone/status/1")
    assert is_social("mailto:someone@example.org")
    assert not is_social("https://example.org/x.com")


def test_two_addresses_of_one_page_are_the_same() -> None:
    assert same_address("https://openreview.net/pdf?id=abc") == same_address(
        "http://openreview.net/forum?id=abc&noteId=1"
    )
    assert same_address("https://aclanthology.org/2024.x.1.pdf") == same_address(
        "https://aclanthology.org/2024.x.1/"
    )
    assert same_address("https://arxiv.org/pdf/2401.01234v2") == "arxiv:2401.01234"


def test_code_for_a_paper_of_arxiv_is_code() -> None:
    url = "https://github.com/nobody/arxiv-2401.01234"
    assert (arxiv_in(url), kind_of(url)) == (None, "code")


def test_what_the_list_calls_the_paper_is_published_wherever_it_lies() -> None:
    assert kind_of("https://nobody.notion.site/snails", "[Paper]") == "published"
    assert kind_of("https://nobody.notion.site/snails", "Blog") == "project"

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from registry.catalog.models import Paper
from registry.core.errors import UsageError
from registry.core.escape import one_line
from registry.export.readme import BEGIN, END, awesome, replace_between, tables
from registry.export.selection import Selection
from tests.catalog.fabricated import TAXONOMY, paper
from tests.export.hostile import TITLES, texts

github = MarkdownIt("gfm-like", {"html": True})


def chosen(*papers: Paper) -> Selection:
    return Selection(papers, TAXONOMY)


def links(tokens: list[Token]) -> list[tuple[str, str]]:
    """The address and the text of every link; a link that holds more than text fails."""
    found = []
    for token in tokens:
        children = token.children or []
        for place, child in enumerate(children):
            if child.type == "link_open":
                inner = children[place + 1 : [c.type for c in children].index("link_close", place)]
                assert {one.type for one in inner} <= {"text", "text_special"}
                found.append((str(child.attrs["href"]), "".join(one.content for one in inner)))
    return found


def test_papers_stand_under_their_leaf_the_newest_first() -> None:
    text = awesome(
        chosen(
            paper("2401.00001", title="Older", methods=[{"slug": "dig", "relation": "introduces"}]),
            paper("2402.00001", title="Newer", submitted="2024-02-02",
                  links=[{"kind": "code", "url": "https://example.org/a(b)"}]),
            paper("2401.00003", title="Below", leaf="roots/carrots", status="withdrawn",
                  status_note="why", authors=["Ada Example"]),
        )
    )  # fmt: skip
    assert text == (
        "## Fruit\n\n### Apples\n\n"
        "- [Newer](https://arxiv.org/abs/2402.00001) - Example and Sample, 2024. "
        "[code](https://example.org/a%28b%29).\n"
        "- [Older](https://arxiv.org/abs/2401.00001) - Example and Sample, 2024. "
        "Runs: `registry run dig`.\n"
        "\n## Roots\n\n### Carrots\n\n"
        "- [Below](https://arxiv.org/abs/2401.00003) - Example, 2024. **withdrawn**\n"
    )


def test_a_table_a_leaf_says_what_runs() -> None:
    text = tables(chosen(paper(methods=[{"slug": "dig", "relation": "introduces"}])))
    tokens = github.parse(text)
    cells = [t.content for t in tokens if t.type == "inline"]
    assert cells[:6] == ["Apples (1 paper)", "Paper", "Authors", "Date", "Runs here",
                         "[A Made-up Title 2401.00001](https://arxiv.org/abs/2401.00001)"]  # fmt: skip
    assert cells[-1] == "`registry run dig`"


def test_nothing_chosen_is_said() -> None:
    assert awesome(chosen()) == tables(chosen()) == "No paper of the catalog matches.\n"


@pytest.mark.parametrize("write", [awesome, tables])
@given(st.lists(texts, min_size=1, max_size=3), texts)
@example(list(TITLES), "**x** <b> | a")
@settings(max_examples=60)
def test_a_title_comes_back_as_the_text_of_one_link(write, titles: list[str], author: str) -> None:  # type: ignore[no-untyped-def]
    papers = [
        paper(f"2401.{n:05d}", title=title, authors=[author])
        for n, title in enumerate(titles, start=1)
    ]
    text = write(chosen(*papers))
    tokens = github.parse(text)
    assert not any(token.type == "html_block" for token in tokens)
    inline = [child for token in tokens for child in token.children or []]
    assert {c.type for c in inline} <= {"text", "link_open", "link_close", "text_special"}
    ours = [(href, said) for href, said in links(tokens) if href.startswith("https://arxiv.org")]
    # No title, nor author, is a link of its own.
    wanted = {f"https://arxiv.org/abs/{one.id}": one_line(one.title) for one in papers}
    assert {href: said for href, said in ours if said} == {
        href: said for href, said in wanted.items() if said
    }
    assert len([token for token in tokens if token.type == "heading_open"]) <= 2


HEAD, FOOT = b"# Mine\n\ntext \xff not UTF-8\n", b"\nbelow\r\nand mixed\n"


def readme(inner: bytes = b"old\n", newline: bytes = b"\n") -> bytes:
    return HEAD + BEGIN.encode() + newline + inner + END.encode() + newline + FOOT


def test_only_what_stands_between_the_markers_changes() -> None:
    new = replace_between(readme(), "- new\n", "README.md")
    assert new == readme(b"\n- new\n\n")
    assert replace_between(new, "- new\n", "README.md") == new


def test_lines_end_as_those_of_the_file_do() -> None:
    new = replace_between(readme(b"old\r\n", b"\r\n"), "a\nb\n", "README.md")
    assert new == readme(b"\r\na\r\nb\r\n\r\n", b"\r\n")


def test_a_marker_may_be_indented_end_the_file_or_follow_a_byte_order_mark() -> None:
    old = b"\xef\xbb\xbf" + BEGIN.encode() + b"\n  " + END.encode()
    new = replace_between(old, "x\n", "README.md")
    assert new == b"\xef\xbb\xbf" + BEGIN.encode() + b"\n\nx\n\n  " + END.encode()


@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=60))
def test_the_rest_is_kept_byte_for_byte(above: bytes, old: bytes, below: bytes) -> None:
    head, foot = above + b"\n" + BEGIN.encode() + b"\n", END.encode() + b"\n" + below
    new = replace_between(head + old + b"\n" + foot, "- new\n", "README.md")
    assert new == head + b"\n- new\n\n" + foot


@given(st.lists(texts, min_size=1, max_size=3))
@example(list(TITLES))
@settings(max_examples=60)
def test_no_title_is_taken_for_a_marker(titles: list[str]) -> None:
    papers = [paper(f"2401.{n:05d}", title=title) for n, title in enumerate(titles, start=1)]
    once = replace_between(readme(), awesome(chosen(*papers)), "README.md")
    assert replace_between(once, awesome(chosen(*papers)), "README.md") == once


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b"nothing", "0 begins and 0 ends"),
        (readme() + readme(), "2 begins and 2 ends"),
        (f"{END}\n{BEGIN}\n".encode(), "the end before the begin"),
        (f"say {BEGIN}\n{END}\n".encode(), "0 begins and 1 end"),
    ],
)
def test_markers_that_are_not_one_pair_are_refused(text: bytes, wrong: str) -> None:
    with pytest.raises(UsageError, match=f"README.md has {wrong}. The list goes between"):
        replace_between(text, "x\n", "README.md")

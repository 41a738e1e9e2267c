"""Text stays text: through elements, attributes, front matter and a real Markdown parser."""

from __future__ import annotations

import html5lib
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.core.escape import one_line
from registry.publish.markup import (
    Html,
    Page,
    address,
    el,
    heading,
    join,
    listing,
    outward,
    paragraph,
    table,
    text,
    verbatim,
)

markdown = pytest.importorskip("markdown", reason="the extra `site` is not installed")
EXTENSIONS = ["tables", "toc", "fenced_code", "attr_list", "md_in_html"]  # more than the site's
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
active = st.text("|`*_{}[]()#+-.!<>&$~^:\"'=@%/\\ \nab1", max_size=60)


def words_of(source: str) -> str:
    """What a reader sees of Markdown source."""
    tree = html5lib.parseFragment(markdown.markdown(source, extensions=EXTENSIONS))
    return " ".join("".join(tree.itertext()).split())


def test_a_child_that_is_plain_text_is_escaped_and_html_is_not() -> None:
    assert el("p", "<b>", el("i", "x")) == "<p>&#60;b&#62;<i>x</i></p>"


def test_an_attribute_cannot_be_left() -> None:
    element = html5lib.parseFragment(el("p", title='"><script>x</script>'))[0]
    assert element.tag.endswith("}p")
    assert element.attrib == {"title": '"><script>x</script>'}
    assert not list(element)


def test_attributes_that_are_none_or_false_are_left_out() -> None:
    assert el("p", hidden=True, id=None, lang=False, data_x="1") == '<p hidden data-x="1"></p>'


def test_text_keeps_the_blank_that_parts_it_from_its_neighbour() -> None:
    assert join(["a", Html("<b>x</b>"), " c  d "]) == "a<b>x</b> c d "
    assert text("   ") == " "


@given(st.one_of(anything, active))
@settings(max_examples=200)
def test_any_text_in_an_element_reads_as_itself(value: str) -> None:
    assert words_of(paragraph(value)) == " ".join(one_line(value).split())


@given(st.one_of(anything, active))
@settings(max_examples=200)
def test_any_title_in_a_heading_reads_as_itself(value: str) -> None:
    source = heading(1, f"a {value} z")
    tree = html5lib.parseFragment(markdown.markdown(source, extensions=EXTENSIONS))
    assert [child.tag.split("}")[1] for child in tree] == ["h1"]
    assert not list(tree[0])
    assert " ".join("".join(tree.itertext()).split()) == " ".join(one_line(f"a {value} z").split())


@given(st.text("`~#-*+>|{}:! \n\tab1<&", max_size=80))
@settings(max_examples=200)
def test_lines_in_a_listing_keep_their_breaks_and_start_no_fence(value: str) -> None:
    source = f"before\n\n{listing(value)}\n\nafter"
    tree = html5lib.parseFragment(markdown.markdown(source, extensions=EXTENSIONS))
    code = tree.find(".//{*}code")
    assert code is not None
    assert "".join(code.itertext()) == value
    assert not list(code)


def test_verbatim_drops_what_steers_a_terminal_or_turns_the_line_round() -> None:
    assert verbatim("a\x1b[31mb\u202ec\r\nd") == "a&#91;31mbc&#10;d"


def test_only_plain_http_addresses_become_links() -> None:
    assert outward("https://example.org/a").startswith("<a href=")
    for bad in ("javascript:alert(1)", "data:text/html,x", 'https://e.org/"onclick=x', "//e.org"):
        assert "<a" not in outward(bad)


def test_addresses_are_relative_and_name_the_file() -> None:
    assert address("", "papers") == "papers/index.html"
    assert address("papers/2501.00001", "") == "../../index.html"
    assert address("papers/a", "methods/dpo#L3") == "../../methods/dpo/index.html#L3"


def test_a_table_scrolls_in_its_own_box_and_its_heads_have_a_scope() -> None:
    made = table(["A", "B"], [["1", "2"]])
    assert made.startswith('<div class="scroll"><table class="plain">')
    assert made.count('<th scope="col">') == 2


def test_front_matter_is_escaped_and_is_yaml_whatever_the_title() -> None:
    page = Page("x", 'T </title>\n---\n"\U0001f642: {', "d'\"<", (heading(1, "x"),))
    _, front, _ = page.render().split("---\n", 2)
    meta = yaml.safe_load(front)
    assert meta["title"] == "T &lt;/title&gt; --- &quot;\U0001f642: {"
    assert meta["description"] == "d&#x27;&quot;&lt;"


def test_every_block_of_a_page_is_one_line() -> None:
    page = Page("x", "t", "d", (paragraph("a\nb"), listing("```\nx\n```")))
    body = page.render().split("---\n")[2]
    assert [line for line in body.split("\n") if line] == [paragraph("a b"), listing("```\nx\n```")]

from __future__ import annotations

import html
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.core import escape

HOSTILE = [
    "<script>alert(1)</script>",
    "a|b\n| --- |",
    "[x](javascript:alert(1))",
    "![x](http://x/y.png)",
    "{: onclick=alert(1) }",
    "{{ config }} {% raw %}",
    "--8<-- 'secret.txt'",
    ":::python os",
    "$x$ and \\(y\\)",
    "`code` **bold** __x__ ~~y~~",
    "# heading\n- item\n1. item",
    "http://example.org www.example.org me@example.org",
    "&lt;b&gt; &#60;",
    '" onmouseover="x',
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b]8;;http://x\x1b\\link",
    "\u202eevil\u202c \u2066x\u2069 \u200f",
    "a\r\nb\x00c\x7fd\x85e\u2028f",
    "\ud800 half",
    "}{ unbalanced }}}",
    "% comment \\input{x} #1 ~ ^ _ &",
    "",
    "   ",
    "0",
]
texts = st.text(st.characters(), max_size=80) | st.sampled_from(HOSTILE)


@given(texts)
def test_one_line_has_no_character_that_acts(text: str) -> None:
    line = escape.one_line(text)
    assert line == line.strip()
    assert "  " not in line
    assert not any(unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") for c in line)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]", line)
    line.encode()
    assert escape.one_line(line) == line
    assert line == " ".join(line.split())


@given(texts)
def test_markdown_shows_exactly_the_text(text: str) -> None:
    escaped = escape.markdown(text)
    assert html.unescape(escaped) == escape.one_line(text)
    without_entities = re.sub(r"&#\d+;", "", escaped)
    assert not set(without_entities) & set("\\`*_{}[]()#+-.!|<>&$~^:\"'=@%/")


@given(texts)
def test_an_attribute_cannot_be_left(text: str) -> None:
    escaped = escape.attribute(text)
    assert not set(escaped) & set("<>\"'\n\r")
    assert html.unescape(escaped) == escape.one_line(text)


@given(texts)
def test_bibtex_keeps_its_braces_balanced_and_ends_no_field(text: str) -> None:
    escaped = escape.bibtex(text)
    depth = 0
    for character in escaped:  # as BibTeX counts: a backslash does not hide a brace
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert not re.search(r"(?<!\\)[%$&#_]", escaped)


def test_bibtex_names_what_latex_would_act_on() -> None:
    assert escape.bibtex("50% of A_b & {c}") == (
        r"50\% of A\_b \& \textbraceleft{}c\textbraceright{}"
    )


@given(texts)
def test_a_terminal_gets_no_control_code(text: str) -> None:
    shown = escape.terminal(text)
    assert all(
        c.isprintable() or unicodedata.category(c) in ("Cf", "Co", "Cn", "Zs") for c in shown
    )
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    "address", ["https://arxiv.org/abs/2402.03300", "http://example.org/a?b=c&d=%20#e"]
)
def test_a_plain_address_passes(address: str) -> None:
    assert escape.http_url(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//example.org",
        "https://example.org/a b",
        'https://example.org/"onclick',
        "https://example.org/<x>",
        "https://example.org/\x00",
        "https://example.org/\u202e",
        "https://example.org/\n",
        "HTTPS://EXAMPLE.ORG",
        "",
    ],
)
def test_any_other_address_is_refused(address: str) -> None:
    assert escape.http_url(address) is None


@given(texts)
def test_latex_has_balanced_braces_and_no_comment_or_math(text: str) -> None:
    said = escape.latex(text)
    depth = 0
    for character in said:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    assert not re.search(r"(?<!\\)[%$&#_^~]", said)
    commands = set(re.findall(r"\\[A-Za-z]+", said))
    assert {name for name in commands if not name.startswith("\\text")} == set()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain (words): here, 2-fold.", "plain (words): here, 2-fold."),
        ("[a](http://b) **c**", r"\[a\](http&#58;//b) \*\*c\*\*"),
        ("<b> & $x$ me@x www.y", r"\<b\> &#38; &#36;x&#36; me&#64;x www&#46;y"),
        ("a|b `c` ~~d~~", r"a\|b \`c\` \~\~d\~\~"),
    ],
)
def test_a_readme_s_source_reads_well_and_nothing_in_it_acts(text: str, said: str) -> None:
    assert escape.readme(text) == said


@given(texts)
def test_a_cell_is_no_formula_and_gives_its_text_again(text: str) -> None:
    said, line = escape.cell(text), escape.one_line(text)
    assert not said.startswith(("=", "+", "-", "@"))
    assert said in (line, f"'{line}")


@given(texts)
def test_xml_holds_only_what_xml_allows(text: str) -> None:
    said = escape.xml(text)
    assert not set(said) & set("<>\"'\ufffe\uffff")
    line = escape.one_line(text)
    wanted = "".join("\ufffd" if ord(c) & 0xFFFE == 0xFFFE else c for c in line)
    assert html.unescape(said) == wanted

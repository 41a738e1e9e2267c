"""One function per place a stranger's text may go: a page, a terminal, LaTeX, a spreadsheet, XML.

Titles and names come from outside. Markdown, HTML, terminals, LaTeX and spreadsheets each have
characters that act; each function here returns text in which none of them does.
"""

from __future__ import annotations

import html
import re
import unicodedata

_MARKDOWN_ACTIVE = re.compile(r"[\\`*_{}\[\]()#+\-.!|<>&$~^:\"'=@%/]")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
# What acts on a line: controls and separators, halves of pairs, marks of direction.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HALF = re.compile("[\ud800-\udfff]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_LATEX = {
    "\\": r"\textbackslash{}",
    # Not \{ and \}: BibTeX counts braces without regard to the backslash.
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # Other glyphs in the older font encoding.
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # The empty group is what babel's shorthands act on, where a language has them.
    '"': '"{}',
}
# Two characters of which fonts make one: dashes, quotes, inverted marks.
_LIGATURE = re.compile(r"(?<=-)(?=-)|(?<=')(?=')|(?<=[`?!])(?=`)|(?<=,)(?=,)")
# A backslash keeps these as they are; an address that GitHub would make a link of, a formula and
# an entity need an entity.
_README = re.compile(r"(?P<mark>[\\`*_\[\]<>#~|])|[&$@]|:(?=\S)|(?<=www)\.", re.IGNORECASE)
_FORMULA = frozenset("=+-@")
_NOT_XML = dict.fromkeys(
    [plane * 0x10000 + end for plane in range(17) for end in (0xFFFE, 0xFFFF)], "\ufffd"
)


def one_line(text: str) -> str:
    """``text`` without control characters, bidi marks and runs of blanks.

    Half a surrogate pair, which no encoding takes, becomes U+FFFD.
    """
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    text = text.replace("\n", " ")
    if not text.isprintable():  # which none of the marks below is; seldom, and looked for fast
        text = _BIDI.sub("", _HALF.sub("\ufffd", _CONTROL.sub(" ", text)))
    elif "  " not in text:  # and the only blank that can be printed is the space
        return text.strip(" ")
    return " ".join(text.split())


def markdown(text: str) -> str:
    """``text`` as Markdown that shows exactly it: every active character a numeric entity.

    >>> markdown("a|b {: x}")
    'a&#124;b &#123;&#58; x&#125;'
    """
    return _MARKDOWN_ACTIVE.sub(lambda m: f"&#{ord(m[0])};", one_line(text))


def attribute(text: str) -> str:
    """``text`` for an HTML attribute or a page's front matter, quotes escaped."""
    return html.escape(one_line(text), quote=True)


def terminal(text: str) -> str:
    """``text`` for a terminal: no control codes, no escapes, no bidi marks."""
    return one_line(text)


def latex(text: str) -> str:
    """``text`` as LaTeX that prints exactly it, also inside an argument or a table's cell.

    >>> print(latex("50% of {it} -- really"))
    50\\% of \\textbraceleft{}it\\textbraceright{} -{}- really
    """
    return _LIGATURE.sub("{}", "".join(_LATEX.get(c, c) for c in one_line(text)))


def bibtex(text: str) -> str:
    """``text`` as a BibTeX field value, to be put between braces."""
    return latex(text)


def readme(text: str) -> str:
    """``text`` as Markdown that GitHub shows as exactly it, and that reads well as a file.

    For the inside of a line, a link's text or a table's cell; ``markdown`` is for pages.

    >>> print(readme("GRPO: a|b *now* at www.example.org"))
    GRPO: a\\|b \\*now\\* at www&#46;example.org
    """
    return _README.sub(lambda m: f"\\{m[0]}" if m["mark"] else f"&#{ord(m[0])};", one_line(text))


def cell(text: str) -> str:
    """``text`` for a cell of a CSV file: what a spreadsheet would take for a formula gets a quote.

    One quote more, so that removing one from a cell that has it gives the text again.

    >>> cell("=1+1"), cell("'=1"), cell("'tis")
    ("'=1+1", "''=1", "'tis")
    """
    said = one_line(text)
    return f"'{said}" if _is_formula(said.lstrip("'")) else said


def xml(text: str) -> str:
    """``text`` for an XML element or attribute, without the characters that XML 1.0 forbids."""
    return html.escape(one_line(text).translate(_NOT_XML), quote=True)


def _is_formula(text: str) -> bool:
    # Spreadsheets skip what has no width, and some read full-width signs as signs.
    seen = (c for c in text if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFKC", next(seen, ""))[:1] in _FORMULA


def http_url(text: str) -> str | None:
    """``text`` where it is a plain ASCII http(s) address, safe in an attribute, else None."""
    return text if re.fullmatch(r"https?://[!#-&(-;=?-\[\]_a-z~]+", text) else None

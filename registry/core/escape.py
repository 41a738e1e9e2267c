"""One function per place a stranger's text may go: a page, an attribute, a terminal, BibTeX.

Titles and names come from outside. Markdown, HTML, terminals and BibTeX each have characters that
act; each function here returns text in which none of them does.
"""

from __future__ import annotations

import html
import re

_MARKDOWN_ACTIVE = re.compile(r"[\\`*_{}\[\]()#+\-.!|<>&$~^:\"'=@%/]")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
# What acts on a line: controls and separators, halves of pairs, marks of direction.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HALF = re.compile("[\ud800-\udfff]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_BIBTEX = {
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
}


def one_line(text: str) -> str:
    """``text`` without control characters, bidi marks and runs of blanks.

    Half a surrogate pair, which no encoding takes, becomes U+FFFD.
    """
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    text = text.replace("\n", " ")
    if not text.isprintable():  # which none of the marks below is; seldom, and looked for fast
        text = _BIDI.sub("", _HALF.sub("\ufffd", _CONTROL.sub(" ", text)))
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


def bibtex(text: str) -> str:
    """``text`` as a BibTeX field value, to be put between braces."""
    return "".join(_BIBTEX.get(c, c) for c in one_line(text))


def http_url(text: str) -> str | None:
    """``text`` where it is a plain ASCII http(s) address, safe in an attribute, else None."""
    return text if re.fullmatch(r"https?://[!#-&(-;=?-\[\]_a-z~]+", text) else None

"""How public lists write a row: each style as a function from facts to Markdown.

``HEADERS`` holds what a style needs above its rows.
"""

from __future__ import annotations

from collections.abc import Callable

Style = Callable[[str, str, str | None], str]  # title, address of the paper, address of its code


def bracketed(title: str, url: str, code: str | None) -> str:
    more = f" [[Code]]({code})" if code else ""
    return f"* {title} [[Paper]]({url}){more} ![](https://img.shields.io/badge/arXiv-2024.01-red)"


def linked(title: str, url: str, code: str | None) -> str:
    lines = [f"- [{title}]({url})", "  - Ada Example, Bo Sample", "  - Keyword: made up, invented"]
    return "\n".join([*lines, f"  - Code: [official]({code})"] if code else lines)


def bold(title: str, url: str, code: str | None) -> str:
    more = f" [[code]({code})]" if code else ""
    return f"- **{title}** (2024.01) Ada Example et al. [[pdf]({url})]{more}"


def dated(title: str, url: str, code: str | None) -> str:
    more = f" [![Star](https://img.shields.io/github/stars/a/b.svg)]({code})" if code else ""
    return f"+ [2024/01] **[{title}]({url})** | *NeurIPS 2024*{more}"


def pictured(title: str, url: str, code: str | None) -> str:
    more = f"\n- \U0001f4bb **Code:** [Link]({code})" if code else ""
    return (
        f"\U0001f539 [{title}]({url})\n- \U0001f464 **Authors:** Ada Example, Bo Sample\n"
        f"- \U0001f5d3 **Date:** 2024-01-17{more}\n"
    )


def quoted(title: str, url: str, code: str | None) -> str:
    more = f" [[code]]({code})" if code else ""
    return f'1. Example, Sample, "{title}", ICLR 2024. [[paper]]({url}){more}'


def venue_last(title: str, url: str, code: str | None) -> str:
    more = f" [[Code]({code})]" if code else ""
    return f"- {title}, <ins>ICML, 2024</ins> [[Paper]({url})]{more}"


def in_lines(title: str, url: str, code: str | None) -> str:
    more = f" [[Code]]({code})" if code else ""
    return f"**{title}**<br>\nAda Example, Bo Sample<br>\n[[Paper]]({url}){more}\n"


def table(title: str, url: str, code: str | None) -> str:
    return f"| {title} | 16 Jan 2024 | [arXiv]({url}) | {f'[Github]({code})' if code else '-'} |"


def linked_table(title: str, url: str, code: str | None) -> str:
    star = f"[![Star](https://img.shields.io/github/stars/a/b.svg)]({code})<br>" if code else ""
    return f"|{star}[**{title}**]({url}) <br> Ada Example |<img src='x.png'>| 2024-01 |"


def html_table(title: str, url: str, code: str | None) -> str:
    more = f'<a href="{code}">Code</a>' if code else ""
    return f'<tr>\n<td>{title}</td>\n<td><a href="{url}">Paper</a> {more}</td>\n</tr>'


def heading(title: str, url: str, code: str | None) -> str:
    more = f"\n\n**Code**: {code}" if code else ""
    return f"### {title}\n\n**\U0001f4dc Paper**: {url}{more}\n"


STYLES: dict[str, Style] = {
    style.__name__: style
    for style in (
        bracketed, linked, bold, dated, pictured, quoted, venue_last, in_lines, table,
        linked_table, html_table, heading,
    )
}  # fmt: skip
HEADERS = {
    "table": "| Title | Publication Date | Link | Code |\n|:--|:-:|--|---|",
    "linked_table": "| Title & Authors | Introduction | Date |\n|:--|:-:|:-:|",
    "html_table": "<table>\n<tr><th>Title</th><th>Links</th></tr>",
}
FOOTERS = {"html_table": "</table>"}


def markdown(style: str, rows: list[tuple[str, str, str | None]], section: str) -> str:
    """A list of ``rows`` in one style under a heading."""
    body = [STYLES[style](*row) for row in rows]
    gap = "\n\n" if style in ("in_lines", "pictured", "heading") else "\n"
    head = [HEADERS[style]] if style in HEADERS else []
    foot = [FOOTERS[style]] if style in FOOTERS else []
    lines = "\n".join([*head, gap.join(body), *foot])
    return f"# Awesome Made-up Papers\n\n## {section}\n\n{lines}\n"

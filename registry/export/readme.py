"""The catalog as the list of a README: headings by leaf, and a place between two markers.

What stands outside the markers is somebody's own and is kept byte for byte.
"""

from __future__ import annotations

import re

from registry.catalog.models import Paper
from registry.core.errors import UsageError
from registry.core.escape import http_url, readme
from registry.core.ids import ArxivId
from registry.core.plural import plural
from registry.export.names import short_authors
from registry.export.selection import Selection

BEGIN = "<!-- registry:begin -->"
END = "<!-- registry:end -->"
"""The two markers, each on a line of its own."""


def awesome(selection: Selection) -> str:
    """A heading a group, one a leaf, and under it a line a paper, the newest first."""
    blocks: list[str] = []
    last = None
    for group, leaf, papers in selection.by_leaf():
        if group.slug != last:
            blocks.append(f"## {readme(group.title)}\n")
            last = group.slug
        rows = "".join(f"{_item(paper)}\n" for paper in papers)
        blocks.append(f"### {readme(leaf.title)}\n\n{rows}")
    return "\n".join(blocks) or "No paper of the catalog matches.\n"


def tables(selection: Selection) -> str:
    """A heading and a table a leaf."""
    blocks = []
    for _, leaf, papers in selection.by_leaf():
        head = "| Paper | Authors | Date | Runs here |\n| --- | --- | --- | --- |\n"
        rows = "".join(f"| {' | '.join(_row(paper))} |\n" for paper in papers)
        title = f"### {readme(leaf.title)} ({plural(len(papers), 'paper')})"
        blocks.append(f"{title}\n\n{head}{rows}")
    return "\n".join(blocks) or "No paper of the catalog matches.\n"


def replace_between(old: bytes, text: str, name: str) -> bytes:
    """``old`` with ``text`` in place of what stands between the two markers.

    Lines of ``text`` end as the line of the first marker does. Raises UsageError where a marker is
    missing, stands twice or stands in the wrong order; ``name`` is the file's name for it.
    """
    begins, ends = _lines_of(old, BEGIN), _lines_of(old, END)
    if len(begins) != 1 or len(ends) != 1 or begins[0].end() > ends[0].start():
        found = f"{plural(len(begins), 'begin')} and {plural(len(ends), 'end')}"
        wrong = "the end before the begin" if len(begins) == len(ends) == 1 else found
        raise UsageError(
            f"{name} has {wrong}. The list goes between two lines, once each and in this order: "
            f"{BEGIN} and {END}. Put them where the list belongs."
        )
    newline = "\r\n" if begins[0][0].endswith(b"\r\n") else "\n"
    block = f"\n{text}\n".replace("\n", newline).encode()
    return old[: begins[0].end()] + block + old[ends[0].start() :]


def _lines_of(text: bytes, marker: str) -> list[re.Match[bytes]]:
    line = rb"^(?:\xef\xbb\xbf)?[ \t]*" + re.escape(marker.encode()) + rb"[ \t]*(?:\r?\n|\Z)"
    return list(re.finditer(line, text, re.MULTILINE))


def _item(paper: Paper) -> str:
    said = [f"- {_link(paper)}", ", ".join(filter(None, (_who(paper), paper.day[:4])))]
    text = " - ".join(said) + "."
    extras = [f"[{one.kind}]({address})" for one in paper.links if (address := _address(one.url))]
    if extras:
        text += " " + ", ".join(extras) + "."
    if runs := _runs(paper):
        text += f" Runs: {runs}."
    return text if paper.status == "active" else f"{text} **{paper.status}**"


def _row(paper: Paper) -> list[str]:
    status = "" if paper.status == "active" else f" **{paper.status}**"
    return [_link(paper) + status, _who(paper), paper.day, _runs(paper)]


def _link(paper: Paper) -> str:
    return f"[{readme(paper.title)}]({ArxivId(paper.id).url})"


def _who(paper: Paper) -> str:
    return readme(short_authors(paper.authors))


def _runs(paper: Paper) -> str:
    own = [link.slug for link in paper.methods if link.relation == "introduces"]
    return ", ".join(f"`registry run {slug}`" for slug in own)


def _address(url: str) -> str | None:
    safe = http_url(url)
    # A parenthesis would end the link, a bar the cell.
    return re.sub(r"[()|\[\]]", lambda m: f"%{ord(m[0]):02X}", safe) if safe else None

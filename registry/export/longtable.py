"""The catalog as a LaTeX longtable, for the appendix of a survey."""

from __future__ import annotations

from registry.catalog.models import Paper
from registry.core.escape import latex
from registry.core.ids import ArxivId
from registry.export.names import citation_key, short_authors
from registry.export.selection import Selection

_HEAD = r"""% Needs \usepackage[T1]{fontenc} and \usepackage{longtable,hyperref}; the keys are
% those of the format bibtex. Titles are UTF-8: where some are not Latin, compile with LuaLaTeX.
\begin{longtable}{p{0.5\linewidth}p{0.2\linewidth}l}
\hline
\textbf{Paper} & \textbf{Authors} & \textbf{arXiv} \\
\hline
\endhead
\hline
\endfoot
"""
_FOOT = r"""\end{longtable}
"""


def longtable(selection: Selection) -> str:
    """One table with a heading row a leaf; each paper is cited by its key."""
    rows = []
    for _, leaf, papers in selection.by_leaf():
        # A table breaks no page between a heading and its first row when told so by \*.
        rows.append(rf"\multicolumn{{3}}{{l}}{{\textbf{{{latex(leaf.title)}}}}} \\*")
        rows += [_row(paper) for paper in papers]
        rows.append(r"\hline")
    return _HEAD + "".join(f"{row}\n" for row in rows) + _FOOT


def _row(paper: Paper) -> str:
    who = ", ".join(filter(None, (latex(short_authors(paper.authors)), paper.day[:4])))
    title = rf"{latex(paper.title)}~\cite{{{citation_key(paper)}}}"
    if paper.status != "active":
        title += rf" \emph{{({paper.status})}}"
    link = rf"\href{{{ArxivId(paper.id).url}}}{{{latex(paper.id)}}}"
    # The end of the row above would take a bracket or a star for its own.
    guard = "{}" if title[0] in "[*" else ""
    return rf"{guard}{title} & {who} & {link} \\"

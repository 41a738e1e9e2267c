from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pylatexenc.latexwalker import LatexEnvironmentNode, LatexWalker

from registry.core.escape import one_line
from registry.export.bibtex import bibtex
from registry.export.longtable import longtable
from registry.export.selection import Selection
from tests.catalog.fabricated import TAXONOMY, paper
from tests.export.hostile import TITLES, texts
from tests.export.latex_text import printed

DOCUMENT = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{longtable,hyperref}
\begin{document}
%s
\bibliographystyle{plain}
\bibliography{all}
\end{document}
"""


def table(titles: list[str]) -> str:
    papers = [paper(f"2401.{n:05d}", title=title) for n, title in enumerate(titles, start=1)]
    return longtable(Selection(tuple(reversed(papers)), TAXONOMY))


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if r"~\cite{" in line]


def test_a_leaf_has_a_heading_and_a_paper_a_row_that_cites_it() -> None:
    text = longtable(
        Selection(
            (
                paper(title="On {DPO}"),
                paper("2401.00002", leaf="roots/carrots", status="withdrawn"),
            ),
            TAXONOMY,
        )
    )
    assert r"\multicolumn{3}{l}{\textbf{Apples}} \\*" in text
    assert rows(text) == [
        r"On \textbraceleft{}DPO\textbraceright{}~\cite{example-2401.00001} & "
        r"Example and Sample, 2024 & \href{https://arxiv.org/abs/2401.00001}{2401.00001} \\",
        r"A Made-up Title 2401.00002~\cite{example-2401.00002} \emph{(withdrawn)} & "
        r"Example and Sample, 2024 & \href{https://arxiv.org/abs/2401.00002}{2401.00002} \\",
    ]


@given(st.lists(texts, min_size=1, max_size=3))
@example(list(TITLES))
@settings(max_examples=25)
def test_titles_come_back_and_the_table_has_its_form(titles: list[str]) -> None:
    text = table(titles)
    nodes, _, _ = LatexWalker(text, tolerant_parsing=False).get_latex_nodes()
    environments = [n for n in nodes if isinstance(n, LatexEnvironmentNode)]
    assert [n.environmentname for n in environments] == ["longtable"]
    shown = [printed(row.split(r"~\cite{")[0]).strip() for row in rows(text)]
    assert shown == [one_line(title) for title in reversed(titles)]
    assert all(len(re.findall(r"(?<!\\)&", row)) == 2 for row in rows(text))


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdfLaTeX on this machine")
def test_latex_prints_hostile_titles_as_text(tmp_path: Path) -> None:
    titles = [title for title in TITLES if title.isascii()]
    papers = [paper(f"2401.{n:05d}", title=title) for n, title in enumerate(titles, start=1)]
    (tmp_path / "all.bib").write_text(bibtex(papers))
    (tmp_path / "a.tex").write_text(DOCUMENT % longtable(Selection(tuple(papers), TAXONOMY)))
    compiler = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "-no-shell-escape", "a"]
    for command in (compiler, ["bibtex", "a"], compiler, compiler):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True)
        assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    log = (tmp_path / "a.log").read_text(errors="replace")
    assert "undefined" not in log.lower()
    assert "passwd" not in " ".join(re.findall(r"\((/\S+)", log))

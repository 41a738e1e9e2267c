"""The table of the source papers: the survey that this project grew from, and its relatives."""

from __future__ import annotations

from collections import Counter

from registry.catalog.findings import STATES
from registry.catalog.models import Paper
from registry.core.plural import plural
from registry.publish.claim_blocks import findings
from registry.publish.labels import RELATIONS, paper_link
from registry.publish.markup import Child, Html, el, inward, join, table
from registry.publish.snapshot import Snapshot, paper_folder

FIRST = "2502.21321"
"""The survey; the others are the papers that its entry names as related, in that order."""
_COLUMNS = ("Paper", "Runs here", "Its claims", "Discrepancies")


def source_papers(snapshot: Snapshot) -> tuple[Paper, ...]:
    """The survey and its related papers; nothing where the catalog has no such survey."""
    papers = snapshot.catalog.papers
    first = papers.get(FIRST)
    return () if first is None else (first, *(papers[id_] for id_ in first.related))


def source_table(here: str, snapshot: Snapshot) -> Html:
    """One row a paper, linked from the page of folder ``here``."""
    rows: list[list[Child]] = [
        [
            join([paper_link(here, paper), el("span", paper.id, class_="what")]),
            _methods(here, snapshot, paper),
            _found(here, snapshot, paper),
            _discrepancies(here, paper),
        ]
        for paper in source_papers(snapshot)
    ]
    return table(_COLUMNS, rows, class_="sources")


def _methods(here: str, snapshot: Snapshot, paper: Paper) -> Html:
    lines = []
    for relation, verb in RELATIONS.items():
        slugs = [link.slug for link in paper.methods if link.relation == relation]
        there = [slug for slug in slugs if snapshot.method(slug) is not None]
        if there:
            links = join((inward(here, f"methods/{slug}", slug) for slug in there), Html(", "))
            lines.append(el("div", f"{verb} ", links))
    return join(lines) if lines else el("span", "nothing yet", class_="faint")


def _found(here: str, snapshot: Snapshot, paper: Paper) -> Html:
    states = Counter(one.state for one in findings(snapshot, paper))
    if not states:
        return el("span", "no claims yet", class_="faint")
    lines = [el("div", f"{states[state]} {state}") for state in STATES if states[state]]
    total = inward(here, f"{paper_folder(paper.id)}#claims", plural(states.total(), "claim"))
    return join([total, *lines])


def _discrepancies(here: str, paper: Paper) -> Html:
    if not paper.discrepancies:
        return el("span", "none known", class_="faint")
    return inward(
        here, f"{paper_folder(paper.id)}#known-discrepancies", str(len(paper.discrepancies))
    )

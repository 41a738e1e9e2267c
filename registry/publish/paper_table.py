"""The table of all papers, which a reader can sort and filter."""

from __future__ import annotations

from registry.catalog.models import Paper, Survey
from registry.publish.labels import paper_link, verdict_badge
from registry.publish.markup import (
    Cell,
    Child,
    Column,
    Html,
    Page,
    badge,
    el,
    heading,
    inward,
    join,
    table,
)
from registry.publish.paper_pages import leaf_chip
from registry.publish.snapshot import Snapshot

HERE = "papers"
_COLUMNS = (
    Column("Paper", "title", "text"),
    Column("Date", "date", "text", "descending", class_="nowrap"),
    Column("Topic", "topic", "text"),
    Column("Methods", "methods", "text"),
    Column("Claims", "claims", "number", class_="num"),
    Column("Measured", "measured", "text"),
)


def papers_page(snapshot: Snapshot) -> Page:
    """The page ``/papers/``."""
    bare = sum(paper.facts_only for paper in snapshot.papers)
    lead = "Every paper of the catalog: what it does in our words, its methods, its claims."
    lead += f" Of {bare:,} only the facts stand here." if bare else ""
    rows = [_row(snapshot, paper) for paper in snapshot.papers]
    data = [_data(snapshot, paper) for paper in snapshot.papers]
    blocks = (
        heading(1, "Papers"),
        el("p", lead, class_="lead"),
        _form(snapshot),
        # Each paper's own page answers a search; the table would answer every one.
        el(
            "div",
            table(_COLUMNS, rows, id_="paper-table", row_data=data, class_="papers"),
            data_search_exclude=True,
        ),
    )
    return Page(HERE, "Papers", lead, blocks, wide=True)


def _row(snapshot: Snapshot, paper: Paper) -> list[Child | Cell]:
    leaf = snapshot.leaves.get(paper.leaf)
    methods = [snapshot.method(one.slug) for one in paper.methods]
    links = [inward(HERE, f"methods/{m.info.slug}", m.info.slug) for m in methods if m]
    found = {e.verdict: None for e in snapshot.evidence_of(paper=paper.id)}
    first = ", ".join(paper.authors[:1]) + (" et al." if len(paper.authors) > 1 else "")
    kind = "survey" if isinstance(paper, Survey) else "facts only" if paper.facts_only else ""
    about = (first, paper.id, kind)
    state = None if paper.status == "active" else badge(paper.status, "bad")
    title = join(
        [
            paper_link(HERE, paper),
            Html(" ") if state else None,
            state,
            el("span", ", ".join(filter(None, about)), class_="what"),
        ]
    )
    return [
        Cell(title, paper.title.lower()),
        Cell(paper.day, paper.since.isoformat()),
        Cell(leaf_chip(HERE, snapshot, paper.leaf), leaf.title if leaf else paper.leaf),
        join(links, Html(", ")) if links else "-",
        Cell(str(len(paper.claims)) if paper.claims else "-", str(len(paper.claims))),
        join((verdict_badge(v) for v in found), Html(" ")) if found else "-",
    ]


def _data(snapshot: Snapshot, paper: Paper) -> dict[str, str]:
    kinds = ["survey"] if isinstance(paper, Survey) else ["paper"]
    kinds += [] if paper.facts_only else ["written"]
    kinds += ["runs"] if any(snapshot.method(m.slug) for m in paper.methods) else []
    kinds += ["measured"] if snapshot.evidence_of(paper=paper.id) else []
    groups = dict.fromkeys(leaf.split("/")[0] for leaf in paper.leaves)
    return {"topic": " ".join(groups), "year": str(paper.since.year), "kind": " ".join(kinds)}


def _form(snapshot: Snapshot) -> Html:
    held = {leaf.split("/")[0] for paper in snapshot.papers for leaf in paper.leaves}
    groups = [
        (_group_key(group.leaves[0].slug), group.title)
        for group in snapshot.catalog.taxonomy.groups
        if group.leaves and _group_key(group.leaves[0].slug) in held
    ]
    years = sorted({str(paper.since.year) for paper in snapshot.papers}, reverse=True)
    kinds = [
        ("written", "with a gist"),
        ("runs", "with a method that runs"),
        ("measured", "with a measured claim"),
    ]
    kinds.append(("survey", "surveys"))
    return el(
        "form",
        el(
            "label",
            "Words",
            el("input", type="search", name="words", placeholder="title, author, id"),
        ),
        _select("topic", "Topic", groups),
        _select("year", "Year", [(year, year) for year in years]),
        _select("kind", "Kind", kinds),
        el("button", "Clear", type="reset"),
        el("output", aria_live="polite"),
        class_="filters",
        data_table="paper-table",
        hidden=True,
    )


def _group_key(leaf: str) -> str:
    return leaf.split("/")[0]


def _select(name: str, label: str, choices: list[tuple[str, str]]) -> Html:
    options = [el("option", "any", value="")]
    options += [el("option", title, value=value) for value, title in choices]
    return el("label", label, el("select", *options, name=name))

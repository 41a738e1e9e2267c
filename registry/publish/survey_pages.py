"""A page for each tracked survey: its outline, and what of it stands here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from registry.catalog.models import Section, Survey
from registry.core.ids import ArxivId
from registry.core.plural import plural
from registry.publish.claim_blocks import claims_measured, findings
from registry.publish.labels import paper_link
from registry.publish.markup import (
    Child,
    Html,
    Page,
    el,
    facts,
    heading,
    inward,
    items,
    join,
    outward,
    paragraph,
    table,
    when,
)
from registry.publish.paper_pages import crumbs
from registry.publish.snapshot import Snapshot, paper_folder, survey_folder


@dataclass(frozen=True)
class Coverage:
    """How much of an outline stands here; every paper and method counts once."""

    sections: int
    papers: int
    papers_here: int
    methods: int
    methods_here: int


def coverage(snapshot: Snapshot, survey: Survey) -> Coverage:
    """The counts of ``survey``."""
    sections = list(_walk(survey.outline))
    papers = {id_ for section in sections for id_ in section.papers}
    methods = {name for section in sections for name in section.methods}
    return Coverage(
        sections=len(sections),
        papers=len(papers),
        papers_here=sum(id_ in snapshot.catalog.papers for id_ in papers),
        methods=len(methods),
        methods_here=sum(snapshot.method(name) is not None for name in methods),
    )


def survey_page(snapshot: Snapshot, survey: Survey) -> Page:
    """The page of ``survey``'s outline."""
    here = survey_folder(survey.id)
    counts = coverage(snapshot, survey)
    blocks = (
        crumbs(here, ("surveys", "Surveys"), survey.id),
        heading(1, survey.title),
        el("p", survey.gist, class_="lead") if survey.gist else Html(""),
        facts(
            [
                ("Paper", paper_link(here, survey)),
                ("Submitted", when(survey.day)),
                ("Outline read from", survey.outline_source),
                ("Sections", str(counts.sections)),
                ("Papers here", _part(counts.papers_here, counts.papers)),
                ("Methods here", _part(counts.methods_here, counts.methods)),
                ("Claims", _claims(here, snapshot, survey)),
            ]
        ),
        heading(2, "Outline"),
        paragraph(
            "A method that runs here and a paper that has a page here are linked; the others are "
            "named, so that what is missing shows.",
            class_="faint",
        ),
        el("div", _outline(here, snapshot, survey.outline), class_="outline"),
    )
    return Page(here, f"Outline of {survey.title}", (survey.gist or survey.title)[:200], blocks)


def _claims(here: str, snapshot: Snapshot, survey: Survey) -> Html | None:
    found = findings(snapshot, survey)
    if not found:
        return None
    said = f"{plural(len(found), 'claim')}, {claims_measured(found)} measured"
    return inward(here, f"{paper_folder(survey.id)}#claims", said)


def _walk(sections: tuple[Section, ...]) -> Iterator[Section]:
    for section in sections:
        yield section
        yield from _walk(section.sections)


def _part(here: int, named: int) -> Html:
    if not named:
        return el("span", "none named", class_="faint")
    bar = el("progress", max=named, value=here, aria_hidden="true")
    return join([bar, f" {here} of {named}"])


def _outline(here: str, snapshot: Snapshot, sections: tuple[Section, ...]) -> Html:
    rows = []
    for section in sections:
        held: list[Child] = [el("span", section.title, class_="section-title")]
        found = [_paper(here, snapshot, id_) for id_ in section.papers]
        found += [_method(here, snapshot, name) for name in section.methods]
        if found:
            held.append(items(found, "held"))
        if section.sections:
            held.append(_outline(here, snapshot, section.sections))
        rows.append(el("li", *held))
    return el("ol", *rows)


def _paper(here: str, snapshot: Snapshot, id_: str) -> Html:
    paper = snapshot.catalog.papers.get(id_)
    if paper:
        return join([el("span", "paper ", class_="tag"), paper_link(here, paper)])
    away = outward(ArxivId(id_).url, snapshot.known_titles.get(id_, f"arXiv:{id_}"))
    return el("span", el("span", "paper ", class_="tag"), away, ", not here yet", class_="faint")


def _method(here: str, snapshot: Snapshot, name: str) -> Html:
    method = snapshot.method(name)
    if method:
        linked = inward(here, f"methods/{method.info.slug}", method.info.name)
        return join([el("span", "method ", class_="tag tag-here"), linked])
    return el("span", el("span", "method ", class_="tag"), name, class_="faint")


def surveys_page(snapshot: Snapshot) -> Page:
    """The index of surveys."""
    here = "surveys"
    lead = "Surveys whose outlines we follow, and how much of each stands here."
    rows: list[list[Child]] = []
    ordered = [p for p in snapshot.papers if isinstance(p, Survey)]
    for survey in ordered:
        counts = coverage(snapshot, survey)
        rows.append(
            [
                inward(here, survey_folder(survey.id), survey.title),
                when(survey.day),
                str(counts.sections),
                _part(counts.papers_here, counts.papers),
                _part(counts.methods_here, counts.methods),
            ]
        )
    columns = ["Survey", "Submitted", "Sections", "Papers here", "Methods here"]
    body = (
        table(columns, rows, class_="surveys") if rows else paragraph("No survey is tracked yet.")
    )
    blocks = (heading(1, "Surveys"), el("p", lead, class_="lead"), body)
    return Page(here, "Surveys", lead, blocks, wide=True)

"""A page for each tracked survey: what of its outline stands here, and what came after it."""

from __future__ import annotations

from registry.catalog.models import Survey
from registry.catalog.tracking import Tracked
from registry.core.plural import plural
from registry.publish.claim_blocks import claims_measured, findings
from registry.publish.labels import paper_link
from registry.publish.markup import (
    Child,
    Html,
    Page,
    code,
    el,
    facts,
    heading,
    inward,
    join,
    paragraph,
    table,
    when,
)
from registry.publish.outline_blocks import outline_blocks, section_leaves
from registry.publish.paper_pages import crumbs
from registry.publish.snapshot import Snapshot, paper_folder, survey_folder

_MOST_OUTSIDE = 12


def survey_page(snapshot: Snapshot, survey: Survey) -> Page:
    """The page of ``survey``'s outline."""
    here = survey_folder(survey.id)
    tracked = snapshot.tracked[survey.id]
    blocks = (
        crumbs(here, ("surveys", "Surveys"), survey.id),
        heading(1, survey.title),
        el("p", survey.gist, class_="lead") if survey.gist else Html(""),
        facts(_facts(here, snapshot, survey, tracked)),
        heading(2, "Outline"),
        paragraph(
            "A method that runs here and a paper that has a page here are linked; the others are "
            "named, so that what is missing shows. Papers that came after the survey stand under "
            "every heading that has one of their topics; ",
            code(f"registry survey {survey.id}"),
            " lists them all.",
            class_="faint",
        ),
        el("div", outline_blocks(here, snapshot, tracked), class_="outline"),
        *_outside(here, snapshot, tracked),
    )
    return Page(here, f"Outline of {survey.title}", (survey.gist or survey.title)[:200], blocks)


def _facts(
    here: str, snapshot: Snapshot, survey: Survey, tracked: Tracked
) -> list[tuple[str, Child]]:
    newer, waiting = len(tracked.newer), len(tracked.candidates)
    since = [plural(newer, "paper"), " of its topics, submitted after ", when(tracked.since)]
    if waiting:
        since.append(f", and {plural(waiting, 'candidate')} that nobody has decided on yet")
    return [
        ("Paper", paper_link(here, survey)),
        ("Submitted", when(survey.day)),
        ("Outline read from", survey.outline_source),
        ("Sections", str(_sections(tracked))),
        ("Papers here", _papers(tracked)),
        ("Methods here", _methods(tracked)),
        ("Since then", join(since)),
        ("Claims", _claims(here, snapshot, survey)),
    ]


def _outside(here: str, snapshot: Snapshot, tracked: Tracked) -> list[Html]:
    if not tracked.outside or not any(section.leaves for section in tracked.walk()):
        return []
    shown = tracked.outside[:_MOST_OUTSIDE]
    rows = [
        el("li", section_leaves(here, snapshot, (leaf,)), el("span", f"{count:,}", class_="count"))
        for leaf, count in shown
    ]
    left = len(tracked.outside) - len(shown)
    lead = "Topics that no heading has, with the papers here that came after the survey"
    return [
        heading(2, "Since then, under no heading"),
        paragraph(f"{lead}{f'; {left} more topics have fewer' if left else ''}.", class_="faint"),
        el("ul", *rows, class_="outside"),
    ]


def _claims(here: str, snapshot: Snapshot, survey: Survey) -> Html | None:
    found = findings(snapshot, survey)
    if not found:
        return None
    said = f"{plural(len(found), 'claim')}, {claims_measured(found)} measured"
    return inward(here, f"{paper_folder(survey.id)}#claims", said)


def _sections(tracked: Tracked) -> int:
    return sum(1 for _ in tracked.walk())


def _papers(tracked: Tracked) -> Html:
    return _part(len(tracked.papers_here), len(tracked.papers_lacking))


def _methods(tracked: Tracked) -> Html:
    return _part(len(tracked.methods_here), len(tracked.methods_lacking))


def _part(here: int, lacking: int) -> Html:
    named = here + lacking
    if not named:
        return el("span", "none named", class_="faint")
    bar = el("progress", max=named, value=here, aria_hidden="true")
    return join([bar, f" {here} of {named}"])


def surveys_page(snapshot: Snapshot) -> Page:
    """The index of surveys."""
    here = "surveys"
    lead = "Surveys whose outlines we follow, how much of each stands here, and what came after it."
    rows: list[list[Child]] = []
    ordered = [p for p in snapshot.papers if isinstance(p, Survey)]
    for survey in ordered:
        tracked = snapshot.tracked[survey.id]
        rows.append(
            [
                inward(here, survey_folder(survey.id), survey.title),
                when(survey.day),
                str(_sections(tracked)),
                _papers(tracked),
                _methods(tracked),
                f"{len(tracked.newer):,}",
            ]
        )
    columns = ["Survey", "Submitted", "Sections", "Papers here", "Methods here", "Since then"]
    body = (
        table(columns, rows, class_="surveys") if rows else paragraph("No survey is tracked yet.")
    )
    blocks = (heading(1, "Surveys"), el("p", lead, class_="lead"), body)
    return Page(here, "Surveys", lead, blocks, wide=True)

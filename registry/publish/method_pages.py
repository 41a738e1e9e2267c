"""A page for each method: what it computes, where it departs, how to run it, what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from registry.core.ids import ArxivId
from registry.core.plural import plural
from registry.publish.evidence_blocks import evidence_card
from registry.publish.families import FAMILIES
from registry.publish.labels import METHOD_STATUS, RELATIONS, method_badge, paper_link
from registry.publish.listings import python_listing
from registry.publish.markup import (
    Child,
    Html,
    Page,
    code,
    el,
    facts,
    heading,
    inward,
    items,
    join,
    listing,
    math,
    outward,
    paragraph,
    table,
)
from registry.publish.paper_pages import crumbs
from registry.publish.peer_table import peer_blocks
from registry.publish.run_pages import runs_table
from registry.publish.snapshot import MethodFacts, Snapshot, method_folder
from registry.runs.options import OptionFacts, show_value

_RUNS_SHOWN = 10


def method_page(snapshot: Snapshot, method: MethodFacts) -> Page:
    """The page of ``method``."""
    info = method.info
    here = method_folder(info.slug)
    blocks: list[Html | None] = [
        crumbs(here, ("methods", "Methods"), info.slug),
        heading(1, info.name),
        el("p", info.summary, class_="lead"),
        _facts(here, snapshot, method),
        heading(2, "Equation"),
        paragraph(info.equation.reference, class_="faint"),
        math(info.equation.latex),
        *_needs(info.needs),
        *_run_it(method),
        *_evidence(snapshot, method),
        *_knobs(method),
        *peer_blocks(method.peers),
        *_departures(method),
        *_options(method),
        *_runs(here, snapshot, method),
        *_papers(here, snapshot, method),
        *_code(method),
    ]
    kept = tuple(block for block in blocks if block is not None)
    return Page(here, info.name, info.summary[:200], kept, math=True)


def _facts(here: str, snapshot: Snapshot, method: MethodFacts) -> Html:
    info = method.info
    paper = snapshot.catalog.papers.get(info.paper)
    origin = paper_link(here, paper) if paper else outward(ArxivId(info.paper).url)
    status = join(
        [method_badge(info.status), el("span", f" {METHOD_STATUS[info.status][1]}", class_="faint")]
    )
    lines = plural(method.source.line_count, "line")
    return facts(
        [
            ("Status", status),
            ("Paper", origin),
            ("Family", inward(here, f"methods#{info.family}", FAMILIES[info.family][0])),
            ("Name on the command line", code(info.slug)),
            ("File", join([code(method.path), el("span", f" {lines}", class_="faint")])),
            ("Since", f"version {info.since}"),
        ]
    )


def _needs(needs: Sequence[str]) -> list[Html]:
    return [heading(2, "What it needs"), items(needs)] if needs else []


def _run_it(method: MethodFacts) -> list[Html]:
    slug = method.info.slug
    lines = [
        f"registry run {slug}           # the built-in default: a few minutes",
        f"registry run {slug} --help    # every option, its unit and the source of its default",
        f"registry verify {slug}        # its claims, over seeds, against control arms",
    ]
    return [heading(2, "Run it"), listing("\n".join(lines))]


def _evidence(snapshot: Snapshot, method: MethodFacts) -> list[Html]:
    found = snapshot.evidence_of(method=method.info.slug)
    if not found:
        none = paragraph("No claim of its paper was measured here yet.", class_="faint")
        return [heading(2, "Evidence"), none]
    return [heading(2, "Evidence"), *(evidence_card(snapshot, one) for one in found)]


def _knobs(method: MethodFacts) -> list[Html]:
    if not method.info.knobs:
        return []
    note = paragraph("What the paper leaves open, or what others do otherwise.", class_="faint")
    rows = [
        [el("strong", knob.name), knob.paper, knob.ours, knob.peers or "-"]
        for knob in method.info.knobs
    ]
    columns = ["Choice", "The paper", "Here", "Others"]
    return [heading(2, "Choices"), note, table(columns, rows, class_="knobs")]


def _departures(method: MethodFacts) -> list[Html]:
    title = heading(2, "Departures from the paper")
    if not method.source.departures:
        return [title, paragraph("None that we know of.", class_="faint")]
    rows = [el("li", one) for one in method.source.departures]
    return [title, el("ol", *rows, class_="departures")]


def _options(method: MethodFacts) -> list[Html]:
    if not method.options:
        return []
    models = method.models
    columns = ["Option", "Default", *models, "Unit", "Allowed", "Source of the default"]
    rows = [_option(option, models) for option in method.options]
    note = paragraph(
        "A column named after a built-in model holds the default that suits it, where it differs. "
        "An option either changes the result or is refused.",
        class_="faint",
    )
    return [heading(2, "Options"), note, table(columns, rows, class_="options")]


def _option(option: OptionFacts, models: Sequence[str]) -> list[Child]:
    name = join([code(option.flag), el("span", option.what, class_="what")])
    presets = [
        show_value(option.presets[model])
        if model in option.presets and option.presets[model] != option.default
        else ""
        for model in models
    ]
    default = code(show_value(option.default)) if show_value(option.default) else "empty"
    return [name, default, *presets, option.unit or "", option.allowed, option.source]


def _runs(here: str, snapshot: Snapshot, method: MethodFacts) -> list[Html]:
    runs = snapshot.runs_of(method.info.slug)
    title = heading(2, "Latest runs")
    if not runs:
        return [title, paragraph("No run of it is kept here.", class_="faint")]
    found = [title, runs_table(here, runs[:_RUNS_SHOWN])]
    if len(runs) > _RUNS_SHOWN:
        found.append(paragraph(inward(here, "runs", f"All {len(runs)} runs")))
    return found


def _papers(here: str, snapshot: Snapshot, method: MethodFacts) -> list[Html]:
    pairs = snapshot.catalog.papers_of(method.info.slug)
    if not pairs:
        return []
    rows = [
        join(
            [
                paper_link(here, paper),
                el("span", f" {RELATIONS[one.relation].lower()} it", class_="faint"),
            ]
        )
        for paper, one in pairs
    ]
    return [heading(2, "Papers"), items(rows)]


def _code(method: MethodFacts) -> list[Html]:
    note = paragraph("The whole method, one file: ", code(method.path))
    return [heading(2, "Code"), note, python_listing(method.source.code)]

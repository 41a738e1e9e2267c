"""A paper's claims, each with what was found of it, and what is known not to agree in the paper."""

from __future__ import annotations

from collections import Counter

from methods.experiments import EXPERIMENTS
from registry.catalog.findings import STATES, Bearing, Finding, cost, finding
from registry.catalog.models import Claim, Discrepancy, Evidence, Paper
from registry.core.plural import plural
from registry.publish.evidence_blocks import comparisons_table
from registry.publish.labels import (
    BETWEEN,
    SCALES,
    evidence_address,
    paper_link,
    verdict_badge,
)
from registry.publish.markup import (
    Child,
    Html,
    badge,
    code,
    el,
    facts,
    heading,
    inward,
    items,
    join,
    paragraph,
    when,
)
from registry.publish.snapshot import Snapshot
from registry.runs.sentences import duration

_DOT = "\N{MIDDLE DOT}"


def findings(snapshot: Snapshot, paper: Paper) -> tuple[Finding, ...]:
    """What is known of each claim of ``paper``, in its order."""
    held = snapshot.catalog.evidence
    return tuple(finding(paper, claim, held, EXPERIMENTS) for claim in paper.claims)


def claim_blocks(here: str, snapshot: Snapshot, paper: Paper) -> list[Html]:
    """The section of the claims; nothing where the entry has none."""
    found = findings(snapshot, paper)
    if not found:
        return []
    return [
        heading(2, "Claims"),
        paragraph(_summary(found), class_="faint"),
        *(_claim(here, snapshot, paper, one) for one in found),
    ]


def discrepancy_blocks(paper: Paper) -> list[Html]:
    """The section of the known discrepancies; nothing where none is known."""
    if not paper.discrepancies:
        return []
    note = paragraph(
        "What does not agree in the paper, with its code or with what others read, as far as we "
        "know it, and what is done about it here.",
        class_="faint",
    )
    cards = [_discrepancy(one) for one in paper.discrepancies]
    return [heading(2, "Known discrepancies"), note, *cards]


def claims_measured(found: tuple[Finding, ...]) -> int:
    """How many of the claims have figures."""
    return sum(one.state == "measured" for one in found)


def claim_anchor(claim: str) -> str:
    """The anchor of a claim on its paper's page."""
    return f"claim-{claim}"


def _summary(found: tuple[Finding, ...]) -> str:
    states = Counter(one.state for one in found)
    counted = ", ".join(f"{states[state]} {state}" for state in STATES if states[state])
    return f"{plural(len(found), 'claim')}, in our words: {counted}."


def _claim(here: str, snapshot: Snapshot, paper: Paper, found: Finding) -> Html:
    claim = found.claim
    against = [one for one in paper.discrepancies if claim.id in one.claims]
    several = len({one.method for one in found.evidence}) > 1
    return el(
        "section",
        el("p", f"{claim.id} {_DOT} {claim.kind} {_DOT} {_where(claim)}", class_="eyebrow"),
        el("p", claim.text, class_="question"),
        *(_measured(here, snapshot, one, several) for one in found.evidence),
        _unmeasured(found),
        _bearing(here, snapshot, found.bearing),
        _against(against),
        class_="card claim",
        id=claim_anchor(claim.id),
    )


def _where(claim: Claim) -> str:
    return claim.where + (f" (arXiv v{claim.arxiv_version})" if claim.arxiv_version else "")


def _measured(here: str, snapshot: Snapshot, evidence: Evidence, several: bool) -> Html:
    method = snapshot.method(evidence.method)
    name = method.info.name if method else evidence.method
    other = el("span", f" by {name}", class_="faint") if several else None
    how = inward(here, evidence_address(evidence), "arms, protocol and how to run it again")
    return el(
        "div",
        el("p", verdict_badge(evidence.verdict), other, class_="verdict-line"),
        el("p", evidence.question),
        comparisons_table(evidence),
        None if evidence.measured else items(evidence.notes),
        el("p", _cost(evidence), " ", how, ".", class_="faint"),
        class_="found",
    )


def _cost(evidence: Evidence) -> Html:
    took = cost(evidence)
    model = f"The {SCALES[evidence.scale]}"
    if not took.runs:
        return join([f"{model}, nothing run,", Html(" "), when(evidence.date), ":"])
    said = (
        f"{model}, {plural(took.seeds, 'seed')}, {plural(took.runs, 'run')} of "
        f"{duration(took.seconds)} in all on {evidence.device},"
    )
    return join([said, Html(" "), when(evidence.date), ":"])


def _unmeasured(found: Finding) -> Html | None:
    if found.why is None:
        return None
    said: list[Child] = [el("strong", f"{found.state.capitalize()}. "), found.why]
    if found.command:
        said += [" ", code(found.command)]
    reasons = [f"The {SCALES[s.name]} cannot tell: {s.untestable}" for s in found.untestable]
    return el("div", paragraph(*said), items(reasons) if reasons else None, class_="unmeasured")


def _bearing(here: str, snapshot: Snapshot, bearing: tuple[Bearing, ...]) -> Html | None:
    if not bearing:
        return None
    rows = [_bearing_row(here, snapshot, one) for one in bearing]
    head = el("p", "Measured on claims of other papers, and bearing on this one", class_="eyebrow")
    return el("div", head, items(rows, "bearing"), class_="found")


def _bearing_row(here: str, snapshot: Snapshot, one: Bearing) -> Html:
    marks: list[Child] = []
    for evidence in one.evidence:
        mark = verdict_badge(evidence.verdict)
        scale = el("span", f" {SCALES[evidence.scale]} ", class_="faint")
        marks += [inward(here, evidence_address(evidence), mark), scale]
    paper = snapshot.catalog.papers.get(one.experiment.paper)
    whose: list[Child] = []
    if paper:
        whose = [" Claim ", one.experiment.claim, " of ", paper_link(here, paper), "."]
    said = el("span", one.experiment.question, *whose, class_="what")
    return join([*(marks or [badge("not measured yet", "mute")]), said, *_figures(one)])


def _figures(one: Bearing) -> list[Html]:
    compared = [(evidence, comparisons_table(evidence)) for evidence in one.evidence]
    return [
        el("details", el("summary", f"Its figures, {SCALES[evidence.scale]}"), table)
        for evidence, table in compared
        if table is not None
    ]


def _against(against: list[Discrepancy]) -> Html | None:
    if not against:
        return None
    links = [
        el("a", f"{one.id} ({BETWEEN[one.between]})", href=f"#{discrepancy_anchor(one.id)}")
        for one in against
    ]
    return el("p", "Read with it: ", join(links, Html("; ")), ".", class_="against")


def discrepancy_anchor(id_: str) -> str:
    """The anchor of a discrepancy on its paper's page."""
    return f"discrepancy-{id_}"


def _discrepancy(one: Discrepancy) -> Html:
    links = [el("a", id_, href=f"#{claim_anchor(id_)}") for id_ in one.claims]
    rows: list[tuple[str, Child]] = [
        ("Where", one.where),
        ("Read in", one.source),
        ("Here", one.settled),
        ("Bears on", join(links, Html(", ")) if links else None),
    ]
    return el(
        "section",
        el("p", f"{one.id} {_DOT} {BETWEEN[one.between]}", class_="eyebrow"),
        el("p", one.text),
        facts(rows, "facts small"),
        class_="card discrepancy",
        id=discrepancy_anchor(one.id),
    )

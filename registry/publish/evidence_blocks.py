"""An experiment on a page: verdict, question, arms with intervals, comparisons, curves, how."""

from __future__ import annotations

from registry.catalog.models import Claim, Evidence, Measurement
from registry.publish import numbers
from registry.publish.figures import figure
from registry.publish.labels import SCALES, VERDICTS, evidence_anchor, paper_link, verdict_badge
from registry.publish.markup import (
    Cell,
    Child,
    Html,
    el,
    facts,
    items,
    join,
    listing,
    paragraph,
    table,
    when,
)
from registry.publish.snapshot import Snapshot, method_folder
from registry.runs.sentences import duration


def evidence_card(snapshot: Snapshot, evidence: Evidence) -> Html:
    """Everything that was measured of one claim at one scale."""
    claim = claim_of(snapshot, evidence)
    meaning = VERDICTS[evidence.verdict][1]
    verdict = el(
        "p", verdict_badge(evidence.verdict), el("span", f" {meaning}"), class_="verdict-line"
    )
    return el(
        "section",
        el("p", f"Claim {evidence.claim} on the {SCALES[evidence.scale]}", class_="eyebrow"),
        el("p", evidence.question, class_="question"),
        verdict,
        _claim(claim, evidence, snapshot),
        arms_table(evidence),
        comparisons_table(evidence),
        *(figure(curve) for curve in evidence.curves),
        _notes(evidence),
        _how(evidence),
        class_="card evidence",
        id=evidence_anchor(evidence),
    )


def claim_of(snapshot: Snapshot, evidence: Evidence) -> Claim | None:
    """The claim an experiment tests, None where the paper's entry has it no more."""
    paper = snapshot.catalog.papers.get(evidence.paper)
    return next((c for c in paper.claims if c.id == evidence.claim), None) if paper else None


def arms_table(evidence: Evidence) -> Html:
    """The arms: before, after with its 95 % interval, seeds and time."""
    columns = ["Arm", "Measure", "Before", "After (mean)", "95 % interval", "Seeds", "Time a seed"]
    rows = [_arm(arm) for arm in evidence.measured]
    return table(columns, rows, caption="Arms", class_="numbers")


def _arm(arm: Measurement) -> list[Child | Cell]:
    seconds = numbers.mean(arm.seconds)
    unit = "" if arm.unit in ("", "fraction", "1") else f" {arm.unit}"
    return [
        arm.label,
        f"{arm.measure.replace('-', ' ')}{f' ({arm.unit})' if arm.unit else ''}",
        numbers.number(numbers.mean(arm.before)) + (unit if arm.before else ""),
        el("strong", numbers.number(arm.mean_after) + unit),
        numbers.interval(arm.interval),
        str(len(arm.seeds)),
        "-" if seconds is None else duration(seconds),
    ]


def comparisons_table(evidence: Evidence) -> Html | None:
    """The differences the verdict rests on."""
    if not evidence.comparisons:
        return None
    rows = [
        [
            one.text,
            el("strong", numbers.signed(one.difference)),
            numbers.interval(one.interval),
            el("span", "yes" if one.holds else "no", class_="yes" if one.holds else "no"),
        ]
        for one in evidence.comparisons
    ]
    columns = ["Comparison", "Difference", "95 % interval", "Holds"]
    return table(columns, rows, caption="What the verdict rests on", class_="numbers")


def _claim(claim: Claim | None, evidence: Evidence, snapshot: Snapshot) -> Html | None:
    if claim is None:
        return None
    method = snapshot.method(evidence.method)
    paper = snapshot.catalog.papers[evidence.paper]
    own = method is not None and method.info.paper == paper.id
    who = "The paper" if own else paper_link(method_folder(evidence.method), paper)
    return paragraph(who, " says: ", claim.text, el("span", f" ({claim.where})", class_="faint"))


def _notes(evidence: Evidence) -> Html | None:
    if not evidence.notes:
        return None
    return el("div", el("p", "Notes", class_="eyebrow"), items(evidence.notes))


def _how(evidence: Evidence) -> Html:
    versions = ", ".join(f"{name} {number}" for name, number in sorted(evidence.versions.items()))
    known = facts(
        [
            ("Protocol", evidence.protocol),
            ("Device", evidence.device),
            ("Measured", when(evidence.date)),
            ("Versions", versions or None),
            ("Commit", el("code", evidence.git_commit[:12]) if evidence.git_commit else None),
        ]
    )
    again = join([el("p", "Run it again", class_="eyebrow"), listing(evidence.command)])
    return el("details", el("summary", "How it was measured"), known, again, open=True)

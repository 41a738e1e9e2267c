"""The index of methods by family: what each needs, who agrees with it, what was measured."""

from __future__ import annotations

from registry.catalog.models import Evidence
from registry.core.plural import plural
from registry.publish.families import FAMILIES, by_family
from registry.publish.labels import (
    METHOD_STATUS,
    SCALES,
    claim_name,
    evidence_address,
    method_badge,
    verdict_badge,
)
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
)
from registry.publish.peer_table import peer_summary
from registry.publish.snapshot import MethodFacts, Snapshot, method_folder

HERE = "methods"
_LEAD = (
    "Each method is one readable file, runs with one command, and says where it departs from its "
    "paper."
)
_COLUMNS = ("Method", "Needs", "Beside other libraries", "Status", "Measured")


def methods_page(snapshot: Snapshot) -> Page:
    """The page ``/methods/``."""
    families = list(by_family(snapshot))
    jumps = [
        join([el("a", FAMILIES[family][0], href=f"#{family}"), Html(" "), str(len(held))])
        for family, held in families
    ]
    blocks: list[Html] = [
        heading(1, "Methods"),
        el("p", _LEAD, class_="lead"),
        el("p", join(jumps, Html(" &#183; ")), class_="faint"),
    ]
    for family, held in families:
        title, does = FAMILIES[family]
        blocks += [
            el("h2", title, el("span", plural(len(held), "method"), class_="count"), id=family),
            paragraph(does),
            table(_COLUMNS, [_row(snapshot, one) for one in held], class_="methods"),
        ]
    meanings = [(status, join([said])) for status, (_, said) in METHOD_STATUS.items()]
    blocks.append(el("details", el("summary", "What the status means"), facts(meanings)))
    return Page(HERE, "Methods", _LEAD, tuple(blocks), wide=True)


def _row(snapshot: Snapshot, method: MethodFacts) -> list[Child]:
    info = method.info
    name = join([inward(HERE, method_folder(info.slug), info.name), Html(" "), code(info.slug)])
    return [
        join([name, el("span", info.summary, class_="what")]),
        ", ".join(info.needs) or "-",
        peer_summary(method.peers),
        method_badge(info.status),
        _measured(snapshot.evidence_of(method=info.slug), info.paper),
    ]


def _measured(found: tuple[Evidence, ...], paper: str) -> Child:
    if not found:
        return "-"
    return join(
        el(
            "div",
            inward(HERE, evidence_address(one), verdict_badge(one.verdict)),
            el("span", f" {claim_name(one, paper)}, {SCALES[one.scale]}", class_="faint"),
        )
        for one in found
    )

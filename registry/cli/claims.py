"""What ``registry show`` says of a paper's claims and of what does not agree in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from registry.cli.cards import Facts, block, evidence_line, item, measured_facts, wrapped
from registry.core.plural import plural

if TYPE_CHECKING:
    from registry.catalog.models import Evidence, Paper


def claims_facts(paper: Paper, evidence: Sequence[Evidence]) -> list[Facts]:
    """Each claim of ``paper`` with its evidence, or why there is none, and what bears on it."""
    from methods.experiments import EXPERIMENTS
    from registry.catalog.findings import finding

    rows = []
    for claim in paper.claims:
        found = finding(paper, claim, evidence, EXPERIMENTS)
        facts = claim.model_dump(mode="json")
        facts["state"] = found.state
        facts["why"] = found.why
        facts["command"] = found.command
        facts["untestable"] = {scale.name: scale.untestable for scale in found.untestable}
        facts["evidence"] = [measured_facts(one) for one in found.evidence]
        facts["bearing"] = [
            {
                "experiment": one.experiment.slug,
                "paper": one.experiment.paper,
                "claim": one.experiment.claim,
                "question": one.experiment.question,
                "evidence": [measured_facts(e) for e in one.evidence],
            }
            for one in found.bearing
        ]
        rows.append(facts)
    return rows


def claims_lines(claims: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The claims for a reader at a terminal."""
    yield from block("Claims, and what we measured")
    for claim in claims:
        version = f", version {claim['arxiv_version']}" if claim["arxiv_version"] else ""
        where = f"{claim['kind']}; {claim['where']}{version}"
        yield from item(f"{claim['id']} ({where}): {claim['text']}")
        for measured in claim["evidence"]:
            yield from _under(f"{evidence_line(measured)}. {_took(measured)}")
        if claim["why"]:
            behind = f" {claim['command']}" if claim["command"] else ""
            yield from _under(f"{claim['state']}: {claim['why']}{behind}")
        for scale, reason in claim["untestable"].items():
            yield from _under(f"scale {scale} cannot tell: {reason}")
        for one in claim["bearing"]:
            yield from _under(_bearing(one))


def discrepancies_lines(discrepancies: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The known discrepancies for a reader at a terminal."""
    yield from block("Known discrepancies")
    for one in discrepancies:
        on = f"; bears on {', '.join(one['claims'])}" if one["claims"] else ""
        yield from item(f"{one['id']} ({one['between']}; {one['where']}{on}): {one['text']}")
        yield from _under(f"read in: {one['source']}")
        yield from _under(f"here: {one['settled']}")


def _under(text: str) -> Iterator[str]:
    yield from wrapped(text, "    = ", "      ")


def _took(measured: Mapping[str, Any]) -> str:
    if not measured["runs"]:
        return "Nothing was run."
    from registry.runs.sentences import duration

    return (
        f"{plural(measured['seeds'], 'seed')}, {plural(measured['runs'], 'run')} of "
        f"{duration(measured['seconds'])} in all on {measured['device']}."
    )


def _bearing(one: Mapping[str, Any]) -> str:
    found = "; ".join(f"{e['verdict']} at scale {e['scale']}" for e in one["evidence"])
    about = f"claim {one['claim']} of {one['paper']}, experiment {one['experiment']}"
    return f"bearing on it ({about}): {one['question']} {found or 'not measured yet'}"

"""What ``registry show`` knows of a method: facts for JSON, and lines to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from methods.index import MethodInfo, read_source
from methods.register.peers import checks_of
from registry.cli.cards import (
    Facts,
    block,
    evidence_line,
    field,
    item,
    measured_facts,
    relative,
    wrapped,
)
from registry.core.escape import terminal
from registry.core.settings import Settings

if TYPE_CHECKING:
    from methods.register.facts import PeerCheck
    from registry.runs.options import OptionFacts


def method_facts(info: MethodInfo, settings: Settings) -> Facts:
    """Everything the register, the method's file and the catalog say of a method."""
    from registry.catalog.files import evidence_paths, load_evidence, load_papers
    from registry.runs.options import options_of

    source = read_source(info)

    papers = load_papers(settings.catalog_dir).values()
    found = [load_evidence(path) for path in evidence_paths(settings.catalog_dir)]
    return {
        "kind": "method",
        "slug": info.slug,
        "name": info.name,
        "family": info.family,
        "paper": info.paper,
        "status": info.status,
        "since": info.since,
        "summary": info.summary,
        "use": info.use,
        "equation": {"reference": info.equation.reference, "latex": info.equation.latex},
        "needs": list(info.needs),
        "knobs": [
            {"name": k.name, "paper": k.paper, "ours": k.ours, "peers": k.peers} for k in info.knobs
        ],
        "departures": list(source.departures),
        "options": [_option_facts(option) for option in options_of(info).options],
        "papers": [
            {"id": paper.id, "title": paper.title, "relation": link.relation}
            for paper in papers
            for link in paper.methods
            if link.slug == info.slug
        ],
        "evidence": [measured_facts(e) for e in found if e.method == info.slug],
        "evidence_beside": [
            measured_facts(e)
            for e in found
            if e.method != info.slug and any(m.method == info.slug for m in e.measured)
        ],
        "parity": [check_facts(check) for check in checks_of(info.slug)],
        "file": relative(info.path, settings),
        "lines": source.line_count,
        "command": f"registry run {relative(info.path, settings) if info.is_file else info.slug}",
    }


def method_card(facts: Facts) -> Iterator[str]:
    """A method for a reader at a terminal."""
    yield terminal(f"{facts['name']} ({facts['slug']}), {facts['family']}, {facts['status']}")
    yield from wrapped(facts["summary"])
    yield ""
    yield from field("paper", _paper_line(facts))
    equation = facts["equation"]
    yield from field("equation", equation["reference"])
    if equation["latex"]:
        yield " " * 14 + terminal(equation["latex"])  # whole, to be copied
    yield from field("when to use", facts["use"])
    yield from field("needs", ", ".join(facts["needs"]))
    yield from field("file", f"{facts['file']} ({facts['lines']} lines)")
    yield from field("run it", facts["command"])
    yield from field("a copy", f"registry cp {facts['slug']} my_method.py")
    yield from block("Choices the paper leaves open, or peers make otherwise")
    for knob in facts["knobs"]:
        peers = f" Peers: {knob['peers']}." if knob["peers"] else ""
        yield from item(f"{knob['name']}: paper: {knob['paper']}. Ours: {knob['ours']}.{peers}")
    yield from block("Departures from the paper")
    for number, text in enumerate(facts["departures"], 1):
        yield from wrapped(text, f"  {number}. ", " " * (4 + len(str(number))))
    yield from block("Options (default; source)")
    for option in facts["options"]:
        yield from item(_option_line(option))
    yield from _evidence(facts)
    yield from _parity(facts)


def check_facts(check: PeerCheck) -> Facts:
    """A check against a peer, as facts."""
    return {
        "peer": check.peer,
        "version": check.version,
        "what": check.what,
        "agrees": check.agrees,
        "knob": check.knob,
        "does": check.does,
        "ours": check.ours,
        "theirs": check.theirs,
        "difference": check.ours - check.theirs,
        "gradient": check.gradient,
        "test": check.test,
    }


def _evidence(facts: Facts) -> Iterator[str]:
    yield from block("Evidence")
    if not facts["evidence"]:
        yield f"  none yet (registry verify {facts['slug']})"
    for measured in facts["evidence"]:
        yield from item(f"{measured['paper']} {measured['claim']}: {evidence_line(measured)}")
        for one in measured["measured"]:
            yield from wrapped(_value_line(one), "    = ", "      ")
    for measured in facts["evidence_beside"]:
        of = measured["experiment"] or f"{measured['paper']} {measured['claim']}"
        yield from item(f"beside {measured['method']} in {of}, scale {measured['scale']}:")
        for one in measured["measured"]:
            if one["method"] == facts["slug"]:
                yield from wrapped(_value_line(one), "    = ", "      ")


def _value_line(one: Mapping[str, Any]) -> str:
    from registry.runs.sentences import interval
    from registry.runs.ticks import format_number

    before = "" if one["before"] is None else f"{format_number(one['before'])} -> "
    unit = "" if one["unit"] == "none" else f" {one['unit']}"
    seeds = f"{one['seeds']} seed{'s' if one['seeds'] > 1 else ''}"
    return (
        f"{one['label']}: {one['measure']} {before}{format_number(one['after'])}{unit} "
        f"(95 % interval {interval(one['interval'])}, {seeds})"
    )


def _parity(facts: Facts) -> Iterator[str]:
    yield from block("Beside its peers")
    if not facts["parity"]:
        yield "  no peer was measured beside it"
        return
    for check in facts["parity"]:
        found = (
            f"agrees; values differ by {abs(check['difference']):.1g}, gradients by "
            f"{check['gradient']:.1g}"
            if check["agrees"]
            else f"differs in {check['knob']}: {check['ours']:.6g} for {check['theirs']:.6g}"
        )
        yield from item(f"{check['peer']} {check['version']} ({check['what']}): {found}")
    yield f"  more: registry diff {facts['slug']}"


def _option_facts(option: OptionFacts) -> Facts:
    return {
        "name": option.name,
        "kind": option.kind,
        "default": option.default,
        "presets": dict(option.presets),
        "unit": option.unit,
        "allowed": option.allowed,
        "source": option.source,
        "what": option.what,
    }


def _option_line(option: Mapping[str, Any]) -> str:
    from registry.runs.options import show_value

    presets = "".join(f", {show_value(v)} for {m}" for m, v in option["presets"].items())
    unit = f" {option['unit']}" if option["unit"] else ""
    default = f"{show_value(option['default'])}{unit}{presets}"
    return f"{option['name']} = {default} ({option['source']}): {option['what']}"


def _paper_line(facts: Facts) -> str:
    title = next((p["title"] for p in facts["papers"] if p["id"] == facts["paper"]), "")
    return f"{facts['paper']} {title}".strip()

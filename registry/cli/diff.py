"""``registry diff``: a method beside the peers that have it, choice by choice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from registry.cli.output import emit, emit_json
from registry.core.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from methods.index import MethodInfo
    from methods.register.facts import PeerCheck
    from registry.cli.cards import Facts


def diff(
    method: str = typer.Argument(..., metavar="METHOD[@PEER]", help="A method."),
    peer: str = typer.Argument(None, help="trl, torchtune, verl, peft ...; default: all."),
    as_json: bool = typer.Option(False, "--json", help="JSON on stdout."),
) -> None:
    """Show where a method and its peers part: what the paper says, what we do, what the peer does.

    Both values of a worked example stand beside each difference, with the test that computes them;
    behind the differences stands what was measured to be equal.

    Example:

        registry diff grpo trl
        registry diff dpo@torchtune --json
        registry diff lora
    """
    from registry.runs.known import find_method

    name, _, behind = method.partition("@")
    if behind and peer:
        raise UsageError(f"two peers are given: {behind} and {peer}. Keep one")
    info = find_method(name)
    facts = diff_facts(info, behind or peer or None)
    if as_json:
        emit_json(facts)
        return
    for line in _lines(facts):
        emit(line)


def diff_facts(info: MethodInfo, peer: str | None) -> Facts:
    """The method's knobs with the checks that differ in each, and the checks that agree.

    Raises UnknownNameError where no peer has that name, UsageError where the method was not
    measured beside it.
    """
    from methods.register.peers import PEER_CHECKS, checks_of
    from registry.cli.method_card import check_facts

    every = checks_of(info.slug)
    peers = list(dict.fromkeys(check.peer for check in every))
    if peer is not None:
        known = {check.peer for check in PEER_CHECKS}
        if peer not in known:
            raise UnknownNameError("peer", peer, known, f"registry diff {info.slug}")
        if peer not in peers:
            has = ", ".join(peers) or "no peer yet"
            raise UsageError(
                f"{info.slug} was not measured beside {peer}. Measured beside it: {has}. "
                f"All of it: registry diff {info.slug}"
            )
    checks = [check for check in every if peer in (None, check.peer)]
    apart: dict[str, list[PeerCheck]] = {knob.name: [] for knob in info.knobs}
    for check in checks:
        if check.knob:
            apart.setdefault(check.knob, []).append(check)
    texts = {knob.name: knob for knob in info.knobs}
    return {
        "method": info.slug,
        "name": info.name,
        "paper": info.paper,
        "equation": info.equation.reference,
        "peers": peers if peer is None else [peer],
        "knobs": [
            {
                "name": name,
                "paper": texts[name].paper if name in texts else "",
                "ours": texts[name].ours if name in texts else "",
                "peers": texts[name].peers if name in texts else "",
                "differences": [check_facts(check) for check in found],
            }
            for name, found in apart.items()
        ],
        "agrees": [check_facts(check) for check in checks if check.agrees],
    }


def _lines(facts: Facts) -> Iterator[str]:
    from registry.cli.cards import block, item, wrapped

    beside = ", ".join(facts["peers"]) or "no peer"
    yield f"{facts['name']} ({facts['method']}, arXiv {facts['paper']}) beside {beside}"
    # Where something was measured to differ comes first.
    for knob in sorted(facts["knobs"], key=lambda k: not k["differences"]):
        yield from block(knob["name"])
        for label, name in (("paper", "paper"), ("ours", "ours"), ("peers", "peers")):
            if knob[name]:
                yield from wrapped(knob[name], f"  {label:<8}", " " * 10)
        for check in knob["differences"]:
            yield from wrapped(check["does"], f"  {check['peer']:<8}", " " * 10)
            yield from wrapped(
                f"{check['peer']} {check['version']}, {check['what']}: ours {check['ours']:.9g}, "
                f"theirs {check['theirs']:.9g}, difference {check['difference']:+.3g}; largest "
                f"difference of the gradient {check['gradient']:.2g} of its largest entry",
                "  = ",
                "    ",
            )
            yield f"    held by {check['test']}"
    yield from block("Equal to rounding")
    if not facts["agrees"]:
        yield "  nothing was measured to be equal"
    for check in facts["agrees"]:
        yield from item(
            f"{check['peer']} {check['version']}, {check['what']}: value {check['ours']:.9g}, "
            f"difference {abs(check['difference']):.1g}, of the gradient {check['gradient']:.1g}"
        )
        yield f"    held by {check['test']}"

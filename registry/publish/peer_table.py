"""A method beside the libraries that have it too: where they agree and where they do otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from methods.register.facts import PeerCheck
from registry.publish.markup import Child, Html, badge, code, el, heading, join, paragraph, table
from registry.publish.numbers import number

_NOTE = (
    "The same example computed here and by the library: the value, and the largest difference of "
    "the gradients, relative to the largest entry of ours. A test computes each row again."
)


def peer_blocks(checks: Sequence[PeerCheck]) -> list[Html]:
    """The section of a method's page; nothing where no library was compared."""
    if not checks:
        return []
    columns = ["Library", "Compared", "Here", "There", "Gradients differ by", "Outcome"]
    # What agrees says that the example is the same; what differs is read after it.
    ordered = sorted(checks, key=lambda c: (not c.agrees, c.peer, c.what))
    rows = [_row(check) for check in ordered]
    return [
        heading(2, "Beside other libraries"),
        paragraph(_NOTE, class_="faint"),
        table(columns, rows, class_="knobs"),
    ]


def peer_summary(checks: Sequence[PeerCheck]) -> Child:
    """One line a library for the index: ``trl agrees``, ``torchtune: 2 deviations``."""
    if not checks:
        return "-"
    lines = []
    for peer in sorted({check.peer for check in checks}):
        differing = len({c.knob for c in checks if c.peer == peer and not c.agrees})
        ending = "" if differing == 1 else "s"
        said = f"{differing} deviation{ending}" if differing else "agrees"
        lines.append(el("div", peer, el("span", f" {said}", class_="faint")))
    return join(lines)


def _row(check: PeerCheck) -> list[Child]:
    library = join([el("strong", check.peer), el("span", f" {check.version}", class_="faint")])
    return [
        library,
        check.what,
        number(check.ours),
        number(check.theirs),
        number(check.gradient),
        _outcome(check),
    ]


def _outcome(check: PeerCheck) -> Html:
    if check.agrees:
        return badge("agrees", "good")
    return join(
        [
            badge("differs", "fair"),
            el("span", " in ", code(check.knob), f": {check.does}", class_="faint"),
        ]
    )

"""What the queue shows of one candidate, as lines of styled text.

Everything arXiv or another reviewer wrote passes ``escape.terminal``: on a terminal no title can
move the cursor, set the window's name or turn the line around.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from registry.catalog.criteria import Criteria
from registry.core.escape import terminal
from registry.triage.queue import Item
from registry.triage.ranked import Neighbour, Ranked
from registry.triage.turns import told

_MOST_AUTHORS = 12
_MOST_TERMS = 6
_LABEL = 9  # columns


def card(item: Item, leaves: Sequence[str]) -> list[RenderableType]:
    """The candidate and what the ranking says of it.

    ``leaves`` are the suggestions, in the order of the number keys.
    """
    known = item.candidate
    lines: list[RenderableType] = [
        _head(item),
        Text(terminal(known.title), style="bold"),
        _authors(known.authors),
    ]
    if known.withdrawn:
        lines.append(Text(f"WITHDRAWN: {terminal(known.withdrawn)}", style="bold red"))
    lines += [
        Text(f"{name}: {terminal(text)}", style="dim")
        for name, text in (("comment", known.comment), ("published in", known.journal_ref))
        if text
    ]
    abstract = terminal(known.abstract) or "(no abstract is stored)"
    lines += [Text(), Text(abstract), Text()]
    lines += [_leaf_line(leaves, item.ranked)]
    lines += _reasons(item.ranked)
    lines += [
        _labelled("same?", f"{id_}, by its {reason} (d says so)") for id_, reason in item.alike
    ]
    lines += [_labelled("so far", terminal(told(vote))) for vote in item.standing.votes]
    return lines


def criteria_in_short(criteria: Criteria | None) -> list[RenderableType]:
    """The codes alone, in two or three lines; those for leaving a paper out with number keys."""
    if criteria is None:
        return []
    reasons = "  ".join(f"{n}:{code}" for n, code in enumerate(criteria.reasons, start=1))
    return [
        _labelled("in", "  ".join(one.code for one in criteria.include)),
        _labelled("out", reasons),
    ]


def criteria_lines(criteria: Criteria | None) -> list[RenderableType]:
    """The criteria in full; those for leaving a paper out carry their number keys."""
    if criteria is None:
        return [Text("This catalog has no criteria.yaml: say in words why you reject a paper.")]
    lines: list[RenderableType] = [Text(criteria.question, style="bold"), Text()]
    lines += [_labelled("in", f"{one.code}: {one.text}") for one in criteria.include]
    lines += [Text()]
    return lines + reject_lines(criteria)


def reject_lines(criteria: Criteria) -> list[RenderableType]:
    """The reasons for leaving a paper out, each with its number key."""
    return [
        _labelled(f"out   {number}", f"{one.code}: {one.text}")
        for number, one in enumerate(criteria.exclude, start=1)
    ]


def _head(item: Item) -> Text:
    known = item.candidate
    head = Text(f"{known.id} v{known.version}", style="cyan")
    head.append(f"  {known.published.date()}  {' '.join(map(terminal, known.categories))}")
    if item.ranked is not None:
        said = "no verdict" if item.ranked.abstains else f"{item.ranked.relevance:.0%}"
        head.append(f"  relevance {said}", style="green")
    return head


def _authors(names: Sequence[str]) -> Text:
    shown = ", ".join(terminal(name) for name in names[:_MOST_AUTHORS])
    more = len(names) - _MOST_AUTHORS
    return Text(shown + (f" and {more} more" if more > 0 else ""), style="italic")


def _leaf_line(leaves: Sequence[str], ranked: Ranked | None) -> Table:
    likely = {guess.leaf: guess.probability for guess in ranked.leaves} if ranked else {}
    shown = [
        f"{number}:{leaf}" + (f" {likely[leaf]:.2f}" if leaf in likely else "")
        for number, leaf in enumerate(leaves, start=1)
    ]
    return _labelled("leaves", "   ".join(shown) or "none suggested")


def _reasons(ranked: Ranked | None) -> list[RenderableType]:
    if ranked is None:
        return []
    why = ranked.reasons
    said = [
        ("for", _terms(why.terms_for)),
        ("against", _terms(why.terms_against)),
        ("methods", ", ".join(map(terminal, why.methods))),
        ("authors", ", ".join(map(terminal, why.authors))),
        *(("near", _near(one)) for one in (*why.accepted[:3], *why.rejected[:2])),
    ]
    return [_labelled(label, text) for label, text in said if text]


def _terms(terms: Iterable[tuple[str, float]]) -> str:
    return ", ".join(f"{terminal(term)} {share:+.2f}" for term, share in list(terms)[:_MOST_TERMS])


def _near(one: Neighbour) -> str:
    return f"{one.decision} {one.id} {one.similarity:.2f} {terminal(one.title)}"


def _labelled(label: str, text: str) -> Table:
    """The text in a column of its own, beside its label."""
    row = Table.grid(padding=(0, 1))
    row.add_column(width=_LABEL, style="dim")
    row.add_column(overflow="fold")
    row.add_row(Text(label), Text(text))
    return row

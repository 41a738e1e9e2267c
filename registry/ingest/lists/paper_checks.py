"""Whether a row names the paper that it says: its identifier, its title, whether it stands."""

from __future__ import annotations

from collections.abc import Iterator

from registry.core.plural import plural
from registry.ingest.lists.document import Row
from registry.ingest.lists.findings import Finding, finding
from registry.ingest.lists.knowledge import Knowledge
from registry.ingest.lists.likeness import Likeness, best_likeness, key_of, words_of
from registry.ingest.lists.titles import Match

RENAMED = 0.35  # closeness from which an unlike title may be a new title of the same work
_A_TITLE = 3  # words; fewer are the name of a method
_EXACT = 0.97  # likeness from which a title alone says whose it is
_NEARLY = 0.9  # from which it does where the identifier is known to be another paper's
_ENOUGH = 200  # identifiers of a month from which its last number says something
_BEYOND = 1.25  # times that last number: arXiv had not come so far


def check_paper(name: str, row: Row, known: Knowledge) -> Iterator[Finding]:
    """What is wrong with the identifier and the title of ``row``, and with the paper itself."""
    for fault in row.faults:
        if fault.kind == "malformed-id":
            yield _malformed(name, row, fault.text, known)
        elif fault.kind == "two-ids":
            what = f"the row names several identifiers: {fault.text}"
            fix = "leave the one that the title belongs to, or make two rows"
            yield finding(
                name, row, "info", "two-ids", what, "Each is in an address or a badge", fix
            )
    if row.arxiv_id is None:
        yield from _without_id(name, row, known)
        return
    titles = (*known.titles(row.arxiv_id), *row.accepted_titles)
    if titles:
        yield from _check_title(name, row, titles, known)
    else:
        yield from _unknown(name, row, known)
    if (words := known.withdrawn.get(row.arxiv_id)) is not None:
        yield finding(
            name, row, "warning", "withdrawn", f"{row.arxiv_id} is withdrawn",
            f"It says: {words!r}", "remove the row, or say that it is withdrawn",
        )  # fmt: skip


def title_state(row: Row, known: Knowledge) -> str:
    """How the title stands to those known: ``unknown``, ``newest``, ``former`` or ``unlike``."""
    titles = known.titles(row.arxiv_id) if row.arxiv_id else ()
    if not titles:
        return "unknown"
    said, like = best_likeness(row.title, titles, known.weight)
    if not like.same:
        return "unlike"
    return "newest" if said == titles[0] and like.score == 1.0 else "former"


def owner(row: Row, known: Knowledge, least: float = _EXACT) -> Match | None:
    """The paper that bears the row's title, word for word but for a slip of the pen.

    ``least`` is the likeness from which it does. Titles that differ in a number, such as the size
    of a model, are two papers'.
    """
    match = known.nearest(row.title)
    if match is None or not match.likeness.same or match.likeness.score < least:
        return None
    ours, theirs = (_numbered(title) for title in (row.title, match.title))
    return match if ours == theirs or match.likeness.score == 1.0 else None


def _malformed(name: str, row: Row, raw: str, known: Knowledge) -> Finding:
    match = owner(row, known)
    fix = "look the paper up and correct the digits"
    evidence = "An identifier has four digits, a point, and four digits until 1412, five from 1501"
    if match is not None:
        evidence += f". The title is that of {match.id}"
        fix = f"write {match.id} ({match.title})"
    suggested = match.id if match else None
    what = f"{raw!r} is no arXiv identifier"
    return finding(name, row, "error", "malformed-id", what, evidence, fix, suggested)


def _without_id(name: str, row: Row, known: Knowledge) -> Iterator[Finding]:
    if any(fault.kind == "malformed-id" for fault in row.faults):
        return
    match = owner(row, known)
    if match is not None:
        yield finding(
            name, row, "info", "missing-id", "the row has no arXiv identifier",
            f"The title is that of {match.id} ({match.likeness.sign})",
            f"add https://arxiv.org/abs/{match.id}", match.id,
        )  # fmt: skip


def _check_title(
    name: str, row: Row, titles: tuple[str, ...], known: Knowledge
) -> Iterator[Finding]:
    title, like = best_likeness(row.title, titles, known.weight)
    if like.same or _names_it(row, titles, known):
        return
    shown = f"{row.arxiv_id} is {title!r}" + (
        f", and bore {plural(len(titles) - 1, 'other title')}" if len(titles) > 1 else ""
    )
    match = owner(row, known, _NEARLY)
    if match is not None and match.id != row.arxiv_id:
        yield finding(
            name, row, "error", "wrong-id", f"{row.arxiv_id} is the identifier of another paper",
            f"{shown}; the title here is that of {match.id}", f"write {match.id}", match.id,
        )  # fmt: skip
        return
    others = known.bears_out(name, row.arxiv_id or "", row.title)
    evidence = f"{shown}; {_measured(like)}"
    if others:
        evidence += f"; {_named(others)} it so too"
    if len(words_of(row.title)) < _A_TITLE:
        fix = "write the paper's title, or look the name up and correct the identifier"
        what = f"{row.title!r} is a name that no title known of {row.arxiv_id} has"
        called = known.called(row.title)
        if called:
            evidence += f"; {', '.join(called)} is called so"
        suggested = called[0] if len(called) == 1 else None
        yield finding(name, row, "warning", "title-differs", what, evidence, fix, suggested)
        return
    # Lists copy each other, so that a second one tells little where the papers have no word alike.
    if like.closeness >= RENAMED:
        fix = "take the title that arXiv has now, if it is the same work"
        what = "the title is unlike every one known"
        yield finding(name, row, "warning", "title-differs", what, evidence, fix)
        return
    fix = "look the paper up by its title and correct the identifier"
    what = f"{row.arxiv_id} seems to be another paper"
    yield finding(name, row, "error", "other-paper", what, evidence, fix)


def _unknown(name: str, row: Row, known: Knowledge) -> Iterator[Finding]:
    id_ = row.arxiv_id or ""
    match = owner(row, known)
    if match is not None:
        yield finding(
            name, row, "error", "wrong-id", f"{id_} is not the identifier of this paper",
            f"Nothing is known of {id_}; the title is that of {match.id}", f"write {match.id}",
            match.id,
        )  # fmt: skip
        return
    if known.index is None:
        return  # nothing to hold it against; the report counts such rows
    count, last = known.index.month(id_)
    number = int(id_.partition(".")[2] or 0)
    if count >= _ENOUGH and number > last * _BEYOND:
        evidence = f"Of {count:,} identifiers known of that month the last ends in {last:05}"
        fix = "look the paper up and correct the digits"
        what = f"arXiv did not come to {id_} in that month"
        yield finding(name, row, "error", "impossible-id", what, evidence, fix)
        return
    evidence = (
        f"Neither it nor the title stands in {known.index.pairs:,} pairs, "
        f"{count:,} of them of that month"
    )
    others = known.bears_out(name, id_, row.title)
    what = f"nothing is known of {id_}"
    if others:
        evidence += f"; {_named(others)} it with this title"
        yield finding(name, row, "info", "unknown-id", what, evidence, _FETCH.format(id_))
        return
    evidence += "; no other list read here names it with this title"
    yield finding(name, row, "warning", "unknown-id", what, evidence, _FETCH.format(id_))


_FETCH = "see whether it exists: registry ingest --ids {}"


def _names_it(row: Row, titles: tuple[str, ...], known: Knowledge) -> bool:
    """True where the row has no more than a name: initials of a title, or a method of the paper."""
    if len(words_of(row.title)) >= _A_TITLE:
        return False
    name = key_of(row.title)
    initials = ["".join(word[0] for word in words_of(title)) for title in titles]
    spelt = len(name) > 2 and any(_in_order(name, one) for one in initials)
    return spelt or name in known.names.get(row.arxiv_id or "", ())


def _in_order(letters: str, text: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)


def _numbered(title: str) -> set[str]:
    return {word for word in words_of(title) if any(c.isdigit() for c in word)}


def _measured(like: Likeness) -> str:
    return f"{like.sign}, {like.closeness:.0%} of what they tell"


def _named(lists: tuple[str, ...]) -> str:
    shown = ", ".join(lists[:3]) + (f" and {len(lists) - 3} more" if len(lists) > 3 else "")
    return f"{shown} {'name' if len(lists) > 1 else 'names'}"

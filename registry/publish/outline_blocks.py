"""A survey's outline as nested lists: what each section covers, and what came after."""

from __future__ import annotations

from collections.abc import Sequence

from registry.catalog.tracking import Newer, Tracked, TrackedSection
from registry.core.ids import ArxivId
from registry.core.plural import plural
from registry.publish.labels import paper_link
from registry.publish.markup import Child, Html, el, inward, items, join, outward, when
from registry.publish.paper_pages import leaf_chip
from registry.publish.snapshot import Snapshot, method_folder

MOST_NEWER = 8
"""The newest papers that a section lists; the rest is counted."""


def outline_blocks(here: str, snapshot: Snapshot, tracked: Tracked) -> Html:
    """The sections of ``tracked``, those below a heading inside it."""
    return _sections(here, snapshot, tracked.sections)


def section_leaves(here: str, snapshot: Snapshot, leaves: Sequence[str]) -> Html:
    """Leaves as boxes that lead to their definitions."""
    return join((leaf_chip(here, snapshot, leaf) for leaf in leaves), Html(" "))


def _sections(here: str, snapshot: Snapshot, sections: Sequence[TrackedSection]) -> Html:
    return el("ol", *(_section(here, snapshot, section) for section in sections))


def _section(here: str, snapshot: Snapshot, section: TrackedSection) -> Html:
    held: list[Child] = [el("span", section.title, class_="section-title")]
    if section.leaves:
        held.append(el("span", section_leaves(here, snapshot, section.leaves), class_="topics"))
    found = [_paper(here, snapshot, id_) for id_ in section.papers_here]
    found += [_lacking(snapshot, id_) for id_ in section.papers_lacking]
    found += [_method(here, snapshot, slug, "method ") for slug in section.methods_here]
    found += [_method(here, snapshot, slug, "also runs ") for slug in section.also_run]
    found += [_unknown(name) for name in section.methods_lacking]
    if found:
        held.append(items(found, "held"))
    held.append(_newer(here, snapshot, section.newer))
    held.append(_candidates(section))
    if section.sections:
        held.append(_sections(here, snapshot, section.sections))
    return el("li", *held)


def _tag(said: str, here: bool = False) -> Html:
    return el("span", said, class_="tag tag-here" if here else "tag")


def _paper(here: str, snapshot: Snapshot, id_: str) -> Html:
    return join([_tag("paper "), paper_link(here, snapshot.catalog.papers[id_])])


def _lacking(snapshot: Snapshot, id_: str) -> Html:
    away = outward(ArxivId(id_).url, snapshot.known_titles.get(id_, f"arXiv:{id_}"))
    return el("span", _tag("paper "), away, ", not here yet", class_="faint")


def _method(here: str, snapshot: Snapshot, slug: str, said: str) -> Html:
    method = snapshot.method(slug)
    name = method.info.name if method else slug
    return join([_tag(said, here=True), inward(here, method_folder(slug), name)])


def _unknown(name: str) -> Html:
    return el("span", _tag("method "), name, class_="faint")


def _newer(here: str, snapshot: Snapshot, found: Sequence[Newer]) -> Html | None:
    if not found:
        return None
    papers = snapshot.catalog.papers
    rows = [(when(one.day), paper_link(here, papers[one.id])) for one in found[:MOST_NEWER]]
    return _folded(f"{plural(len(found), 'paper')} since", rows, len(found))


def _candidates(section: TrackedSection) -> Html | None:
    found = section.candidates
    if not found:
        return None
    rows = [
        (when(one.day), join([outward(ArxivId(one.id).url, one.title), _why(one, section)]))
        for one in found[:MOST_NEWER]
    ]
    return _folded(f"{plural(len(found), 'candidate')} since", rows, len(found))


def _why(one: Newer, section: TrackedSection) -> Html | None:
    reason = one.reason_for(section.leaves)
    return el("span", f" {reason}", class_="faint") if reason else None


def _folded(title: str, rows: Sequence[tuple[Html, Html]], count: int) -> Html:
    held = [join([day, said]) for day, said in rows]
    left = count - len(held)
    more = el("p", f"and {left:,} earlier", class_="faint") if left else None
    return el("details", el("summary", title), items(held, "dated"), more, class_="since")

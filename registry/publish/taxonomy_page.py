"""The taxonomy: every group and leaf with its definition and its papers."""

from __future__ import annotations

from collections.abc import Sequence

from registry.catalog.models import CanonicalPaper, Group, Leaf, Paper
from registry.core.ids import ArxivId
from registry.core.plural import plural
from registry.publish.labels import paper_link
from registry.publish.markup import (
    Html,
    Page,
    el,
    facts,
    heading,
    inward,
    items,
    join,
    outward,
    paragraph,
)
from registry.publish.paper_pages import anchor
from registry.publish.snapshot import Snapshot, paper_folder

HERE = "taxonomy"


def taxonomy_page(snapshot: Snapshot) -> Page:
    """The page of the taxonomy."""
    taxonomy = snapshot.catalog.taxonomy
    leaves = len(taxonomy.leaf_slugs)
    lead = (
        f"What a paper is about: {plural(leaves, 'leaf', 'leaves')} in "
        f"{plural(len(taxonomy.groups), 'group')}. A paper has one leaf for what is new in it, and "
        "at most two more."
    )
    blocks: list[Html] = [heading(1, "Taxonomy"), el("p", lead, class_="lead")]
    if taxonomy.rules:
        rules = el("details", el("summary", "The rules for choosing a leaf"), items(taxonomy.rules))
        blocks.append(rules)
    for group in taxonomy.groups:
        blocks += _group(snapshot, group)
    blocks.append(heading(2, "Facets"))
    blocks.append(paragraph("Said of a paper beside its leaf.", class_="faint"))
    blocks.append(facts([(_words(k), ", ".join(v)) for k, v in taxonomy.facets.items()]))
    blocks.append(paragraph(f"Version {taxonomy.version}.", class_="faint"))
    return Page(HERE, "Taxonomy", lead, tuple(blocks))


def _group(snapshot: Snapshot, group: Group) -> list[Html]:
    leaves = [_leaf(snapshot, leaf) for leaf in group.leaves]
    return [
        heading(2, group.title),
        paragraph(group.description),
        el("div", *leaves, class_="leaves"),
    ]


def _leaf(snapshot: Snapshot, leaf: Leaf) -> Html:
    papers = snapshot.catalog.papers_in(leaf.slug)
    held = _held(papers)
    named = [one for one in leaf.canonical if one.id not in {p.id for p in papers}]
    canonical = [_canonical(snapshot, one) for one in named]
    shows = el("p", "Papers that show what it means: ", _series(canonical), class_="faint")
    # Links to a leaf that was renamed or merged still lead here.
    former = join([el("span", id=anchor(alias)) for alias in leaf.aliases], Html(""))
    return el(
        "section",
        former,
        el("h3", leaf.title, el("span", plural(len(papers), "paper"), class_="count")),
        paragraph(leaf.scope),
        held,
        shows if canonical else None,
        class_="leaf",
        id=anchor(leaf.slug),
    )


def _held(papers: Sequence[Paper]) -> Html | None:
    """The papers, those somebody wrote about first; a long list opens on demand."""
    if not papers:
        return None
    ordered = sorted(papers, key=lambda p: (p.facts_only, not p.methods, p.id))
    links = [paper_link(HERE, paper) for paper in ordered]
    if len(links) <= _SHOWN:
        return items(links)
    more = el("summary", f"and {len(links) - _SHOWN:,} more")
    return join([items(links[:_SHOWN]), el("details", more, items(links[_SHOWN:]))])


_SHOWN = 8


def _canonical(snapshot: Snapshot, one: CanonicalPaper) -> Html:
    if one.id in snapshot.catalog.papers:
        return inward(HERE, paper_folder(one.id), one.name)
    return outward(ArxivId(one.id).url, one.name)


def _series(parts: list[Html]) -> Html:
    return join(parts, Html(", "))


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()

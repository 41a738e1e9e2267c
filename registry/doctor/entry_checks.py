"""What can be wrong within one entry, and the entry without it."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from registry.catalog.edit import has_comments, in_form
from registry.catalog.files import dump_entry
from registry.catalog.models import Paper, Survey
from registry.catalog.outlines import moved_sections
from registry.catalog.taxonomy import aliases
from registry.catalog.titles import clean, folded, holds_markup
from registry.doctor.finding import Change, Finding, Patient, register

_UNSEEN = ("Cc", "Cf", "Zl", "Zp")


@register("form")
def form(patient: Patient) -> Iterator[Finding]:
    """Files whose keys, quotes or folds are not those the registry writes."""
    for entry in patient.entries.values():
        if entry.text == dump_entry(entry.paper):
            continue
        text = in_form(entry.text.replace("\r\n", "\n"), entry.paper)
        if text != entry.text:
            what = "not in the form the registry writes"
            yield Finding("form", entry.path, what, "write it in that form", text=text)
        elif has_comments(text):
            what = "holds comments, which the registry's form has no place for"
            fix = "move what they say into a field; `registry check --fix` drops them"
            yield Finding("form", entry.path, what, fix)


@register("leaf-alias")
def leaf_alias(patient: Patient) -> Iterator[Finding]:
    """Leaves under an older name."""
    former = aliases(patient.taxonomy) if patient.taxonomy else {}
    for entry in patient.entries.values():
        named = {*entry.paper.leaves, *entry.paper.leaf_sources, *_outlined(entry.paper)}
        for old in sorted(slug for slug in named if slug in former):
            new = former[old]
            what = f"the leaf {old} is called {new} now"
            yield Finding("leaf-alias", entry.path, what, f"write {new}", _renamed(old, new))


@register("text")
def text(patient: Patient) -> Iterator[Finding]:
    """Titles and gists with HTML codes, doubled blanks or characters that nobody sees."""
    for entry in patient.entries.values():
        paper = entry.paper
        for name in ("title", "gist", "venue"):
            value = getattr(paper, name)
            if value is not None and tidy(value) != value:
                what = f"{name} holds HTML codes, stray blanks or characters that nobody sees"
                fix = f"write {tidy(value)!r}"
                yield Finding("text", entry.path, what, fix, _set(name, tidy(value)))
        titles = tuple(dict.fromkeys(tidy(t) for t in paper.former_titles))
        kept = tuple(t for t in titles if t != tidy(paper.title))
        if kept != paper.former_titles:
            what = "former_titles repeats a title or holds codes and blanks"
            yield Finding("text", entry.path, what, "clean them", _set("former_titles", kept))
        if holds_markup(clean(paper.title)):
            what = "the title holds an HTML tag"
            yield Finding("text", entry.path, what, "write the title as arXiv shows it")


@register("authors")
def authors(patient: Patient) -> Iterator[Finding]:
    """Names with blanks at their ends, HTML codes, or that are punctuation alone."""
    for entry in patient.entries.values():
        names = tuple(tidy(name) for name in entry.paper.authors)
        kept = tuple(name for name in names if any(c.isalpha() for c in name))
        if kept != entry.paper.authors:
            odd = next(
                a for a, b in zip((*entry.paper.authors, ""), (*kept, ""), strict=False) if a != b
            )
            what = f"the author {odd!r} has stray blanks, codes or no letter"
            yield Finding("authors", entry.path, what, "clean the names", _set("authors", kept))


@register("lists")
def lists(patient: Patient) -> Iterator[Finding]:
    """Lists that repeat a value, sources that are not sorted or not in the order of the leaves."""
    for entry in patient.entries.values():
        paper = entry.paper
        for name in ("secondary", "categories", "related"):
            values = getattr(paper, name)
            once = tuple(dict.fromkeys(values))
            if name == "secondary":
                once = tuple(leaf for leaf in once if leaf != paper.leaf)
            if once != values:
                what = f"{name} repeats a value"
                yield Finding("lists", entry.path, what, "keep each once", _set(name, once))
        if paper.leaf_sources and repr(_sources(paper)) != repr(paper.leaf_sources):
            what = "leaf_sources is not sorted, or names a leaf the paper does not have"
            yield Finding("lists", entry.path, what, "sort it", _sort_sources)


@register("dangling")
def dangling(patient: Patient) -> Iterator[Finding]:
    """Related papers that have no entry, or are the paper itself."""
    for id_, entry in patient.entries.items():
        known = patient.entries.keys() | patient.unreadable
        there = tuple(r for r in entry.paper.related if r in known and r != id_)
        if there != entry.paper.related:
            gone = ", ".join(r for r in entry.paper.related if r not in there)
            what = f"related names {gone}, which has no entry"
            yield Finding("dangling", entry.path, what, "remove it", _set("related", there))


@register("duplicates")
def duplicates(patient: Patient) -> Iterator[Finding]:
    """Two entries with one title, now or formerly, or with one DOI."""
    named: defaultdict[str, list[str]] = defaultdict(list)
    for id_, entry in patient.entries.items():
        paper = entry.paper
        for title in {folded(t) for t in (paper.title, *paper.former_titles)}:
            named[f"title {title}"].append(id_)
        if paper.doi:
            named[f"doi {paper.doi.lower()}"].append(id_)
    pairs = {(ids[0], other): key for key, ids in named.items() for other in ids[1:]}
    for (first, other), key in sorted(pairs.items()):
        what = f"has the same {key.partition(' ')[0]} as {first}"
        fix = "remove one, or set status superseded and superseded_by"
        yield Finding("duplicates", patient.entries[other].path, what, fix)


def tidy(value: str) -> str:
    """``value`` without HTML codes, doubled blanks and characters that nobody sees."""
    seen = "".join(c if unicodedata.category(c) not in _UNSEEN else _instead(c) for c in value)
    return clean(seen)


def _instead(character: str) -> str:
    return " " if unicodedata.category(character) in ("Cc", "Zl", "Zp") else ""


def _set(name: str, value: Any) -> Change:
    def change(paper: Paper) -> Paper:
        return paper.model_copy(update={name: value})

    return change


def _renamed(old: str, new: str) -> Change:
    def change(paper: Paper) -> Paper:
        leaves = tuple(dict.fromkeys(new if leaf == old else leaf for leaf in paper.leaves))
        sources: dict[str, tuple[str, ...]] = {}
        for leaf, names in paper.leaf_sources.items():
            slug = new if leaf == old else leaf
            sources[slug] = tuple(sorted({*sources.get(slug, ()), *names}))
        changed: dict[str, Any] = {
            "leaf": leaves[0], "secondary": leaves[1:], "leaf_sources": sources,
        }  # fmt: skip
        if isinstance(paper, Survey):
            outline = moved_sections(paper.outline, lambda leaf: [new if leaf == old else leaf])
            changed["outline"] = outline
        return paper.model_copy(update=changed)

    return change


def _outlined(paper: Paper) -> Iterator[str]:
    """The leaves that the outline of a survey names."""
    sections = list(paper.outline) if isinstance(paper, Survey) else []
    while sections:
        section = sections.pop()
        yield from section.leaves
        sections += section.sections


def _sources(paper: Paper) -> dict[str, tuple[str, ...]]:
    held = paper.leaf_sources
    return {leaf: tuple(sorted(set(held[leaf]))) for leaf in paper.leaves if leaf in held}


def _sort_sources(paper: Paper) -> Paper:
    return paper.model_copy(update={"leaf_sources": _sources(paper)})

"""What files say of each other and of the register of methods, in both directions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from methods.experiments.protocol import Experiment
from methods.index import MethodInfo
from registry.catalog.entry_checks import repeated
from registry.catalog.models import Evidence, Paper, Section, Survey, Taxonomy
from registry.catalog.places import Places
from registry.catalog.problems import Problem
from registry.catalog.reader import Step
from registry.catalog.taxonomy import aliases, nearest_leaves
from registry.core.ids import ArxivId

Entries = Mapping[str, tuple[Path, Paper]]


def check_methods(
    root: Path,
    papers: Mapping[str, Paper],
    unreadable: set[str],
    methods: tuple[MethodInfo, ...],
) -> Iterator[Problem]:
    """Every registered method has its paper, and the paper names the method back."""
    for info in methods:
        slug = ArxivId(info.paper).slug
        if slug in unreadable:
            continue  # its file is reported already
        paper = papers.get(info.paper)
        path = root / "papers" / f"{slug}.yaml"
        if paper is None:
            what = f"the method {info.slug} is read from {info.paper}, which has no entry"
            yield Problem(path, 1, what, "one entry a method's paper", "add the entry")
            continue
        if isinstance(paper, Survey):
            path = root / "surveys" / f"{slug}.yaml"
        if not any(m.slug == info.slug and m.relation != "analyses" for m in paper.methods):
            what = f"the method {info.slug} is read from this paper, which does not name it"
            allowed = f"methods: slug {info.slug}, relation introduces or uses"
            yield Problem(path, 1, what, allowed, "add the link")
        if paper.facts_only:
            what = f"the method {info.slug} is read from this paper, which has no gist"
            yield Problem(path, 1, what, "two or three sentences in our own words", "write a gist")


def check_experiments(
    root: Path, papers: Mapping[str, Paper], experiments: tuple[Experiment, ...]
) -> Iterator[Problem]:
    """The claim that an experiment tests names the experiment back."""
    for experiment in experiments:
        paper = papers.get(experiment.paper)
        if paper is None:
            continue  # reported with the method, which is read from the same paper
        claim = next((c for c in paper.claims if c.id == experiment.claim), None)
        if claim is None or claim.experiment != experiment.slug:
            path = root / "papers" / f"{ArxivId(paper.id).slug}.yaml"
            what = f"the experiment {experiment.slug} tests the claim {experiment.claim} here"
            allowed = f"a claim {experiment.claim} with experiment: {experiment.slug}"
            yield Problem(path, 1, what, allowed, "correct the claim or the experiment")


def check_papers_together(
    papers: Entries, unreadable: set[str], places: Places
) -> Iterator[Problem]:
    """Titles once each; related and superseding papers are in the catalog.

    A link to a file that cannot be read is none of this file's faults.
    """
    titles: dict[str, Path] = {}
    for path, paper in papers.values():
        plain = re.sub(r"\W+", " ", paper.title.casefold()).strip()
        if plain in titles:
            what = f"{titles[plain].name} has the same title"
            line = places.line(path, "title")
            yield Problem(path, line, what, "each paper once", "remove or correct one")
        titles.setdefault(plain, path)
        for index, other in enumerate(paper.related):
            line = places.line(path, "related", index)
            if other == paper.id:
                yield Problem(path, line, "related to itself", "other papers", "remove it")
            elif not _has_file(other, papers, unreadable):
                what = f"the related paper {other} has no entry"
                yield Problem(path, line, what, "papers of the catalog", "add it or remove it")
        for other in repeated(paper.related):
            line = places.line(path, "related")
            yield Problem(path, line, f"{other} stands twice", "each once", "remove one")
        newer = paper.superseded_by
        if newer is not None and not _has_file(newer, papers, unreadable):
            line = places.line(path, "superseded_by")
            what = f"superseded_by names {newer}, which has no entry"
            yield Problem(path, line, what, "papers of the catalog", "add the entry")


def check_survey(
    path: Path,
    survey: Survey,
    taxonomy: Taxonomy | None,
    methods: tuple[MethodInfo, ...],
    places: Places,
) -> Iterator[Problem]:
    """Sections once under a heading, papers and leaves once in a section, our methods by their
    slug, leaves that the taxonomy has."""
    by_name = {info.name.casefold(): info.slug for info in methods}
    for place, sections in _levels(survey.outline, ("outline",)):
        for title in repeated(section.title for section in sections):
            what = f"two sections are called {title!r} under one heading"
            yield Problem(path, places.line(path, *place), what, "each once", "rename one")
        for index, section in enumerate(sections):
            here = (*place, index)
            for kind, values in (("papers", section.papers), ("leaves", section.leaves)):
                for value in repeated(values):
                    line = places.line(path, *here, kind)
                    yield Problem(path, line, f"{value} stands twice", "each once", "remove one")
            yield from _section_leaves(path, section, here, taxonomy, places)
            for number, name in enumerate(section.methods):
                slug = by_name.get(name.casefold())
                if slug is not None and slug != name:
                    line = places.line(path, *here, "methods", number)
                    what = f"{name!r} is a method of ours"
                    yield Problem(path, line, what, "its slug", f"write {slug}")


def _section_leaves(
    path: Path, section: Section, here: tuple[Step, ...], taxonomy: Taxonomy | None, places: Places
) -> Iterator[Problem]:
    if taxonomy is None:
        return  # its own fault is reported
    former = aliases(taxonomy)
    for number, slug in enumerate(section.leaves):
        if taxonomy.leaf(slug) is None:
            line = places.line(path, *here, "leaves", number)
            newer = former.get(slug)
            what = f"{slug!r} is {'an older name' if newer else 'no leaf of the taxonomy'}"
            near = ", ".join(nearest_leaves(taxonomy, slug))
            fix = f"write {newer!r}" if newer else f"nearest: {near}"
            yield Problem(path, line, what, "registry list leaves", fix)


def check_evidence(
    path: Path,
    evidence: Evidence,
    papers: Mapping[str, Paper],
    unreadable: set[str],
    methods: tuple[MethodInfo, ...],
    places: Places,
) -> Iterator[Problem]:
    """Method, paper and claim exist and belong together; the claim names an experiment.

    Evidence with an experiment of its own may be of a claim that another paper makes.
    """
    slugs = [info.slug for info in methods]
    if evidence.method not in slugs:
        what = f"no method is registered as {evidence.method!r}"
        yield Problem(path, places.line(path, "method"), what, ", ".join(slugs), "correct it")
    paper = papers.get(evidence.paper)
    if paper is None and _has_file(evidence.paper, papers, unreadable):
        return
    if paper is None:
        what = f"the paper {evidence.paper} has no entry"
        yield Problem(
            path, places.line(path, "paper"), what, "papers of the catalog", "add the entry"
        )
        return
    line = places.line(path, "claim")
    claim = next((c for c in paper.claims if c.id == evidence.claim), None)
    if claim is None:
        known = ", ".join(c.id for c in paper.claims) or "it has none"
        what = f"{evidence.paper} has no claim {evidence.claim!r}"
        yield Problem(path, line, what, known, "correct it")
    elif claim.experiment is None:
        what = f"the claim {evidence.claim} of {evidence.paper} names no experiment"
        yield Problem(path, line, what, "a claim with an experiment", "add it to the claim")
    named = any(link.slug == evidence.method for link in paper.methods)
    if not named and evidence.experiment is None:
        what = f"{evidence.paper} does not name the method {evidence.method}"
        yield Problem(path, places.line(path, "method"), what, "a method of the paper", "link it")


def _has_file(id_: str, papers: Mapping[str, object], unreadable: set[str]) -> bool:
    return id_ in papers or ArxivId(id_).slug in unreadable


def _levels(
    sections: tuple[Section, ...], place: tuple[Step, ...]
) -> Iterator[tuple[tuple[Step, ...], tuple[Section, ...]]]:
    if sections:
        yield place, sections
    for index, section in enumerate(sections):
        yield from _levels(section.sections, (*place, index, "sections"))

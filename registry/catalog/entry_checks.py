"""What must hold within one paper's file, given the taxonomy and the register of methods."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from methods.experiments.protocol import Experiment
from methods.index import MethodInfo
from registry.catalog.models import Paper, Taxonomy
from registry.catalog.places import Places
from registry.catalog.problems import Problem
from registry.catalog.reader import Step
from registry.catalog.taxonomy import aliases, nearest_leaves
from registry.core.clock import now
from registry.core.ids import ArxivId

_UNSEEN: Final = ("Cc", "Cf", "Zl", "Zp")  # control, format (bidi, zero width), line separators
_DOI: Final = re.compile(r"10\.[0-9]{4,9}/\S+")
_DAYS_AFTER: Final = 45  # how far a submission may lie after the month of its id
_DAYS_BEFORE: Final = 400  # and before it: moderation can take months


def check_paper(
    path: Path,
    paper: Paper,
    taxonomy: Taxonomy | None,
    methods: tuple[MethodInfo, ...],
    experiments: tuple[Experiment, ...],
    places: Places,
) -> list[Problem]:
    """Leaves, facets, dates, status, methods, claims; the model has seen to the types."""
    problems = [*_dates(path, paper, places), *_status(path, paper, places)]
    problems += _texts(path, paper, places)
    problems += _looked_up(path, paper, places)
    if taxonomy is not None:
        problems += _leaves(path, paper, taxonomy, places)
        problems += _facets(path, paper, taxonomy, places)
    problems += _methods(path, paper, methods, places)
    problems += _claims(path, paper, experiments, places)
    problems += _unmeasured(path, paper, experiments, places)
    problems += _discrepancies(path, paper, places)
    return problems


def repeated(values: Iterable[str]) -> list[str]:
    """The values that stand twice or more, once each."""
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for value in values:
        if value in seen:
            twice[value] = None
        seen.add(value)
    return list(twice)


def _leaves(path: Path, paper: Paper, taxonomy: Taxonomy, places: Places) -> Iterator[Problem]:
    former = aliases(taxonomy)
    for index, slug in enumerate(paper.leaves):
        where = ("leaf",) if index == 0 else ("secondary", index - 1)
        if taxonomy.leaf(slug) is None:
            line = places.line(path, *where)
            if slug in former:
                what, fix = f"{slug!r} is an older name", f"write {former[slug]!r}"
                yield Problem(path, line, what, "registry list leaves", fix)
            else:
                near = ", ".join(nearest_leaves(taxonomy, slug))
                what = f"{slug!r} is no leaf of the taxonomy"
                yield Problem(path, line, what, "registry list leaves", f"nearest: {near}")
    for slug in repeated(paper.leaves):
        line = places.line(path, "secondary")
        yield Problem(path, line, f"the leaf {slug!r} stands twice", "each once", "remove one")
    for slug in paper.leaf_sources:
        if slug not in paper.leaves:
            line = places.line(path, "leaf_sources", slug)
            what = f"leaf_sources names {slug!r}, which is no leaf of this paper"
            yield Problem(path, line, what, ", ".join(paper.leaves), "correct or remove it")


def _facets(path: Path, paper: Paper, taxonomy: Taxonomy, places: Places) -> Iterator[Problem]:
    for name, values in paper.facets.items():
        line = places.line(path, "facets", name)
        if name not in taxonomy.facets:
            known = ", ".join(taxonomy.facets)
            yield Problem(path, line, f"unknown facet {name!r}", known, "choose one of these")
            continue
        allowed = taxonomy.facets[name]
        for index, value in enumerate(values):
            if value not in allowed:
                line = places.line(path, "facets", name, index)
                what = f"{value!r} is no value of the facet {name}"
                yield Problem(path, line, what, ", ".join(allowed), "choose one of these")


def _dates(path: Path, paper: Paper, places: Places) -> Iterator[Problem]:
    first = paper.submitted
    if paper.updated is not None and first is not None and paper.updated < first:
        line = places.line(path, "updated")
        what = f"updated ({paper.updated}) is before submitted ({first})"
        yield Problem(path, line, what, "a later day", "correct one of them")
    latest = now().date() + timedelta(days=1)  # somewhere it is tomorrow already
    dates = ("submitted", paper.submitted), ("announced", paper.announced)
    for name, day in (*dates, ("updated", paper.updated)):
        if day is not None and day > latest:
            line = places.line(path, name)
            what = f"{name} ({day}) lies in the future"
            yield Problem(path, line, what, f"a day up to {latest}", "correct the date")
    yield from _submission_month(path, paper, places)


def _submission_month(path: Path, paper: Paper, places: Places) -> Iterator[Problem]:
    # The id names the month of announcement; the papers near its edges differ, none by far.
    start = ArxivId(paper.id).month
    end = (start + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    first, last = start - timedelta(days=_DAYS_BEFORE), end + timedelta(days=_DAYS_AFTER)
    for name, day in (("submitted", paper.submitted), ("announced", paper.announced)):
        if day is None or first <= day <= last:
            continue
        line = places.line(path, name)
        relation = "before" if day < first else "after"
        what = f"{name} ({day}) is long {relation} the month of the id {paper.id}"
        allowed = f"the day of version 1, from {first} to {last}"
        yield Problem(path, line, what, allowed, "correct the date or the id")


def _texts(path: Path, paper: Paper, places: Places) -> Iterator[Problem]:
    texts: list[tuple[tuple[Step, ...], str]] = [(("title",), paper.title)]
    texts += [(("gist",), paper.gist)] if paper.gist is not None else []
    for name, values in (("former_titles", paper.former_titles), ("authors", paper.authors)):
        texts += [((name, index), value) for index, value in enumerate(values)]
    for place, text in texts:
        hidden = next((c for c in text if unicodedata.category(c) in _UNSEEN), None)
        if hidden is not None:
            name = unicodedata.name(hidden, "a control character")
            what = f"{place[0]} holds U+{ord(hidden):04X} ({name}), which nobody sees"
            line = places.line(path, *place)
            yield Problem(path, line, what, "characters that show", "remove the character")
    if paper.doi is not None and _DOI.fullmatch(paper.doi) is None:
        what = f"doi is {paper.doi!r}"
        allowed = "10., four to nine digits, a slash and the rest, such as 10.18653/v1/2025.acl-1"
        yield Problem(path, places.line(path, "doi"), what, allowed, "write the bare DOI")


def _looked_up(path: Path, paper: Paper, places: Places) -> Iterator[Problem]:
    # Who read the claims or the method has seen the paper's page, which has these.
    if not paper.claims and all(link.relation != "introduces" for link in paper.methods):
        return
    for name, there in (
        ("authors", bool(paper.authors)),
        ("submitted", (paper.submitted or paper.announced) is not None),
    ):
        if not there:
            what = f"an entry with claims or a method has no {name}"
            line = places.line(path, "claims")
            yield Problem(path, line, what, "unknown only without either", f"add {name}")


def _status(path: Path, paper: Paper, places: Places) -> Iterator[Problem]:
    line = places.line(path, "status")
    if (paper.status == "superseded") != (paper.superseded_by is not None):
        what = f"status is {paper.status!r} and superseded_by is {paper.superseded_by!r}"
        yield Problem(path, line, what, "both or neither", "add or remove superseded_by")
    if paper.status == "withdrawn" and paper.status_note is None:
        yield Problem(
            path, line, "a withdrawn paper without status_note", "why it was", "add status_note"
        )


def _methods(
    path: Path, paper: Paper, methods: tuple[MethodInfo, ...], places: Places
) -> Iterator[Problem]:
    registered = {info.slug: info for info in methods}
    for index, link in enumerate(paper.methods):
        line = places.line(path, "methods", index, "slug")
        info = registered.get(link.slug)
        if info is None:
            near = difflib.get_close_matches(link.slug, registered, n=1)
            fix = f"write {near[0]!r}" if near else "registry list methods"
            what = f"no method is registered as {link.slug!r}"
            yield Problem(path, line, what, ", ".join(registered), fix)
        elif link.relation == "introduces" and info.paper != paper.id:
            what = f"says it introduces {link.slug}, but that method is read from {info.paper}"
            yield Problem(path, line, what, "uses or analyses", "correct one of them")
    for slug in repeated(link.slug for link in paper.methods):
        line = places.line(path, "methods")
        yield Problem(path, line, f"the method {slug!r} stands twice", "each once", "remove one")


def _methods_of(experiment: Experiment) -> set[str]:
    return {experiment.method, *(arm.method for arm in experiment.arms if arm.method)}


def _claims(
    path: Path, paper: Paper, experiments: tuple[Experiment, ...], places: Places
) -> Iterator[Problem]:
    known = {experiment.slug: experiment for experiment in experiments}
    for id_ in repeated(claim.id for claim in paper.claims):
        line = places.line(path, "claims")
        yield Problem(path, line, f"two claims are called {id_!r}", "each once", "rename one")
    linked = {link.slug for link in paper.methods}
    for index, claim in enumerate(paper.claims):
        if claim.experiment is None:
            continue
        line = places.line(path, "claims", index, "experiment")
        experiment = known.get(claim.experiment)
        if experiment is None:
            what = f"no experiment is called {claim.experiment!r}"
            yield Problem(path, line, what, ", ".join(known), "write one of these or remove it")
        elif not linked & _methods_of(experiment):
            what = f"{claim.experiment} runs none of the methods of this paper"
            allowed = f"one of its arms: {', '.join(sorted(_methods_of(experiment)))}"
            yield Problem(path, line, what, allowed, "add it to methods")
        elif (experiment.paper, experiment.claim) != (paper.id, claim.id):
            what = (
                f"{claim.experiment} tests the claim {experiment.claim} of {experiment.paper}, "
                f"not {claim.id} of {paper.id}"
            )
            allowed = "the experiment that tests this claim, or none"
            yield Problem(path, line, what, allowed, "remove the experiment")


def _unmeasured(
    path: Path, paper: Paper, experiments: tuple[Experiment, ...], places: Places
) -> Iterator[Problem]:
    known = {experiment.slug: experiment for experiment in experiments}
    for index, claim in enumerate(paper.claims):
        if claim.experiment is not None and claim.untested is not None:
            line = places.line(path, "claims", index, "untested")
            what = f"{claim.id} is tested by {claim.experiment} and says why it is not tested"
            yield Problem(path, line, what, "experiment or untested", "remove one of them")
        line = places.line(path, "claims", index, "bearing")
        for slug in repeated(claim.bearing):
            yield Problem(path, line, f"{slug} stands twice", "each once", "remove one")
        for number, slug in enumerate(claim.bearing):
            line = places.line(path, "claims", index, "bearing", number)
            experiment = known.get(slug)
            if experiment is None:
                what = f"no experiment is called {slug!r}"
                yield Problem(path, line, what, ", ".join(known), "write one of these or remove it")
            elif experiment.paper == paper.id:
                what = f"{slug} tests the claim {experiment.claim} of this paper"
                allowed = "experiments on claims of other papers"
                yield Problem(path, line, what, allowed, "remove it from bearing")


def _discrepancies(path: Path, paper: Paper, places: Places) -> Iterator[Problem]:
    for id_ in repeated(one.id for one in paper.discrepancies):
        line = places.line(path, "discrepancies")
        what = f"two discrepancies are called {id_!r}"
        yield Problem(path, line, what, "each once", "rename one")
    known = [claim.id for claim in paper.claims]
    for index, one in enumerate(paper.discrepancies):
        for number, id_ in enumerate(one.claims):
            if id_ not in known:
                line = places.line(path, "discrepancies", index, "claims", number)
                what = f"{one.id} bears on the claim {id_!r}, which this paper does not have"
                allowed = ", ".join(known) or "none: it has no claims"
                yield Problem(path, line, what, allowed, "correct or remove it")

"""Where an entry lags behind what arXiv says; the store must have seen it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from registry.catalog.models import Paper
from registry.catalog.titles import folded
from registry.doctor.finding import Change, Finding, Patient, register
from registry.doctor.upstream import Upstream


@register("retitled")
def retitled(patient: Patient) -> Iterator[Finding]:
    """Titles that changed upstream; the one we had stays as a former title."""
    for id_, known in patient.upstream.items():
        entry = patient.entries[id_]
        old, new = entry.paper.title, known.title
        if folded(old) != folded(new):
            what = f"arXiv calls version {known.version} {new!r}"
            fix = f"take that title and keep {old!r} as a former one"
            yield Finding("retitled", entry.path, what, fix, _retitle(known))


@register("facts")
def facts(patient: Patient) -> Iterator[Finding]:
    """Authors, dates, categories and a DOI that nobody had looked up and the store knows."""
    for id_, known in patient.upstream.items():
        entry = patient.entries[id_]
        lacking = {
            name: value
            for name in ("authors", "submitted", "categories", "doi")
            if not getattr(entry.paper, name) and (value := getattr(known, name))
        }
        if lacking:
            what = f"{', '.join(lacking)} not looked up, and the store knows"
            yield Finding("facts", entry.path, what, "fill in", _fill(lacking))


@register("updated")
def updated(patient: Patient) -> Iterator[Finding]:
    """Newer versions than the entry says."""
    for id_, known in patient.upstream.items():
        entry = patient.entries[id_]
        said = entry.paper.updated
        if known.version > 1 and (said is None or said < known.updated):
            what = f"version {known.version} came on {known.updated}, updated is {said or 'absent'}"
            fix = f"set updated to {known.updated}"
            yield Finding("updated", entry.path, what, fix, _fill({"updated": known.updated}))


@register("withdrawn")
def withdrawn(patient: Patient) -> Iterator[Finding]:
    """Papers withdrawn upstream that the catalog calls active, and the other way round."""
    for id_, known in patient.upstream.items():
        entry = patient.entries[id_]
        if known.withdrawn and entry.paper.status == "active":
            what = f"version {known.version} is withdrawn on arXiv"
            note = f"Withdrawn on arXiv in version {known.version}."
            change = _fill({"status": "withdrawn", "status_note": note})
            yield Finding("withdrawn", entry.path, what, "set status withdrawn", change)
        elif not known.withdrawn and entry.paper.status == "withdrawn":
            what = f"version {known.version} on arXiv is not withdrawn"
            fix = "read why it was, then set status active"
            yield Finding("withdrawn", entry.path, what, fix)


def _retitle(known: Upstream) -> Change:
    def change(paper: Paper) -> Paper:
        earlier = (*paper.former_titles, *known.former_titles, paper.title)
        once = {folded(title): title for title in reversed(earlier)}
        once.pop(folded(known.title), None)
        former = tuple(t for t in dict.fromkeys(earlier) if t in once.values())
        return paper.model_copy(update={"title": known.title, "former_titles": former})

    return change


def _fill(values: dict[str, Any]) -> Change:
    def change(paper: Paper) -> Paper:
        # The day of submission says more than that of announcement, which then goes.
        settled = {"announced": None} if "submitted" in values else {}
        return paper.model_copy(update=values | settled)

    return change

"""Every page of the site, from one snapshot."""

from __future__ import annotations

from collections.abc import Iterator

from registry.publish.benchmark_page import benchmark_page
from registry.publish.home_page import home_page
from registry.publish.markup import Page
from registry.publish.method_index import methods_page
from registry.publish.method_pages import method_page
from registry.publish.paper_pages import paper_page
from registry.publish.paper_table import papers_page
from registry.publish.related import related_papers
from registry.publish.run_pages import run_page, runs_page
from registry.publish.snapshot import Snapshot
from registry.publish.survey_pages import survey_page, surveys_page
from registry.publish.taxonomy_page import taxonomy_page
from registry.publish.triage_page import triage_page


def all_pages(snapshot: Snapshot) -> Iterator[Page]:
    """The pages in no order that matters; each has a folder of its own."""
    yield home_page(snapshot)
    yield papers_page(snapshot)
    near = related_papers(snapshot.papers, snapshot.leaves, snapshot.abstracts)
    for paper in snapshot.papers:
        yield paper_page(snapshot, paper, near[paper.id])
    yield methods_page(snapshot)
    for method in snapshot.methods:
        yield method_page(snapshot, method)
    yield surveys_page(snapshot)
    for survey in snapshot.catalog.surveys.values():
        yield survey_page(snapshot, survey)
    yield taxonomy_page(snapshot)
    yield runs_page(snapshot)
    for run in snapshot.runs:
        yield run_page(snapshot, run)
    if speed := benchmark_page(snapshot):
        yield speed
    if triage := triage_page(snapshot.triage):
        yield triage

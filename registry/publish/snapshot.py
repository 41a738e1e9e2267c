"""Everything the pages are made of, read once and then frozen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from methods.index import METHODS, MethodInfo, MethodSource, read_source
from methods.register.facts import PeerCheck
from methods.register.peers import checks_of
from registry.catalog.files import Catalog, load_catalog
from registry.catalog.models import Evidence, Leaf, Paper
from registry.catalog.tracking import Newer, Tracked, track
from registry.core.ids import ArxivId
from registry.core.settings import Settings
from registry.publish.benchmarks import Benchmarks, read_benchmarks
from registry.publish.triage_results import TriageRecord, read_triage
from registry.runs.options import OptionFacts, options_of
from registry.runs.records import Metrics, RunRecord, list_runs, read_metrics, read_samples
from registry.triage.newcomers import newcomers

MOST_RUNS = 200
"""The newest runs that get a page; a folder of thousands would otherwise make the site of them."""
_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")


@dataclass(frozen=True)
class MethodFacts:
    """A method of the register with what its file says, and how other libraries compare."""

    info: MethodInfo
    source: MethodSource
    options: tuple[OptionFacts, ...]
    peers: tuple[PeerCheck, ...] = ()

    @property
    def path(self) -> str:
        """The file, from the repository's root."""
        return self.info.module.replace(".", "/") + ".py"

    @property
    def models(self) -> tuple[str, ...]:
        """The built-in models that have defaults of their own."""
        return tuple(dict.fromkeys(model for row in self.options for model in row.presets))


@dataclass(frozen=True)
class RunFacts:
    """A run folder: its record, its steps, its samples."""

    record: RunRecord
    metrics: Metrics = field(default_factory=lambda: Metrics(()))
    samples: tuple[Mapping[str, Any], ...] = ()

    @property
    def folder(self) -> str:
        """The folder of its page."""
        return f"runs/{self.record.folder.name}"


@dataclass(frozen=True)
class Snapshot:
    """What the site is a function of. Two equal snapshots give the same bytes."""

    catalog: Catalog
    methods: tuple[MethodFacts, ...] = ()
    runs: tuple[RunFacts, ...] = ()  # the newest first
    runs_left_out: int = 0
    abstracts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    benchmarks: Benchmarks = field(default_factory=Benchmarks)
    candidates: tuple[Newer, ...] = ()  # on the topics of surveys, the newest first
    triage: TriageRecord | None = None

    @cached_property
    def papers(self) -> tuple[Paper, ...]:
        """Every entry, the newest first."""
        return tuple(
            sorted(self.catalog.papers.values(), key=lambda p: (p.since, p.id), reverse=True)
        )

    @cached_property
    def leaves(self) -> Mapping[str, Leaf]:
        """The taxonomy's leaves by slug."""
        return {leaf.slug: leaf for group in self.catalog.taxonomy.groups for leaf in group.leaves}

    @cached_property
    def known_titles(self) -> Mapping[str, str]:
        """Titles of papers that have no entry but show what a leaf means."""
        return {one.id: one.title for leaf in self.leaves.values() for one in leaf.canonical}

    def method(self, slug: str) -> MethodFacts | None:
        """The method ``slug``, or None."""
        return next((m for m in self.methods if m.info.slug == slug), None)

    def runs_of(self, slug: str) -> tuple[RunFacts, ...]:
        """The runs of a method, the newest first."""
        return tuple(run for run in self.runs if run.record.method == slug)

    def evidence_of(
        self, *, method: str | None = None, paper: str | None = None, claim: str | None = None
    ) -> tuple[Evidence, ...]:
        """The evidence that matches, the larger model first."""
        found = self.catalog.evidence_of(method=method, paper=paper, claim=claim)
        return tuple(sorted(found, key=lambda e: (e.method, e.claim, e.scale != "smollm2")))

    @cached_property
    def tracked(self) -> Mapping[str, Tracked]:
        """Each survey held against all this, by its id."""
        methods = [method.info for method in self.methods]
        return {
            id_: track(survey, self.catalog.papers, methods, self.candidates)
            for id_, survey in self.catalog.surveys.items()
        }

    @cached_property
    def newest_date(self) -> date:
        """The date of the newest fact; the site's clock, so that a build has no other."""
        days = [p.updated or p.since for p in self.papers]
        days += [e.date for e in self.catalog.evidence]
        days += [run.record.started.date() for run in self.runs if run.record.started]
        days += self.benchmarks.days
        days += [self.triage.day] if self.triage else []
        return max(days, default=date(2025, 1, 1))


def paper_folder(id_: str) -> str:
    """The folder of a paper's page, a survey's too."""
    return f"papers/{ArxivId(id_).slug}"


def method_folder(slug: str) -> str:
    """The folder of a method's page."""
    return f"methods/{slug}"


def survey_folder(id_: str) -> str:
    """The folder of a survey's outline."""
    return f"surveys/{ArxivId(id_).slug}"


def load_snapshot(settings: Settings) -> Snapshot:
    """The catalog, the methods' files, runs, benchmarks and, with a store, cached abstracts."""
    catalog = load_catalog(settings.catalog_dir)
    runs = [run for run in list_runs(settings.runs_dir) if _RUN_NAME.fullmatch(run.folder.name)]
    return Snapshot(
        catalog=catalog,
        methods=tuple(_read_method(info) for info in METHODS),
        runs=tuple(_read_run(record) for record in runs[:MOST_RUNS]),
        runs_left_out=max(0, len(runs) - MOST_RUNS),
        abstracts=MappingProxyType(_abstracts(settings, list(catalog.papers))),
        benchmarks=read_benchmarks(settings.checkout),
        candidates=_candidates(settings, catalog),
        triage=read_triage(settings.checkout),
    )


def _read_method(info: MethodInfo) -> MethodFacts:
    return MethodFacts(info, read_source(info), options_of(info).options, checks_of(info.slug))


def _read_run(record: RunRecord) -> RunFacts:
    samples = read_samples(record.folder).rows
    return RunFacts(record, read_metrics(record.folder), tuple(samples))


def _candidates(settings: Settings, catalog: Catalog) -> tuple[Newer, ...]:
    if not catalog.surveys:
        return ()
    after = min(survey.since for survey in catalog.surveys.values())
    return newcomers(settings, catalog.taxonomy, after)


def _abstracts(settings: Settings, ids: list[str]) -> dict[str, str]:
    # A site can be made before anything was ingested; making it must not make a database.
    name = settings.database_url.removeprefix("sqlite:///")
    if name != settings.database_url and not Path(name).is_file():
        return {}
    from registry.store import queries
    from registry.store.engine import open_store

    with open_store(settings) as store:
        return queries.abstracts(store, ids)

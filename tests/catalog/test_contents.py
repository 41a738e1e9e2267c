"""The committed catalog itself: forms, links, and titles against a large public index."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from registry.catalog import files
from registry.catalog.checks import check_catalog
from registry.catalog.files import Catalog, dump_entry, load_catalog, outline_papers
from registry.catalog.taxonomy import canonical_titles
from registry.catalog.titles import folded, read_titles

ROOT = Path(__file__).parents[2]
CATALOG = ROOT / "catalog"
INDEX = ROOT.parent / "shared" / "data" / "arxiv" / "id_title_index.tsv.gz"
SOURCES = (
    "2502.21321", "2503.06072", "2502.11767", "2402.01364", "2303.18223",
    "2502.08924", "2410.11711", "2402.17400", "2312.15918",
)  # fmt: skip


@functools.cache
def catalog() -> Catalog:
    """The committed catalog, read once for all tests of this file."""
    return load_catalog(CATALOG)


def test_the_catalog_has_no_problem() -> None:
    assert [str(problem) for problem in check_catalog(CATALOG)] == []


def test_writing_back_the_taxonomy_changes_no_byte() -> None:
    taxonomy = files.load_taxonomy(CATALOG)
    assert dump_entry(taxonomy).encode() == (CATALOG / "taxonomy.yaml").read_bytes()


def test_writing_back_evidence_changes_no_byte() -> None:
    for path in files.evidence_paths(CATALOG):
        assert dump_entry(files.load_evidence(path)).encode() == path.read_bytes()


def test_the_source_papers_are_there_and_the_surveys_have_outlines() -> None:
    assert set(SOURCES) <= set(catalog().papers)
    assert set(SOURCES[:5]) == set(catalog().surveys)
    assert all(len(survey.outline) > 2 for survey in catalog().surveys.values())


def test_every_paper_of_a_method_claims_something() -> None:
    without = [id_ for id_, p in catalog().papers.items() if p.methods and not p.claims]
    assert set(without) <= set(catalog().surveys)


@pytest.mark.parametrize("id_", SOURCES)
def test_a_source_paper_says_what_is_known_not_to_agree(id_: str) -> None:
    assert catalog().papers[id_].discrepancies


@pytest.mark.parametrize("id_", SOURCES)
def test_a_source_paper_says_of_each_claim_what_tests_it_or_why_nothing_does(id_: str) -> None:
    claims = catalog().papers[id_].claims
    assert claims
    assert [c.id for c in claims if c.experiment is None and c.untested is None] == []


def test_the_taxonomy_has_its_groups_leaves_and_canonical_papers() -> None:
    taxonomy = files.load_taxonomy(CATALOG)
    assert len(taxonomy.groups) == 16
    assert len(taxonomy.leaf_slugs) == 90
    assert len(canonical_titles(taxonomy)) == 360


def test_titles_and_outline_identifiers_stand_in_the_public_index() -> None:
    if not INDEX.is_file():
        pytest.skip("the public index of identifiers and titles is not beside the repository")
    titles = read_titles(INDEX)
    canonical = canonical_titles(catalog().taxonomy)
    unsure = []
    for paper in catalog().papers.values():
        ours = {folded(title) for title in (paper.title, *paper.former_titles)}
        if ours.isdisjoint(map(folded, titles.get(paper.id, ours))) or (
            paper.facts_only and paper.id not in titles and paper.id not in canonical
        ):
            unsure.append(paper.id)
    assert unsure == []
    known = titles.keys() | canonical.keys()
    for survey in catalog().surveys.values():
        assert [id_ for id_ in outline_papers(survey) if id_ not in known] == []


def test_most_papers_come_from_public_lists_and_say_from_which() -> None:
    bare = [paper for paper in catalog().papers.values() if paper.facts_only]
    assert len(catalog().papers) >= 1500
    assert [paper.id for paper in bare if paper.leaf not in paper.leaf_sources] == []

"""What entries say of each other: methods, experiments and the claims these bear on."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.catalog.checks import check_catalog
from registry.catalog.files import save_entry
from tests.catalog.fabricated import method, paper, survey
from tests.catalog.test_checks import (
    CLAIM,
    DIG,
    DISCREPANCY,
    EXPERIMENT,
    METHODS,
    OTHER,
    PAPER,
    good,
    whats,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return good(tmp_path / "catalog")


def test_a_claim_may_name_what_bears_on_it_and_a_discrepancy_the_claims_it_bears_on(
    root: Path,
) -> None:
    save_entry(root, paper(**PAPER, discrepancies=[DISCREPANCY]))
    elsewhere = OTHER | {"untested": "No spade.", "bearing": ["dig-deep"]}
    save_entry(root, paper("2401.00002", claims=[elsewhere]))
    assert check_catalog(root, METHODS, (EXPERIMENT,)) == []


def test_a_claim_that_loses_its_experiment_is_missed_from_both_sides(root: Path) -> None:
    claim = {key: value for key, value in CLAIM.items() if key != "experiment"}
    save_entry(root, paper(methods=[DIG], claims=[claim]))
    assert sorted(whats(root)) == [
        "the claim c1 of 2401.00001 names no experiment",
        "the experiment dig-deep tests the claim c1 here",
    ]


def test_a_method_whose_paper_is_absent_is_reported_at_the_file_to_be_written(root: Path) -> None:
    problems = check_catalog(root, (method(), method("fly", "hep-th/9901001")), (EXPERIMENT,))
    assert [(p.path.name, p.what) for p in problems] == [
        ("hep-th_9901001.yaml", "the method fly is read from hep-th/9901001, which has no entry")
    ]


@pytest.mark.parametrize("links", [[], [{"slug": "dig", "relation": "analyses"}]])
def test_a_paper_names_its_method_back(root: Path, links: list[dict[str, str]]) -> None:
    save_entry(root, paper(claims=[CLAIM], methods=links))
    assert "the method dig is read from this paper, which does not name it" in whats(root)


def test_a_method_may_be_read_from_a_survey(root: Path) -> None:
    save_entry(root, survey(methods=[{"slug": "fly", "relation": "uses"}]))
    assert check_catalog(root, (method(), method("fly", "2402.00001")), (EXPERIMENT,)) == []


def test_a_section_s_leaves_are_the_taxonomy_s_and_stand_once(root: Path) -> None:
    outline = [
        {"title": "1 First", "leaves": ["fruit/apples", "fruit/apples", "fruit/pommes"]},
        {"title": "2 Second", "sections": [{"title": "2.1 Inner", "leaves": ["fruit/plums"]}]},
    ]
    save_entry(root, survey(outline=outline))
    assert sorted(whats(root)) == [
        "'fruit/plums' is no leaf of the taxonomy",
        "'fruit/pommes' is an older name",
        "fruit/apples stands twice",
    ]

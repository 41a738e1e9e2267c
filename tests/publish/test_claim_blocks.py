"""A paper's claims with what was found of each, and its known discrepancies."""

from __future__ import annotations

import dataclasses
from typing import Any

import html5lib
import pytest

from registry.catalog.models import Claim, Evidence, Paper, Survey
from registry.publish.labels import BETWEEN
from registry.publish.markup import Page
from registry.publish.paper_pages import paper_page
from registry.publish.snapshot import Snapshot
from registry.publish.survey_pages import survey_page
from tests.publish import fabricated
from tests.publish.fabricated import FIRST, SECOND, SURVEY
from tests.publish.words import said


def with_paper(snapshot: Snapshot, paper: Paper, *more: Evidence) -> Snapshot:
    catalog = dataclasses.replace(
        snapshot.catalog,
        papers={**snapshot.catalog.papers, paper.id: paper},
        evidence=(*snapshot.catalog.evidence, *more),
    )
    return dataclasses.replace(snapshot, catalog=catalog)


def page_of(snapshot: Snapshot, id_: str = FIRST) -> Page:
    return paper_page(snapshot, snapshot.catalog.papers[id_], [])


def card(snapshot: Snapshot, anchor: str) -> str:
    """The words of the part of the first paper's page that has ``anchor``."""
    tree = html5lib.parseFragment("\n".join(page_of(snapshot).blocks))
    found = next(e for e in tree.iter() if e.attrib.get("id") == anchor)
    return " ".join(" ".join(found.itertext()).split())


def untested(**changes: Any) -> Paper:
    claim = Claim(id="c1", text="It floats.", where="Table 9", kind="result", **changes)
    return fabricated.paper(claims=(claim,), discrepancies=())


def test_a_measured_claim_has_its_verdict_its_intervals_and_what_they_cost(
    snapshot: Snapshot,
) -> None:
    words = card(snapshot, "claim-c1")
    for fact in (
        "Boats like calm.",
        "result",
        "Section 2, Table 1",
        "reproduced",
        "DPO above random pairs +0.11 [0.08, 0.14] yes",
        "The tiny model, 3 seeds, 3 runs of 3 min 06 s in all on 2 cores of a made-up CPU, "
        "2026-01-02",
    ):
        assert fact in words, fact
    page = "".join(page_of(snapshot).blocks)
    assert "methods/dpo/index.html#evidence-c1-tiny" in page
    assert "Not tested" not in words


def test_a_claim_that_several_methods_were_measured_by_names_each(snapshot: Snapshot) -> None:
    assert " by " not in card(snapshot, "claim-c1").partition("95 %")[0]
    other = fabricated.evidence(method="sft", experiment="calm-sft")
    words = card(with_paper(snapshot, fabricated.paper(), other), "claim-c1")
    assert "reproduced by Direct Preference Optimization" in words
    assert "reproduced by Supervised fine-tuning" in words


def test_an_untested_claim_says_why_and_names_the_version_that_was_read(
    snapshot: Snapshot,
) -> None:
    words = card(snapshot, "claim-c2")
    assert "Eq. 3 (arXiv v2)" in words
    assert "Not tested. No storm fits into a bathtub." in words
    assert "Read with it: d1 (figures do not agree)" in words


def test_a_claim_without_a_reason_is_said_to_have_no_experiment(snapshot: Snapshot) -> None:
    words = card(with_paper(snapshot, untested()), "claim-c1")
    assert "reproduced" in words, "the evidence of the claim still counts"
    bare = dataclasses.replace(snapshot, catalog=dataclasses.replace(snapshot.catalog, evidence=()))
    words = card(with_paper(bare, untested()), "claim-c1")
    assert "Not tested. No experiment of ours tests it yet." in words


def test_a_claim_whose_experiment_waits_gives_the_command(snapshot: Snapshot) -> None:
    bare = dataclasses.replace(snapshot, catalog=dataclasses.replace(snapshot.catalog, evidence=()))
    words = card(with_paper(bare, untested(experiment="dpo-sentiment")), "claim-c1")
    assert "Not measured yet. The experiment dpo-sentiment is written." in words
    assert "registry verify dpo --experiment dpo-sentiment --scale tiny" in words


def test_a_scale_that_can_tell_nothing_is_named_with_its_reason(snapshot: Snapshot) -> None:
    bare = dataclasses.replace(snapshot, catalog=dataclasses.replace(snapshot.catalog, evidence=()))
    words = card(with_paper(bare, untested(experiment="active-llm-annotator")), "claim-c1")
    assert "--scale smollm2" in words
    assert "The tiny model cannot tell: The tiny decoder knows nothing" in words


def test_an_experiment_on_another_papers_claim_shows_that_papers_figures(
    snapshot: Snapshot,
) -> None:
    assert "not measured yet" in card(snapshot, "claim-c2")
    other = fabricated.evidence(paper="2305.18290", verdict="sign only")
    words = card(with_paper(snapshot, fabricated.paper(), other), "claim-c2")
    assert "Measured elsewhere. No storm fits into a bathtub." in words
    assert "sign only tiny model" in words
    assert "DPO above random pairs +0.11 [0.08, 0.14] yes" in words
    assert "Measured on claims of other papers, and bearing on this one" in words


def test_the_claims_are_counted_by_what_was_found(snapshot: Snapshot) -> None:
    assert "2 claims, in our words: 1 measured, 1 not tested." in said(page_of(snapshot))


def test_a_discrepancy_says_what_where_from_what_and_what_is_done(snapshot: Snapshot) -> None:
    words = card(snapshot, "discrepancy-d1")
    for fact in (
        "figures do not agree",
        "One table counts 3 storms, the other 30.",
        "Where Tables 2 and 4",
        "Read in the tables",
        "Here Neither count is used.",
        "Bears on c2",
    ):
        assert fact in words, fact


def test_a_page_without_claims_or_discrepancies_has_no_such_part(snapshot: Snapshot) -> None:
    words = said(page_of(snapshot, SECOND))
    assert "Claims" not in words and "Known discrepancies" not in words


@pytest.mark.parametrize("page", [FIRST])
def test_every_link_inside_the_page_has_its_end(snapshot: Snapshot, page: str) -> None:
    tree = html5lib.parseFragment("\n".join(page_of(snapshot, page).blocks))
    anchors = {e.attrib["id"] for e in tree.iter() if "id" in e.attrib}
    inside = [e.attrib["href"] for e in tree.iter() if e.attrib.get("href", "").startswith("#")]
    assert inside and {href[1:] for href in inside} <= anchors


def test_every_kind_of_discrepancy_has_words() -> None:
    from typing import get_args

    from registry.catalog.models import Between

    assert set(BETWEEN) == set(get_args(Between))


def test_a_surveys_outline_leads_to_its_claims(snapshot: Snapshot) -> None:
    survey = snapshot.catalog.surveys[SURVEY]
    claims = (
        Claim(id="c1", text="Boats differ.", where="Abstract", kind="observation"),
        Claim(id="c2", text="Seas differ.", where="Abstract", kind="observation"),
    )
    page = survey_page(snapshot, Survey(**{**survey.model_dump(), "claims": claims}))
    assert "2 claims, 0 measured" in said(page)
    assert f"papers/{SURVEY}/index.html#claims" in "".join(page.blocks)

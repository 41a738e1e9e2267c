"""What is known of a claim: measured, measured elsewhere, or why not."""

from __future__ import annotations

from typing import Any

import pytest

from methods.experiments.protocol import Experiment, Scale
from registry.catalog.findings import Finding, cost, evidence_of, finding
from tests.catalog.fabricated import evidence, paper

CLAIM = {"id": "c1", "text": "It digs.", "where": "Table 1", "kind": "result"}


def experiment(slug: str = "dig-deep", **changes: Any) -> Experiment:
    facts: dict[str, Any] = {
        "slug": slug, "method": "dig", "paper": "2401.00001", "claim": "c1", "question": "?",
        "measures": (), "arms": (), "comparisons": (),
        "scales": (Scale("tiny", "tiny", 3, "A spade."), Scale("smollm2", "large", 1, "Two.")),
    }  # fmt: skip
    return Experiment(**{**facts, **changes})


def found(*held: Any, experiments: tuple[Experiment, ...] = (), **claim: Any) -> Finding:
    entry = paper(claims=[{**CLAIM, **claim}])
    return finding(entry, entry.claims[0], held, experiments)


def test_a_claim_with_figures_is_measured_and_needs_no_reason() -> None:
    one = found(evidence(), experiment="dig-deep", experiments=(experiment(),))
    assert (one.state, one.why, one.command) == ("measured", None, None)
    assert one.evidence == (evidence(),)


def test_evidence_of_another_claim_or_paper_is_not_this_claims() -> None:
    assert found(evidence(claim="c2"), evidence(paper="2401.00002")).evidence == ()


def test_the_larger_model_comes_first() -> None:
    one = found(evidence(), evidence(scale="smollm2"))
    assert [e.scale for e in one.evidence] == ["smollm2", "tiny"]


def test_a_claim_without_an_experiment_says_the_reason_or_that_none_tests_it_yet() -> None:
    assert (found().state, found().why) == ("not tested", "No experiment of ours tests it yet.")
    assert found(untested="No spade.").why == "No spade."
    assert found().command is None


def test_an_experiment_that_waits_gives_the_command_of_its_first_scale_that_can_tell() -> None:
    one = found(experiment="dig-deep", experiments=(experiment(),))
    assert one.state == "not measured yet"
    assert one.why == "The experiment dig-deep is written."
    assert one.command == "registry verify dig --experiment dig-deep --scale tiny"
    scales = (Scale("tiny", "tiny", 3, "A spade.", "too small"), Scale("smollm2", "l", 1, "Two."))
    other = found(experiment="dig-deep", experiments=(experiment(scales=scales),))
    assert other.command == "registry verify dig --experiment dig-deep --scale smollm2"
    assert [(s.name, s.untestable) for s in other.untestable] == [("tiny", "too small")]


@pytest.mark.parametrize("recorded", [False, True], ids=["nothing recorded", "its record kept"])
def test_where_no_scale_can_tell_the_claim_is_not_testable_here(recorded: bool) -> None:
    only = experiment(scales=(Scale("tiny", "tiny", 3, "A spade.", "too small"),))
    kept = [evidence(verdict="not testable at this scale", measured=[])] if recorded else []
    one = found(*kept, experiment="dig-deep", experiments=(only,))
    assert (one.state, one.command) == ("not testable here", None)
    assert one.why == "The experiment dig-deep says why."
    assert len(one.untestable) == (0 if recorded else 1), "the record has the reason itself"


def test_an_experiment_that_is_not_installed_is_named_without_a_command() -> None:
    one = found(experiment="dig-deep")
    assert (one.state, one.command, one.untestable) == ("not measured yet", None, ())


def test_only_figures_of_other_papers_that_bear_on_it_make_a_claim_measured_elsewhere() -> None:
    far = experiment("dig-far", paper="2401.00002", claim="c7")
    held = evidence(paper="2401.00002", claim="c7")
    assert found(bearing=["dig-far"], experiments=(far,)).state == "not tested"
    one = found(held, bearing=["dig-far"], experiments=(far,), untested="No spade.")
    assert (one.state, one.why) == ("measured elsewhere", "No spade.")
    assert [(b.experiment.slug, b.evidence) for b in one.bearing] == [("dig-far", (held,))]
    none = evidence(paper="2401.00002", claim="c7", verdict="not testable at this scale")
    assert found(none, bearing=["dig-far"], experiments=(far,)).state == "not tested"


def test_evidence_belongs_to_an_experiment_by_its_name_where_it_has_one() -> None:
    ours, another = evidence(experiment="dig-deep"), evidence(experiment="dig-wide")
    assert evidence_of(experiment(), (ours, another, evidence())) == (ours, evidence())


def test_the_cost_counts_each_run_once_and_idle_arms_not_at_all() -> None:
    first = evidence().measured[0]
    again = first.model_copy(update={"measure": "width"})
    idle = first.model_copy(update={"arm": "rest", "method": None, "seconds": (9.0, 9.0)})
    took = cost(evidence().model_copy(update={"measured": (first, again, idle)}))
    assert (took.seeds, took.runs, took.seconds) == (2, 2, 4.5)
    assert cost(evidence(measured=[])).runs == 0

from __future__ import annotations

from datetime import date

from registry.catalog.models import Section
from registry.catalog.tracking import Newer, Tracked, track
from tests.catalog.fabricated import method, paper, survey

PAPERS = {
    one.id: one
    for one in (
        paper("2401.00001", methods=[{"slug": "dig", "relation": "introduces"}]),
        paper("2403.00001", submitted="2024-03-01"),
        paper("2404.00001", submitted="2024-04-01", leaf="roots/carrots", secondary=["fruit/pears"],
              methods=[{"slug": "hoe", "relation": "introduces"}]),
        paper("2404.00002", submitted="2024-04-02", leaf="roots/carrots"),
        paper("2405.00001", submitted="2024-05-01", status="withdrawn", status_note="why"),
    )
}  # fmt: skip
METHODS = (
    method("dig", "2401.00001"),
    method("hoe", "2404.00001", "Hoeing"),
    method("rake", "2309.00009", "Raking"),
)
OUTLINE = (
    Section(title="1 Apples", leaves=("fruit/apples",), papers=("2401.00001",), methods=("Sow",)),
    Section(
        title="2 Pears",
        leaves=("fruit/pears",),
        sections=(
            Section(title="2.1 Inner", leaves=("fruit/apples",), papers=("2309.00009",)),
            Section(title="2.2 More", methods=("hoe",)),
        ),
    ),
)
SURVEY = survey(submitted="2024-02-03").model_copy(update={"outline": OUTLINE})


def tracked(*candidates: Newer, since: date | None = None) -> Tracked:
    return track(SURVEY, {**PAPERS, SURVEY.id: SURVEY}, METHODS, candidates, since)


def ids(found: tuple[Newer, ...]) -> list[str]:
    return [one.id for one in found]


def candidate(id_: str, day: date, *leaves: str) -> Newer:
    return Newer(
        id_, "Made up", day.isoformat(), day, leaves, tuple(f"reason for {leaf}" for leaf in leaves)
    )


def test_named_papers_and_methods_are_here_or_lacking() -> None:
    found = tracked()
    assert (found.papers_here, found.papers_lacking) == (("2401.00001",), ("2309.00009",))
    # `dig` and `rake` are read from papers that the outline names, `hoe` is named itself.
    assert (found.methods_here, found.methods_lacking) == (("dig", "rake", "hoe"), ("Sow",))
    inner = found.sections[1].sections[0]
    assert (inner.papers_lacking, inner.methods_here) == (("2309.00009",), ("rake",))


def test_what_appeared_since_stands_under_every_heading_that_has_its_leaf() -> None:
    found = tracked()
    first, second = found.sections
    assert ids(first.newer) == ids(second.sections[0].newer) == ["2403.00001"]
    assert ids(second.newer) == ["2404.00001"], "by its secondary leaf"
    assert ids(found.newer) == ["2404.00001", "2403.00001"], "each once, the newest first"


def test_what_no_heading_has_is_counted_by_its_leaf() -> None:
    assert tracked().outside == (("roots/carrots", 1),)


def test_a_paper_named_withdrawn_or_older_is_not_newer() -> None:
    assert not {"2401.00001", "2405.00001", SURVEY.id} & set(ids(tracked().newer))
    assert ids(tracked(since=date(2024, 3, 1)).newer) == ["2404.00001"]


def test_a_survey_s_own_methods_count_and_those_of_its_topics_are_told_apart() -> None:
    linked = SURVEY.model_copy(
        update={"methods": paper(methods=[{"slug": "hoe", "relation": "analyses"}]).methods,
                "outline": OUTLINE[:1]}
    )  # fmt: skip
    found = track(linked, PAPERS, METHODS)
    assert found.methods_here == ("dig", "hoe")
    pears = Section(title="Carrots", leaves=("roots/carrots",))
    (section,) = track(linked.model_copy(update={"outline": (pears,)}), PAPERS, METHODS).sections
    assert (section.methods_here, section.also_run) == ((), ("hoe",))


def test_a_heading_does_not_repeat_what_runs_below_it() -> None:
    inner = Section(title="1.1", methods=("hoe",))
    outer = Section(title="1", leaves=("roots/carrots",), sections=(inner,))
    (section,) = track(SURVEY.model_copy(update={"outline": (outer,)}), PAPERS, METHODS).sections
    assert section.also_run == ()


def test_candidates_stand_beside_the_catalog_s_papers() -> None:
    day = date(2024, 6, 1)
    found = tracked(
        candidate("2406.00001", day, "fruit/apples"),
        candidate("2406.00002", date(2024, 6, 2), "fruit/apples", "fruit/pears"),
        candidate("2309.00009", day, "fruit/apples"),
        candidate("2401.00009", date(2024, 1, 9), "fruit/apples"),
        candidate("2406.00003", day, "roots/carrots"),
    )
    assert ids(found.sections[0].candidates) == ["2406.00002", "2406.00001"]
    (pears,) = found.sections[1].candidates
    assert pears.reason_for(found.sections[1].leaves) == "reason for fruit/pears"
    assert pears.reason_for(found.sections[0].leaves) == "reason for fruit/apples"
    assert ids(found.candidates) == ["2406.00002", "2406.00001"]

"""What a survey's page says of its outline, and of what came after it."""

from __future__ import annotations

import dataclasses
from datetime import date

from registry.catalog.tracking import Newer
from registry.publish.outline_blocks import MOST_NEWER
from registry.publish.snapshot import Snapshot
from registry.publish.survey_pages import survey_page, surveys_page
from tests.publish import fabricated
from tests.publish.fabricated import SURVEY
from tests.publish.words import said


def test_a_surveys_coverage_counts_each_name_once(snapshot: Snapshot) -> None:
    assert "Claims" not in said(survey_page(snapshot, snapshot.catalog.surveys[SURVEY]))
    words = said(survey_page(snapshot, snapshot.catalog.surveys[SURVEY]))
    assert "1 of 2" in words and "XYZ" in words
    assert "A Reward , not here yet" in words, "a title known from the taxonomy"
    assert "1 of 2" in said(surveys_page(snapshot))


def with_leaf_on_sails(snapshot: Snapshot, leaf: str) -> Snapshot:
    survey = snapshot.catalog.surveys[SURVEY]
    (boats,) = survey.outline
    sails = boats.sections[0].model_copy(update={"leaves": (leaf,)})
    outline = (boats.model_copy(update={"sections": (sails,)}),)
    changed = survey.model_copy(update={"outline": outline})
    catalog = dataclasses.replace(
        snapshot.catalog,
        surveys={SURVEY: changed},
        papers={**snapshot.catalog.papers, SURVEY: changed},
    )
    return dataclasses.replace(snapshot, catalog=catalog)


def test_what_came_after_a_survey_is_folded_and_limited(snapshot: Snapshot) -> None:
    world = with_leaf_on_sails(snapshot, "alignment/rewards")
    papers = {
        id_: fabricated.paper(id=id_, title=f"Boat {id_}", submitted=date(2025, 5, n))
        for n in range(1, MOST_NEWER + 3)
        if (id_ := f"2505.{n:05d}")
    }
    candidate = Newer("2506.00001", "A <b>Reward</b>", "2025-06-01", date(2025, 6, 1),
                      ("alignment/rewards",), ("names Reward",))  # fmt: skip
    catalog = dataclasses.replace(world.catalog, papers={**world.catalog.papers, **papers})
    world = dataclasses.replace(world, catalog=catalog, candidates=(candidate,))
    page = survey_page(world, world.catalog.surveys[SURVEY])
    words, source = said(page), page.render()
    # One of them is named by the outline itself.
    newer = len(papers) - 1
    assert f"{newer} papers since" in words and "and 1 earlier" in words
    assert f"{newer} papers of its topics, submitted after 2025-03-04" in words
    assert "and 1 candidate that nobody has decided on yet" in words
    assert "1 candidate since" in words and "names Reward" in words
    assert words.index(f"Boat 2505.{MOST_NEWER + 2:05d}") < words.index("and 1 earlier")
    assert source.count('<details class="since">') == 2 and "<b>" not in source
    assert str(newer) in said(surveys_page(world))


def test_what_no_heading_has_is_counted_below_the_outline(snapshot: Snapshot) -> None:
    world = with_leaf_on_sails(snapshot, "alignment/rewards")
    late = fabricated.paper(
        id="2506.00002", submitted=date(2025, 6, 2), leaf="alignment/pairwise", secondary=()
    )
    catalog = dataclasses.replace(world.catalog, papers={**world.catalog.papers, late.id: late})
    page = survey_page(dataclasses.replace(world, catalog=catalog), world.catalog.surveys[SURVEY])
    assert "Since then, under no heading" in said(page)
    assert "under no heading" not in said(survey_page(snapshot, snapshot.catalog.surveys[SURVEY]))

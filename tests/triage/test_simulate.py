from __future__ import annotations

from dataclasses import replace

import pytest

from registry.core.errors import UnknownNameError, UsageError
from registry.triage import metrics
from registry.triage.documents import Example
from registry.triage.recall_chart import SHARES, recall_chart
from registry.triage.simulate import Options, held_out_lists, replay, screenings
from registry.triage.study import study
from tests.catalog.fabricated import TAXONOMY
from tests.triage import made_up

OPTIONS = Options(("relevance", "random"), seeds=2, fewest=20)


def world() -> tuple[list[Example], list[Example]]:
    """Three lists of twenty papers, and as many times three that no list names."""
    every = made_up.library(each=20, others=180)
    labelled = [one for one in every if one.relevant]
    return labelled, [one for one in every if not one.relevant]


def test_a_list_is_held_out_by_what_it_alone_names() -> None:
    labelled, _ = world()
    assert held_out_lists(labelled, 20) == ["list-0", "list-1", "list-2"]
    shared = replace(labelled[0], sources=frozenset({"list-0", "list-1"}))
    assert held_out_lists([shared, *labelled[1:]], 20) == ["list-1", "list-2"]
    canonical = replace(labelled[0], sources=frozenset({"list-0", "canonical"}))
    assert "list-0" in held_out_lists([canonical, *labelled[1:]], 20)


def test_nothing_of_a_held_out_list_is_known_before() -> None:
    labelled, unlisted = world()
    twice = replace(labelled[0], sources=frozenset({"list-0", "list-1"}))
    for one in screenings([twice, *labelled[1:]], unlisted, TAXONOMY, Options(fewest=15, seeds=1)):
        known = {example.document.id for example in one.start}
        hidden = {example.document.id for example in one.pool}
        assert not known & hidden
        assert not any(one.held_out in example.sources for example in one.start)
        # A paper of two lists would be half known: it is in no pool and, here, not before either.
        if one.held_out in twice.sources:
            assert twice.document.id not in known | hidden


def test_every_paper_of_a_pool_has_an_abstract_and_a_month_that_both_kinds_have() -> None:
    labelled, unlisted = world()
    bare = replace(labelled[1], document=replace(labelled[1].document, abstract=""))
    late = made_up.unlisted("2612.00001")
    options = Options(fewest=15)
    for one in screenings([*labelled[2:], bare], [*unlisted, late], TAXONOMY, options):
        assert all(example.document.abstract for example in one.pool)
        months = [
            {e.document.day for e in one.pool if e.relevant is kind} for kind in (True, False)
        ]
        assert months[0] == months[1]


def test_a_clean_pool_holds_no_unlisted_paper_of_the_field() -> None:
    labelled, unlisted = world()
    grey = replace(
        unlisted[0],
        document=replace(unlisted[0].document, title="Reward models for a language model"),
    )
    unlisted = [grey, *unlisted[1:]]
    for clean in (False, True):
        pools = [
            {example.document.id for example in one.pool}
            for one in screenings(
                labelled, unlisted, TAXONOMY, replace(OPTIONS, clean=clean, seeds=4)
            )
        ]
        assert any(grey.document.id in pool for pool in pools) is not clean


@pytest.mark.parametrize("strategy", ["relevance", "uncertainty", "badge", "coreset", "newest"])
def test_every_strategy_shows_every_paper_once(strategy: str) -> None:
    one = screenings(*world(), TAXONOMY, OPTIONS)[0]
    found = replay(one, strategy, TAXONOMY, OPTIONS)
    assert (len(found), sum(found)) == (len(one.pool), one.relevant)
    assert found == replay(one, strategy, TAXONOMY, OPTIONS)


def test_learning_finds_the_papers_of_a_list_it_has_never_seen() -> None:
    one = screenings(*world(), TAXONOMY, OPTIONS)[0]
    learned = replay(one, "relevance", TAXONOMY, OPTIONS)
    chance = replay(one, "random", TAXONOMY, OPTIONS)
    assert metrics.average_precision(learned) > 0.9 > metrics.average_precision(chance) + 0.4
    assert metrics.wss(learned) == pytest.approx(metrics.best_wss(learned), abs=0.02)


def test_keywords_order_the_pool_without_learning() -> None:
    one = screenings(*world(), TAXONOMY, OPTIONS)[0]
    # "orchard" is the one keyword of the made-up taxonomy, and stands only in papers on apples.
    found = replay(one, "keyword", TAXONOMY, OPTIONS)
    assert found[:15] == [True] * 15


def test_a_study_measures_each_strategy_over_lists_and_seeds() -> None:
    said: list[str] = []

    found = study(*world(), TAXONOMY, OPTIONS, said.append)

    learned, chance = found.strategies
    assert (learned.strategy, chance.strategy) == ("relevance", "random")
    figure = learned.measures["average_precision"]
    assert len(figure.values) == 2
    assert figure.interval[0] <= figure.mean <= figure.interval[1]
    assert figure.mean > chance.measures["average_precision"].mean
    assert [one.held_out for one in learned.lists] == ["list-0", "list-1", "list-2"]
    assert all(
        one.relevant == 20 and one.measures["wss95"] <= one.best_wss95 for one in learned.lists
    )
    assert learned.recall[-1].mean == 1.0
    assert len(learned.recall) == len(SHARES)
    assert len(said) == 1 + 2 * 3 * 2
    chart = recall_chart([one.line for one in found.strategies], "Found")
    assert [series.label for series in chart.series] == ["relevance", "random"]
    assert chart.series[0].y[0] == 0 and chart.series[0].y[-1] == 100


def test_what_cannot_be_simulated_is_said() -> None:
    with pytest.raises(UsageError, match="no list of the labels names 99"):
        study(*world(), TAXONOMY, replace(OPTIONS, fewest=99))
    with pytest.raises(UnknownNameError, match="relevance"):
        study(*world(), TAXONOMY, replace(OPTIONS, strategies=("relevence",)))

from __future__ import annotations

import math
from datetime import date

import pytest

from registry.triage.documents import Document
from registry.triage.drift import drift, growth_of, known_terms, leaf_sizes
from tests.catalog.fabricated import TAXONOMY


def papers(month: int, count: int, words: str, first: int = 0) -> list[Document]:
    return [
        Document(f"26{month:02}.{first + n:05}", f"Plain {n}", words, day=date(2026, month, 1))
        for n in range(count)
    ]


def test_a_term_that_grows_and_no_leaf_knows_is_shown_with_papers() -> None:
    every = [*papers(1, 40, "soil water"), *papers(5, 20, "soil water"),
             *papers(6, 20, "soil hydroponics rigs", first=100)]  # fmt: skip

    found = drift(every, [], [], TAXONOMY, months=2)

    assert (found.since, found.recent, found.earlier) == (date(2026, 5, 1), 40, 40)
    top = found.terms[0]
    assert "hydroponics" in top.term
    assert (top.recent, top.recent_share, top.earlier_share) == (20, 0.5, 0.0)
    assert top.examples == ("2606.00119", "2606.00118", "2606.00117")
    assert not any(one.term in ("soil", "water") for one in found.terms)


def test_a_term_of_the_taxonomy_is_no_news() -> None:
    every = [*papers(1, 40, "soil"), *papers(6, 40, "soil orchard", first=100)]
    assert "orchard" in known_terms(TAXONOMY)
    assert "orchard" not in [one.term for one in drift(every, [], [], TAXONOMY).terms]


def test_a_way_of_writing_that_spreads_everywhere_is_no_news() -> None:
    field = [*papers(1, 40, "soil"), *papers(6, 40, "soil spanning hydroponics", first=100)]
    elsewhere = papers(6, 40, "galaxy spanning", first=500)

    found = [one.term for one in drift(field, elsewhere, [], TAXONOMY).terms]

    assert any("hydroponics" in term for term in found)
    assert "spanning" not in found


def test_few_papers_are_no_trend() -> None:
    every = [*papers(1, 40, "soil"), *papers(6, 36, "soil"), *papers(6, 4, "soil fad", first=100)]
    assert drift(every, [], [], TAXONOMY, months=1).terms == ()


def test_growth_is_the_log_odds_over_its_standard_error() -> None:
    by_hand = (math.log(11 / 91) - math.log(2 / 100)) / math.sqrt(1 / 11 + 1 / 91 + 1 / 2 + 1 / 100)
    assert growth_of(10, 100, 1, 100) == pytest.approx(by_hand)
    assert growth_of(7, 90, 7, 90) == 0


def test_leaves_too_large_too_small_and_empty_are_told() -> None:
    filed = [("fruit/apples",)] * 18 + [("fruit/apples", "roots/carrots")] * 2
    found = {one.leaf: (one.papers, one.share, one.verdict) for one in leaf_sizes(filed, TAXONOMY)}
    assert found == {
        "fruit/apples": (20, 1.0, "large"),
        "roots/carrots": (2, 0.1, "small"),
        "fruit/pears": (0, 0.0, "empty"),
    }


def test_nothing_stored_is_no_drift() -> None:
    found = drift([], [], [], TAXONOMY)
    assert (found.since, found.terms) == (None, ())

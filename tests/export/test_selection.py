from __future__ import annotations

from datetime import date

import pytest

from registry.core.errors import UnknownNameError
from registry.export.selection import Filters, select
from tests.catalog.fabricated import TAXONOMY, paper, survey

PAPERS = {
    one.id: one
    for one in (
        paper("2401.00001"),
        paper("2401.00002", leaf="fruit/pears", submitted="2024-01-09"),
        paper("2401.00003", leaf="roots/carrots", secondary=["fruit/pears"]),
        survey("2402.00001", submitted="2024-02-01"),
    )
}


def chosen(**filters) -> list[str]:  # type: ignore[no-untyped-def]
    return [one.id for one in select(PAPERS, TAXONOMY, Filters(**filters)).papers]


def test_without_filters_it_is_the_whole_catalog_by_id() -> None:
    assert chosen() == list(PAPERS)


def test_ids_choose_in_their_order_and_once() -> None:
    ids = ("https://arxiv.org/abs/2401.00003v2", "2401.00001", "2401.00003")
    assert chosen(ids=ids) == ["2401.00003", "2401.00001"]


def test_a_leaf_chooses_also_as_a_secondary_one_and_by_its_older_name() -> None:
    assert chosen(leaves=("fruit/pears",)) == ["2401.00002", "2401.00003"]
    assert chosen(leaves=("fruit/pommes", "roots/carrots")) == [
        "2401.00001",
        "2401.00003",
        "2402.00001",
    ]


def test_filters_combine() -> None:
    assert chosen(since=date(2024, 1, 9)) == ["2401.00002", "2402.00001"]
    assert chosen(since=date(2024, 1, 9), leaves=("fruit/pears",)) == ["2401.00002"]
    assert chosen(survey="2402.00001") == ["2401.00001"]
    assert chosen(survey="2402.00001", leaves=("fruit/pears",)) == []


def test_a_limit_keeps_the_newest_in_the_order_of_the_rest() -> None:
    assert chosen(limit=2) == ["2401.00002", "2402.00001"]
    assert chosen(limit=9) == list(PAPERS)


def test_papers_are_grouped_by_their_primary_leaf_in_the_order_of_the_taxonomy() -> None:
    grouped = [
        (group.slug, leaf.slug, [one.id for one in papers])
        for group, leaf, papers in select(PAPERS, TAXONOMY, Filters()).by_leaf()
    ]
    assert grouped == [
        ("fruit", "fruit/apples", ["2402.00001", "2401.00001"]),
        ("fruit", "fruit/pears", ["2401.00002"]),
        ("roots", "roots/carrots", ["2401.00003"]),
    ]


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"ids": ("2401.00009",)}, "unknown paper '2401.00009'"),
        ({"leaves": ("fruit/aples",)}, "unknown leaf 'fruit/aples'"),
        ({"survey": "2401.00001"}, "unknown survey '2401.00001'.*2402.00001"),
    ],
)
def test_what_is_not_there_is_named(filters: dict[str, object], said: str) -> None:
    with pytest.raises(UnknownNameError, match=said):
        chosen(**filters)

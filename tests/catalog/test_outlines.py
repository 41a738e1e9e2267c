from __future__ import annotations

from registry.catalog.models import Section
from registry.catalog.outlines import moved_sections

OUTLINE = (
    Section(
        title="1",
        leaves=("fruit/apples", "fruit/pears"),
        papers=("2401.00001",),
        sections=(Section(title="1.1", leaves=("fruit/apples",)),),
    ),
)


def test_a_leaf_moves_in_every_section_and_two_that_become_one_stand_once() -> None:
    (one,) = moved_sections(OUTLINE, lambda leaf: [leaf.replace("apples", "pears")])
    assert one.leaves == ("fruit/pears",)
    assert one.sections[0].leaves == ("fruit/pears",)
    assert (one.title, one.papers) == ("1", ("2401.00001",))


def test_an_outline_of_which_nothing_moves_is_the_same() -> None:
    assert moved_sections(OUTLINE, lambda leaf: [leaf]) == OUTLINE


def test_a_leaf_of_several_parts_gives_a_section_all_of_them() -> None:
    parts = {"fruit/apples": ["fruit/sweet", "fruit/sour"]}
    (one,) = moved_sections(OUTLINE, lambda leaf: parts.get(leaf, [leaf]))
    assert one.leaves == ("fruit/sweet", "fruit/sour", "fruit/pears")

from __future__ import annotations

import pytest

from registry.catalog.models import Taxonomy
from registry.catalog.title_leaves import TitleLeaves
from tests.catalog.fabricated import TAXONOMY


def taxonomy(*keywords: str) -> Taxonomy:
    tree = TAXONOMY.model_dump(mode="json")
    tree["groups"][0]["leaves"][0]["keywords"] = list(keywords)
    tree["groups"][1]["leaves"][0]["keywords"] = ["root vegetable"]
    return Taxonomy.model_validate(tree)


@pytest.mark.parametrize(
    ("keyword", "title", "word"),
    [
        ("apple tree", "On Apple Trees of Old", "Apple Trees"),
        ("apple tree", "Apple-tree", "Apple-tree"),
        ("apple-tree", "The apple tree", "apple tree"),
        ("apple tree", "apple treetops", None),
        ("apple tree", "pineapple tree", None),
        ("GRPO", "Two GRPOs and a Half", "GRPOs"),
        ("GRPO", "GRPO: Again", "GRPO"),
        ("LoRA", "Lora and her dog", None),
        ("REINFORCE", "How to Reinforce Concrete", None),
        ("orchard", "An orchard", None),
    ],
)
def test_several_words_or_an_acronym_name_a_leaf_and_one_common_word_does_not(
    keyword: str, title: str, word: str | None
) -> None:
    named = TitleLeaves.of(taxonomy(keyword)).named(title)
    assert named == ({"fruit/apples": word} if word else {})


def test_a_title_names_every_leaf_it_has_words_of() -> None:
    named = TitleLeaves.of(taxonomy("apple tree")).named("A root vegetable below an apple tree")
    assert named == {"roots/carrots": "root vegetable", "fruit/apples": "apple tree"}

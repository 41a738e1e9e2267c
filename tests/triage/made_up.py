"""Made-up papers whose words tell what they are about, drawn with a seed."""

from __future__ import annotations

import random
from datetime import date

from registry.triage.documents import Document, Example

TOPICS = {
    "fruit/apples": "orchard pippin cider graft blossom bramley windfall core",
    "fruit/pears": "conference perry williams comice quince poire grit stalk",
    "roots/carrots": "furrow taproot umbel nantes bunching orange soil forked",
}
ELSEWHERE = [
    "galaxy",
    "redshift",
    "quasar",
    "telescope",
    "nebula",
    "parallax",
    "dwarf",
    "halo",
    "orbit",
    "spectra",
]
FILLER = [
    "study",
    "result",
    "paper",
    "data",
    "show",
    "method",
    "find",
    "test",
    "large",
    "small",
    "novel",
    "new",
    "simple",
    "work",
]


def document(
    id_: str, words: list[str], seed: int, abstract: bool = True, author: str = "Ada Example"
) -> Document:
    """A paper whose title and abstract are drawn from ``words`` and from what anybody writes."""
    draw = random.Random(f"{id_}{seed}")
    title = " ".join(draw.choices(words, k=3) + draw.choices(FILLER, k=2))
    text = " ".join(draw.choices(words, k=12) + draw.choices(FILLER, k=25))
    day = date(2000 + int(id_[:2]), int(id_[2:4]), 1)
    return Document(id_, title, text if abstract else "", (author,), ("cs.LG",), day)


def about(topic: str, id_: str, *sources: str, seed: int = 0, abstract: bool = True) -> Example:
    """A relevant paper of one topic, named by these lists."""
    made = document(id_, TOPICS[topic].split(), seed, abstract)
    return Example(made, True, leaves=(topic,), sources=frozenset(sources))


def unlisted(id_: str, seed: int = 0, decided: bool = False) -> Example:
    """A paper about something else."""
    return Example(document(id_, ELSEWHERE, seed), False, decided=decided)


def library(each: int = 20, others: int = 60, abstract: bool = True) -> list[Example]:
    """Papers of every topic, each topic in a list of its own, and papers of no list."""
    found = [
        about(topic, f"26{month:02}.{n:05}", f"list-{place}", abstract=abstract)
        for place, topic in enumerate(TOPICS)
        for month in (1, 2)
        for n in range(1000 * (place + 1), 1000 * (place + 1) + each // 2)
    ]
    return found + [unlisted(f"26{1 + n % 2:02}.{9000 + n:05}") for n in range(others)]

"""A draft's postings, worked out in bulk, are those that a reader would count by hand."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from registry.store.draft import FULL, K1, ORDINARY_LENGTH, WEIGHTS, B, Draft
from registry.store.terms import keys

Texts = tuple[str, str, str, str]


def counted(documents: list[Texts], low: int) -> list[tuple[int, int, int]]:
    """(key, document, value) of each posting, one document after the other."""
    found = []
    for number, texts in enumerate(documents, start=low):
        terms = [keys(text) for text in texts]
        length = sum(map(len, terms))
        frequency: Counter[int] = Counter()
        for weight, mine in zip(WEIGHTS, terms, strict=True):
            for key in mine:
                frequency[key] += weight
        for key, count in frequency.items():
            impact = count / (count + K1 * (1 - B + B * length / ORDINARY_LENGTH))
            found.append((key, number, max(1, round(impact * FULL))))
        found += [(~key, number, place) for place, key in enumerate(terms[0])]
    return sorted(found)


def drafted(documents: list[Texts], low: int) -> list[tuple[int, int, int]]:
    draft = Draft(low)
    assert [draft.add(texts) for texts in documents] == [*range(low, low + len(documents))]
    assert len(draft) == len(documents)
    postings = draft.postings()
    return list(
        zip(
            postings.keys.tolist(),
            postings.documents.tolist(),
            postings.values.tolist(),
            strict=True,
        )
    )


def some_documents(count: int) -> list[Texts]:
    chance = random.Random(3)
    words = ["model", "models", "Policy", "caf\u00e9", "reward", "x1", "of", "the"]

    def text(most: int) -> str:
        return " ".join(chance.choices(words, k=chance.randrange(most)))

    return [(text(9), text(5), text(4), text(30)) for _ in range(count)]


@pytest.mark.parametrize("count", [1, 7, 200])
def test_the_postings_are_those_counted_one_by_one(count: int) -> None:
    documents = some_documents(count)
    assert drafted(documents, 5) == counted(documents, 5)


def test_more_terms_than_sixteen_bits_can_number_are_filed_all() -> None:
    documents: list[Texts] = [
        ("title word", "", "", " ".join(f"w{n}x" for n in range(start, start + 35_000)))
        for start in (0, 30_000, 60_000)
    ]
    found = drafted(documents, 1)
    assert len({key for key, _, _ in found}) > 1 << 16
    assert found == counted(documents, 1)


def test_a_draft_of_nothing_has_no_postings() -> None:
    assert drafted([], 1) == []
    assert drafted([("", "", "", "")], 1) == []

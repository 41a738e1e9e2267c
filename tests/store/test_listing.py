from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from registry.core.errors import UsageError
from registry.store import listing as module
from registry.store.engine import Store
from registry.store.listing import CATALOGUED, Filter, Sort, listing
from registry.store.preprints import put_preprints
from registry.store.queries import decide
from tests.store.curated import add_paper

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
COUNT = 40


@pytest.fixture
def filled(store: Store, source_id: int, preprint) -> Store:
    records = [
        preprint(
            f"2603.{n:05d}",
            title="An okapi" if n % 4 == 0 else "A quokka",
            categories=("cs.LG", "cs.CL") if n % 3 == 0 else ("cs.LG",),
            published=START + timedelta(days=n // 2),
            updated=START + timedelta(days=100 - n),
            withdrawn="withdrawn by the author" if n == 8 else None,
        )
        for n in range(1, COUNT + 1)
    ]
    with store.write() as connection:
        put_preprints(connection, records, source_id)
        decide(connection, "2603.00040", "reject", None, {})
        for n, status in enumerate(("active", "withdrawn", "active"), start=1):
            add_paper(connection, f"2602.0000{n}", "An okapi of the catalog", status=status,
                      submitted=date(2026, 2, n), leaves=("rl/a", "rl/b")[: n % 2 + 1],
                      methods=("dpo",) * (n == 1))  # fmt: skip
    return store


def ids(store: Store, asked: Filter, **how: Any) -> list[str]:
    return [entry.id for entry in listing(store, asked, **how).entries]


def numbers(found: list[str]) -> list[int]:
    return [int(id_[-5:]) for id_ in found]


def day(n: int) -> date:
    return (START + timedelta(days=n // 2)).date()


FILTERS: dict[str, tuple[Filter, Any]] = {
    "all candidates": (Filter(), lambda n: True),
    "a category": (Filter(category="cs.CL"), lambda n: n % 3 == 0),
    "from a day": (Filter(since=day(20)), lambda n: day(n) >= day(20)),
    "until a day": (Filter(until=day(20)), lambda n: day(n) <= day(20)),
    "words": (Filter(text="Okapis"), lambda n: n % 4 == 0),
    "everything": (
        Filter(category="cs.CL", since=day(6), until=day(30), text="quokka"),
        lambda n: n % 3 == 0 and n % 4 and day(6) <= day(n) <= day(30),
    ),
    "no such category": (Filter(category="q-bio.QM"), lambda n: False),
    "no such words": (Filter(text="axolotl"), lambda n: False),
}


@pytest.mark.parametrize("few", [4000, 1])  # words looked up, words walked
@pytest.mark.parametrize("name", FILTERS)
def test_filters_combine_and_every_order_and_page_agrees(
    filled: Store, name: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FEW", few)
    asked, passes = FILTERS[name]
    wanted = [n for n in range(1, COUNT) if passes(n)]
    orders: dict[Sort, list[int]] = {
        "newest": wanted[::-1], "oldest": wanted, "updated": wanted,
    }  # fmt: skip

    for sort, expected in orders.items():
        assert numbers(ids(filled, asked, sort=sort, limit=None)) == expected
        pages = [
            listing(filled, asked, sort=sort, limit=7, offset=start) for start in range(0, 42, 7)
        ]
        assert [n for page in pages for n in numbers([e.id for e in page.entries])] == expected
        assert [page.more for page in pages] == [
            start + 7 < len(expected) for start in range(0, 42, 7)
        ]


def test_catalogued_papers_are_listed_by_status_and_leaf(filled: Store) -> None:
    both = Filter(CATALOGUED)

    assert numbers(ids(filled, both)) == [3, 2, 1]
    assert numbers(ids(filled, both, limit=1, offset=1)) == [2]
    assert numbers(ids(filled, Filter(("active",)))) == [3, 1]
    assert numbers(ids(filled, Filter(CATALOGUED, leaf="rl/b"))) == [3, 1]
    assert numbers(ids(filled, Filter(CATALOGUED, leaf="rl/b", category="cs.LG"))) == [3, 1]
    assert ids(filled, Filter(CATALOGUED, leaf="rl/b", category="cs.CL")) == []
    assert numbers(ids(filled, Filter(CATALOGUED, text="catalog okapi"))) == [3, 2, 1]


def test_an_entry_says_what_it_is(filled: Store) -> None:
    paper = listing(filled, Filter(("active",)), sort="oldest").entries[0]
    gone = listing(filled, Filter(until=day(8), since=day(8))).entries

    assert (paper.id, paper.status, paper.submitted) == ("2602.00001", "active", date(2026, 2, 1))
    assert (paper.categories, paper.leaves, paper.methods) == (
        ("cs.LG",), ("rl/a", "rl/b"), ("dpo",),
    )  # fmt: skip
    assert {entry.id: entry.withdrawn for entry in gone} == {
        "2603.00008": True, "2603.00009": False,
    }  # fmt: skip


def test_a_sentence_among_the_categories_is_not_filed(
    store: Store, source_id: int, preprint
) -> None:
    odd = preprint(categories=("cs.LG", "Primary: 68T07; " * 9))
    with store.write() as connection:
        put_preprints(connection, [odd], source_id)

    [entry] = listing(store, Filter(category="cs.LG")).entries
    assert entry.categories == ("cs.LG",)


def test_a_text_without_words_is_refused(filled: Store) -> None:
    with pytest.raises(UsageError, match="has no words"):
        listing(filled, Filter(text="?!"))

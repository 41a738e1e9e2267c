from __future__ import annotations

from datetime import timedelta

import pytest

from registry.store.arrivals import Arrival, put_arrivals
from registry.store.duplicates import Suggestion, suggest_duplicates, suggestions
from registry.store.engine import Store
from registry.store.preprints import Preprint
from registry.store.queries import candidates
from tests.store.conftest import START

YEAR = timedelta(days=366)
NAME = "On the Merits of Made-Up Studies"


def look(store: Store, *texts: Preprint) -> list[tuple[str, str, str]]:
    with store.write() as connection:
        put_arrivals(connection, map(Arrival, texts), 1)
        return [_place(pair) for pair in suggest_duplicates(connection)]


def stored(store: Store) -> list[tuple[str, str, str]]:
    with store.read() as connection:
        return [_place(pair) for pair in suggestions(connection)]


def _place(pair: Suggestion) -> tuple[str, str, str]:
    return pair.one, pair.other, pair.reason


def test_one_doi_suggests_one_paper(store: Store, source_id: int, preprint) -> None:
    pairs = look(
        store,
        preprint("2603.00001", doi="10.1000/Made.Up"),
        preprint("2603.00002", doi="https://doi.org/10.1000/made.up"),
        preprint("2603.00003", doi="10.1000/other"),
    )

    assert pairs == [("2603.00001", "2603.00002", "doi")]
    assert len(candidates(store)) == 3, "nothing is merged"


def test_a_title_written_otherwise_by_the_same_first_author_suggests_one(
    store: Store, source_id: int, preprint
) -> None:
    pairs = look(
        store,
        preprint("2603.00001", title=NAME, authors=("Ada Example", "Bo Sample")),
        preprint("2603.00002", title=NAME.upper() + "!", authors=("A. Example",)),
        preprint("2603.00003", title=NAME, authors=("Cy Placeholder",)),
    )

    assert pairs == [("2603.00001", "2603.00002", "title")]


@pytest.mark.parametrize(("years", "found"), [(1, 1), (2, 0)])
def test_years_apart_they_are_two(
    store: Store, source_id: int, preprint, years: int, found: int
) -> None:
    one = preprint("2603.00001", title=NAME)
    pairs = look(store, one, preprint("2803.00002", title=NAME, published=START + years * YEAR))

    assert len(pairs) == found


def test_a_pair_is_told_once_and_forgotten_when_the_titles_part(
    store: Store, source_id: int, preprint
) -> None:
    one, two = preprint("2603.00001", title=NAME), preprint("2603.00002", title=NAME)
    assert len(look(store, one)) == 0
    assert len(look(store, two)) == 1
    assert look(store, one, two) == []
    assert len(stored(store)) == 1

    assert look(store, preprint("2603.00002", version=2, title="Another thing entirely")) == []
    assert stored(store) == []


def test_a_doi_of_a_whole_volume_says_nothing(store: Store, source_id: int, preprint) -> None:
    many = [preprint(f"2603.0000{n}", doi="10.1000/volume") for n in range(1, 8)]

    assert look(store, *many) == []


@pytest.mark.parametrize(
    "doi", [None, "", "see the journal", "10.48550/arXiv.2603.00001"]
)  # arXiv's own names the id
def test_no_doi_of_a_journal_says_nothing(store: Store, source_id: int, preprint, doi) -> None:
    assert look(store, preprint("2603.00001", doi=doi), preprint("2603.00002", doi=doi)) == []


def test_suggestions_are_found_by_either_id(store: Store, source_id: int, preprint) -> None:
    look(store, preprint("2603.00001", title=NAME), preprint("2603.00002", title=NAME))

    with store.read() as connection:
        assert len(suggestions(connection, ["2603.00002"])) == 1
        assert len(suggestions(connection, ["2603.00001", "2603.00002"])) == 1
        assert suggestions(connection, ["2603.00003"]) == []


def test_more_than_one_statement_takes_is_looked_at(store: Store, source_id: int, preprint) -> None:
    texts = [preprint(f"2603.{n:05d}", title=f"Made-up study {n % 600} of six hundred")
             for n in range(1, 1201)]  # fmt: skip

    assert len(look(store, *texts)) == 600

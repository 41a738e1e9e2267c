from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from methods.index import METHODS
from registry.catalog.files import Catalog
from registry.catalog.models import Claim, Group, Leaf, MethodLink, Paper, Taxonomy
from registry.store.engine import Store
from registry.store.index import words
from registry.store.preprints import put_preprints
from registry.store.queries import decide, search
from registry.store.sync import sync_catalog

LEAF = "preference/made-up"


def paper(id_: str, title: str, gist: str = "It says something.", **other: object) -> Paper:
    fields: dict[str, object] = {
        "authors": ("Ada W\u00fcbben", "Bo Sample"), "submitted": date(2023, 5, 29),
        "categories": ("cs.LG",), "leaf": LEAF,
    }  # fmt: skip
    return Paper(id=id_, title=title, gist=gist, **(fields | other))


def catalog(root: Path, *papers: Paper) -> Catalog:
    (root / "papers").mkdir(parents=True, exist_ok=True)
    for entry in papers:
        (root / "papers" / f"{entry.id}.yaml").write_text(entry.model_dump_json())
    leaf = Leaf(slug=LEAF, title="Made up", scope="Nothing real.")
    group = Group(slug="preference", title="Preference", description="d", leaves=(leaf,))
    taxonomy = Taxonomy(version="0", facets={}, groups=(group,))
    return Catalog(root, {p.id: p for p in papers}, {}, taxonomy, ())


@pytest.fixture
def filled(store: Store, source_id: int, preprint, tmp_path: Path) -> Store:
    link = MethodLink(slug="dpo", relation="introduces")
    claim = Claim(id="c1", text="Zebras converge at night.", where="Section 4", kind="result")
    sync_catalog(
        store,
        catalog(
            tmp_path / "catalog",
            paper("2305.18290", "Your model is a reward in disguise", methods=(link,)),
            paper("2305.00002", "Optimization of preference", claims=(claim,)),
            paper("2305.00003", "Something else", gist="A word on preference optimization."),
        ),
    )
    with store.write() as connection:
        put_preprints(
            connection,
            [
                preprint("2603.00001", title="Preference optimization of made-up things"),
                preprint("2603.00002", title="Unrelated", abstract="On preference, optimization."),
                preprint("2305.18290", title="Upstream title", abstract="A cached okapi."),
            ],
            source_id,
        )
    return store


def ids(store: Store, query: str, limit: int = 20) -> list[str]:
    return [hit.id for hit in search(store, query, limit)]


def test_a_phrase_finds_the_method_first_then_titles_then_text(filled: Store) -> None:
    found = ids(filled, "preference optimization")
    named = {m.slug for m in METHODS if "preference optimization" in m.name.lower()}
    assert "dpo" in named
    assert set(found[: len(named)]) == named  # the phrase in a method's name
    slugs = {m.slug for m in METHODS}  # of others the words stand in the description
    assert [hit for hit in found[len(named) :] if hit not in slugs] == [
        "2603.00001",  # the phrase in a candidate's title
        "2305.00002",  # both words in a title
        "2305.00003",  # the phrase in the gist
        "2603.00002",  # the phrase in an abstract: a comma is no word
    ]


def test_a_hit_says_what_it_is(filled: Store) -> None:
    hits = {hit.id: hit for hit in search(filled, "preference optimization")}

    assert (hits["dpo"].kind, hits["dpo"].title) == ("method", "Direct Preference Optimization")
    assert (hits["2305.00003"].kind, hits["2305.00003"].status) == ("paper", "active")
    assert (hits["2603.00001"].kind, hits["2603.00001"].status) == ("paper", "candidate")
    assert hits["2305.00003"].snippet == "A word on preference optimization."
    scores = [hit.score for hit in search(filled, "preference optimization")]
    assert scores == sorted(scores, reverse=True)


FOUND_BY = {
    "wubben disguise": "2305.18290",  # an author, without the accent
    "W\u00dcBBEN DISGUISE": "2305.18290",
    "2305.18290": "2305.18290",  # the identifier
    "okapi": "2305.18290",  # the cached abstract
    "zebra": "2305.00002",  # a claim, and the word's other form
    "optimisation of preference": "2305.00002",  # the other spelling
    "best-of-n": "best-of-n",  # a slug
    "sample groups relative": "grpo",  # a method's summary
}


def test_a_thing_is_found_by_everything_it_is_known_by(filled: Store) -> None:
    found = {query: ids(filled, query) for query in FOUND_BY}

    assert {query: id_ for query, id_ in FOUND_BY.items() if id_ not in found[query]} == {}


def test_a_method_of_that_very_name_comes_first(filled: Store) -> None:
    assert ids(filled, "grpo")[0] == "grpo"
    assert ids(filled, "GRPO", limit=1) == ["grpo"]


def test_a_catalogued_paper_is_found_once_and_not_as_a_candidate(filled: Store) -> None:
    assert [hit.status for hit in search(filled, "okapi")] == ["active"]


def test_a_rejected_candidate_is_not_found(filled: Store) -> None:
    with filled.write() as connection:
        decide(connection, "2603.00001", "reject", None, {})

    assert "2603.00001" not in ids(filled, "preference optimization")


def test_a_changed_title_is_found_and_the_old_one_is_not(
    filled: Store, preprint, source_id: int
) -> None:
    with filled.write() as connection:
        put_preprints(connection, [preprint("2603.00002", version=2, title="A quokka")], source_id)

    assert ids(filled, "quokka") == ["2603.00002"]
    assert ids(filled, "unrelated") == []


def test_the_limit_holds(filled: Store) -> None:
    assert len(search(filled, "preference", 2)) == 2
    assert search(filled, "preference", 0) == []


NO_WORDS = ("", "   ", '"', "''", "*", "(((", "-", "\\", "&|!", "\x00", "\ud800", "%_", ":", "<->")


def test_a_query_without_words_finds_nothing(filled: Store) -> None:
    assert [(query, words(query), search(filled, query)) for query in NO_WORDS] == [
        (query, [], []) for query in NO_WORDS
    ]


OPERATORS = (
    'preference" OR heading:"optimization',
    "preference -optimization",
    "heading : preference optimization",
    "preference* optimization*",
    "optimization ^ preference",
    "preference'; -- optimization",
    "preference <-> optimization",
    "'preference':* & !optimization",
    "preference\x00optimization",
)


def test_operators_do_nothing(filled: Store) -> None:
    # Nothing is excluded, widened or restricted to a column: the words alone count.
    plain = {query: " ".join(words(query)) for query in OPERATORS}

    assert {query: ids(filled, query) for query in OPERATORS} == {
        query: ids(filled, plain[query]) for query in OPERATORS
    }
    assert ids(filled, "preference -optimization") == ids(filled, "preference optimization")


@settings(max_examples=60, suppress_health_check=[*HealthCheck])
@given(query=st.text(max_size=60) | st.text(alphabet="\"'*():^-+<>&|!\\ abNEAROT", max_size=40))
def test_no_query_breaks_the_search(filled: Store, query: str) -> None:
    for hit in search(filled, query, 3):
        assert hit.title

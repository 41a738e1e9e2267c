from __future__ import annotations

import pytest
from sqlalchemy import delete

from registry.core.clock import now
from registry.store.citations import put_citations
from registry.store.engine import Store
from registry.store.index import index_papers
from registry.store.preprints import put_preprints
from registry.store.relations import WEIGHTS, combined, overlap, relations
from tests.store.curated import add_paper
from tests.store.filed import DERIVED

ASKED = "2601.00001"


@pytest.fixture
def filled(store: Store, source_id: int, preprint) -> Store:
    with store.write() as connection:
        add_paper(connection, ASKED, "Okapi rewards for quokka policies",
                  leaves=("rl/a", "rl/b"), methods=("dpo",))  # fmt: skip
        add_paper(connection, "2601.00002", "Okapi rewards and quokka policies again")
        add_paper(connection, "2601.00003", "Sorting pebbles", leaves=("rl/a",), methods=("dpo",))
        add_paper(connection, "2601.00004", "Stacking bricks")
        put_preprints(
            connection,
            [
                preprint("2603.00001", title="Quokka policies"),
                preprint("2603.00002", title="Tapirs"),
            ],
            source_id,
        )
    return store


def test_near_are_those_with_the_same_words_leaves_or_methods(filled: Store) -> None:
    found = {one.id: one for one in relations(filled, ASKED) or ()}

    assert {"2601.00002", "2601.00003", "2603.00001"} <= found.keys()
    assert "2601.00004" not in found
    assert ASKED not in found
    near, linked = found["2601.00002"], found["2601.00003"]
    assert near.text > 0.9
    assert (near.leaves, near.methods, near.citations) == (0.0, 0.0, None)
    assert (linked.text, linked.leaves, linked.methods) == (0.0, 0.5, 1.0)
    assert (linked.shared_leaves, linked.shared_methods) == (("rl/a",), ("dpo",))
    assert found["2603.00001"].status == "candidate"


def test_the_score_is_the_mean_of_the_parts_that_are_known(filled: Store) -> None:
    for one in relations(filled, ASKED) or ():
        parts = {name: getattr(one, name) for name in WEIGHTS}
        assert one.score == round(combined(parts), 4)
    scores = [one.score for one in relations(filled, ASKED) or ()]
    assert scores == sorted(scores, reverse=True)
    assert combined({"text": 0.5, "leaves": None}) == 0.5
    assert combined({"text": None}) == 0.0
    assert overlap((), "ab") is None
    assert overlap("ab", "bc") == pytest.approx(1 / 3)


def test_who_cites_whom_counts_and_is_said(filled: Store) -> None:
    with filled.write() as connection:
        said = {ASKED: ["2601.00004", "2501.00009"], "2603.00002": ["2501.00009"],
                "2601.00002": [ASKED]}  # fmt: skip
        put_citations(connection, "made-up", said, now())

    found = {one.id: one for one in relations(filled, ASKED) or ()}

    assert (found["2601.00004"].citations, found["2601.00004"].cites) == (1.0, True)
    assert (found["2601.00002"].citations, found["2601.00002"].cited_by) == (1.0, True)
    assert found["2603.00002"].citations == pytest.approx(0.7071, abs=1e-4)
    assert found["2601.00003"].citations == 0.0


def test_a_rebuild_gives_the_same_relations(filled: Store, source_id: int, preprint) -> None:
    with filled.write() as connection:  # a document that came and went leaves no trace
        put_preprints(connection, [preprint("2603.00001", version=2, title="Tapirs")], source_id)
    relations(filled, ASKED)
    with filled.write() as connection:
        record = preprint("2603.00001", version=3, title="Quokka policies")
        put_preprints(connection, [record], source_id)
    before = relations(filled, ASKED)

    with filled.write() as connection:
        for table in DERIVED:
            connection.execute(delete(table))
        index_papers(
            connection, [ASKED, *(f"2601.0000{n}" for n in (4, 3, 2)), "2603.00002", "2603.00001"]
        )

    assert relations(filled, ASKED) == before


def test_equal_scores_come_in_the_order_of_their_identifiers(store: Store) -> None:
    with store.write() as connection:
        for n in (3, 1, 4, 2):
            add_paper(connection, f"2601.0000{n}", "The same invented words")
        add_paper(connection, "2601.00009", "Something else")

    found = relations(store, "2601.00002") or []

    assert [one.id for one in found] == ["2601.00001", "2601.00003", "2601.00004"]
    assert {one.text for one in found} == {1.0}


def test_a_paper_that_is_not_there_has_no_relations(filled: Store) -> None:
    assert relations(filled, "2601.99999") is None

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from registry.store.related import Neighbours, corpus, related

TEXTS = {
    "2601.00001": "Preference pairs train a policy without a reward model",
    "2601.00002": "A policy trained on preference pairs, with a reward model",
    "2601.00003": "Merging the weights of two decoders",
    "2601.00004": "Weights of merged decoders and what they forget",
    "2601.00005": "the of and",
}


def test_the_nearest_paper_shares_the_words_and_has_the_best_score() -> None:
    ranked = related(TEXTS, "2601.00001", limit=3)

    assert ranked[0][0] == "2601.00002"
    assert 0 < ranked[0][1] < 1
    assert all(one[1] >= two[1] for one, two in pairwise(ranked))


def test_a_paper_is_not_related_to_itself_nor_to_what_shares_no_word() -> None:
    assert [id_ for id_, _ in related(TEXTS, "2601.00003", limit=10)] == ["2601.00004"]
    assert related(TEXTS, "2601.00005") == []


def test_a_paper_outside_the_corpus_has_no_neighbours() -> None:
    assert related(TEXTS, "2601.99999") == []
    assert related({}, "2601.00001") == []


def test_equal_texts_come_in_the_order_of_their_identifiers() -> None:
    same = {f"2601.0000{n}": "the same invented words" for n in (4, 2, 3, 1)}

    assert related(same, "2601.00002") == [
        ("2601.00001", 1.0), ("2601.00003", 1.0), ("2601.00004", 1.0),
    ]  # fmt: skip


@settings(max_examples=25)
@given(texts=st.dictionaries(st.sampled_from("abcdef"), st.text(max_size=40)), id_=st.text())
def test_scores_lie_between_nought_and_one_for_any_text(texts: dict[str, str], id_: str) -> None:
    for _, score in Neighbours(texts).nearest(id_):
        assert 0 < score <= 1


def test_the_order_of_the_documents_does_not_matter() -> None:
    backwards = dict(reversed(TEXTS.items()))

    assert related(backwards, "2601.00002") == related(TEXTS, "2601.00002")


def test_the_corpus_of_a_store_is_its_papers_with_their_abstracts(
    store, source_id, preprint
) -> None:
    from datetime import date

    from registry.store.preprints import put_preprints
    from registry.store.schema import papers

    row = {"id": "2603.00001", "kind": "paper", "title": "T", "former_titles": [], "authors": [],
           "submitted": date(2026, 1, 1), "categories": [], "gist": "G", "claims": [],
           "status": "active"}  # fmt: skip
    with store.write() as connection:
        connection.execute(papers.insert(), row)
        put_preprints(
            connection, [preprint("2603.00001", abstract="A"), preprint("2603.00002")], source_id
        )

    assert corpus(store) == {"2603.00001": "T\nT\nG\nA"}

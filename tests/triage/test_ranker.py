from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from registry.core.errors import UnknownNameError
from registry.core.settings import Settings
from registry.store.engine import Store
from registry.triage import kept
from registry.triage.accept import reject
from registry.triage.decided import examples_of
from registry.triage.documents import Document, Example
from registry.triage.features import Vectoriser
from registry.triage.ranker import Ranker, load_or_train, train
from tests.catalog.fabricated import TAXONOMY
from tests.triage import made_up


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    return train(made_up.library(), TAXONOMY)


def new(topic: str, id_: str = "2603.00001") -> Document:
    return made_up.about(topic, id_, seed=9).document


def stranger(id_: str = "2603.00002") -> Document:
    return made_up.unlisted(id_, seed=9).document


def test_what_reads_like_accepted_papers_comes_first_with_its_leaf(ranker: Ranker) -> None:
    first, second = ranker.rank([stranger(), new("fruit/pears")])

    assert (first.id, second.id) == ("2603.00001", "2603.00002")
    assert first.relevance > 0.9 > 0.1 > second.relevance
    assert first.leaves[0].leaf == "fruit/pears"
    assert max(guess.probability for guess in second.leaves) < first.leaves[0].probability
    assert not first.abstains


def test_a_relevance_is_a_probability_of_papers_it_has_not_seen() -> None:
    noisy = [
        Example(one.document, one.relevant != (n % 5 == 0), decided=True, leaves=one.leaves)
        for n, one in enumerate(made_up.library(each=60, others=180))
    ]
    ranker = train(noisy, TAXONOMY)

    fresh = [new("fruit/apples", f"2604.{n:05}") for n in range(40)]

    # One label in five is wrong, so four in five is all that can be promised.
    assert np.mean(ranker.likely(fresh)) == pytest.approx(0.8, abs=0.1)


def test_reasons_name_terms_neighbours_methods_and_authors(ranker: Ranker) -> None:
    document = new("fruit/apples")
    named = Document(
        document.id, document.title, f"{document.abstract} We use DPO, in a galaxy.",
        ("Ada Example", "Zed Nobody"),
    )  # fmt: skip

    [ranked] = ranker.rank([named])

    reasons = ranked.reasons
    words = {word for term, _ in reasons.terms_for for word in term.split()}
    assert words & set(made_up.TOPICS["fruit/apples"].split())
    assert "galaxy" in dict(reasons.terms_against)
    assert all(share > 0 for _, share in reasons.terms_for)
    assert sum(abs(share) for _, share in (*reasons.terms_for, *reasons.terms_against)) <= 1
    assert reasons.accepted[0].decision == "accepted"
    assert [n.similarity for n in reasons.accepted] == sorted(
        (n.similarity for n in reasons.accepted), reverse=True
    )
    assert (reasons.methods, reasons.authors) == (("dpo",), ("Ada Example",))


def test_a_leaf_without_papers_gains_from_those_of_its_group() -> None:
    known = [one for one in made_up.library() if one.leaves != ("fruit/pears",)]
    ranker = train(known, TAXONOMY)

    likely = ranker.leaves.probabilities(ranker.vectoriser.rows([new("fruit/apples")]))[0]

    by_leaf = dict(zip(ranker.leaves.slugs, likely, strict=True))
    assert by_leaf["fruit/apples"] > by_leaf["fruit/pears"] > by_leaf["roots/carrots"]


def test_a_paper_is_no_neighbour_of_itself(ranker: Ranker) -> None:
    known = made_up.library()[0].document
    [ranked] = ranker.rank([known])
    assert known.id not in [near.id for near in ranked.reasons.accepted]


def test_the_order_of_the_examples_changes_nothing(ranker: Ranker) -> None:
    documents = [new("roots/carrots"), stranger()]
    assert train(made_up.library()[::-1], TAXONOMY).rank(documents) == ranker.rank(documents)


def test_a_kept_ranker_says_the_same(ranker: Ranker, tmp_path: Path) -> None:
    kept.save(tmp_path / "made.npz", ranker)
    documents = [new("roots/carrots"), stranger(), made_up.library()[-1].document]
    again = kept.load(tmp_path / "made.npz")
    assert again is not None
    assert again.rank(documents) == ranker.rank(documents)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not a zip", None])
def test_a_damaged_file_is_as_good_as_none(
    ranker: Ranker, tmp_path: Path, damage: bytes | None
) -> None:
    path = tmp_path / "made.npz"
    kept.save(path, ranker)
    path.write_bytes(path.read_bytes()[:5000] if damage is None else damage)
    assert kept.load(path) is None


def test_what_was_learned_from_is_the_name_of_the_file(ranker: Ranker) -> None:
    examples = made_up.library()
    name = kept.fingerprint(examples, TAXONOMY)
    assert kept.fingerprint(examples[::-1], TAXONOMY) == name
    assert kept.fingerprint(examples[1:], TAXONOMY) != name
    other = Example(examples[0].document, False, decided=True)
    assert kept.fingerprint([other, *examples[1:]], TAXONOMY) != name
    ours = replace(examples[0], own=True)
    assert kept.fingerprint([ours, *examples[1:]], TAXONOMY) != name


def test_nothing_decided_means_no_opinion() -> None:
    ranker = train([made_up.unlisted(f"2601.{n:05}") for n in range(3)], TAXONOMY)
    [ranked] = ranker.rank([stranger()])
    assert (ranked.relevance, ranked.abstains) == (0.5, True)
    assert ranked.reasons.terms_for == ()


def test_a_title_alone_is_ranked_and_abstained_from(ranker: Ranker) -> None:
    bare = made_up.about("fruit/apples", "2603.00003", abstract=False).document
    [ranked] = ranker.rank([bare])
    assert ranked.relevance > 0.5
    assert ranked.abstains


def test_having_an_abstract_is_no_reason() -> None:
    """Accepted papers known by title alone, all others with abstracts: the shape of real labels."""
    examples = made_up.library(abstract=False)
    ranker = train(examples, TAXONOMY)

    whole, bare = new("fruit/apples"), stranger()
    bare = Document(bare.id, bare.title)

    assert ranker.likely([whole])[0] > 0.5 > ranker.likely([bare])[0]


def test_a_waiting_paper_is_not_held_against_itself() -> None:
    """It trains as probably rejected, but by a model that its own score does not come from."""
    waiting = [
        Example(
            made_up.about("fruit/apples", f"2602.{n:05}", seed=5).document, False, decided=False
        )
        for n in range(3)
    ]
    ranker = train([*made_up.library(), *waiting], TAXONOMY)
    assert min(ranker.likely([one.document for one in waiting])) > 0.5


def test_picking_shows_the_likeliest_or_the_least_sure(ranker: Ranker) -> None:
    half = Document("2603.00009", "orchard galaxy", "pippin cider redshift quasar study result")
    pool = [new("fruit/apples"), stranger(), half]

    assert [one.id for one in ranker.pick(pool, "relevance", 2)] == ["2603.00001", "2603.00009"]
    assert [one.id for one in ranker.pick(pool, "uncertainty", 1)] == ["2603.00009"]
    assert {one.id for one in ranker.pick(pool, "coreset", 9)} == {one.id for one in pool}
    assert ranker.pick([], "badge", 3) == []
    with pytest.raises(UnknownNameError):
        ranker.pick(pool, "guess", 1)


def test_no_candidates_are_ranked_in_no_time(ranker: Ranker) -> None:
    assert ranker.rank([]) == []


def test_words_are_counted_without_hyphens_accents_or_function_words() -> None:
    documents = [
        Document("1", "The Caf\u00e9 of chain-of-thought", "a caf\u00e9"),
        Document("2", ""),
    ]
    made = Vectoriser.fit(documents)
    assert made.terms == ("cafe", "cafe chain", "chain", "chain thought", "thought")
    assert made.rows([Document("3", "A chain of thought")]).toarray() == pytest.approx(
        made.rows([Document("4", "chain-of-thought")]).toarray()
    )
    assert made.rows([Document("5", "unknown words")]).nnz == 0


def test_a_row_holds_what_a_term_weighs_with_the_title_counted_three_times() -> None:
    documents = [
        Document("1", "seeds", "seeds soil"),
        Document("2", "soil"),
        Document("3", "stone"),
    ]
    made = Vectoriser.fit(documents)
    assert made.terms == ("seeds", "seeds soil", "soil", "stone")

    [row, *_] = made.rows(documents).toarray()

    rare, common = math.log(4 / 2) + 1, math.log(4 / 3) + 1
    by_hand = np.array([(1 + math.log(4)) * rare, rare, common, 0])
    assert row == pytest.approx(by_hand / np.linalg.norm(by_hand))


def test_the_rarest_and_the_commonest_terms_of_many_texts_are_left_out() -> None:
    texts = [Document(str(n), f"all {'some' if n < 3 else ''} own{n}") for n in range(200)]
    assert Vectoriser.fit(texts).terms == ("all some", "some")


def test_a_store_teaches_what_was_accepted_rejected_and_waits(
    store: Store, settings: Settings
) -> None:
    settings = replace(settings, cache_dir=settings.workspace / "cache")
    reject(store, settings, "2603.00002", "about stones")

    by_id = {one.document.id: one for one in examples_of(store)}

    entry, waiting, rejected = (
        by_id[f"{id_}"] for id_ in ("2401.00001", "2603.00001", "2603.00002")
    )
    assert (entry.relevant, entry.decided, entry.leaves) == (True, True, ("fruit/apples",))
    assert (waiting.relevant, waiting.decided) == (False, False)
    assert (rejected.relevant, rejected.decided, rejected.own) == (False, True, True)


def test_the_same_decisions_train_once_and_a_new_one_again(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    settings = replace(settings, cache_dir=tmp_path / "cache")
    files = tmp_path / "cache" / "ranker"

    load_or_train(store, settings)
    [made] = files.glob("*.npz")
    written = made.stat().st_mtime_ns
    load_or_train(store, settings)
    assert [path.stat().st_mtime_ns for path in files.glob("*.npz")] == [written]
    reject(store, settings, "2603.00002", "about stones")
    load_or_train(store, settings)
    assert len(list(files.glob("*.npz"))) == 2

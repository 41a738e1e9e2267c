from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry.catalog.files import load_taxonomy, save_entry
from registry.core.settings import Settings
from registry.store.engine import Store
from registry.store.sync import refresh
from registry.triage import placed
from registry.triage.decisions import reject
from registry.triage.placed import Placed
from registry.triage.ranker import load_or_train
from tests.catalog import fabricated
from tests.triage import made_up
from tests.triage.waiting import put

WORDS = made_up.TOPICS["fruit/pears"]


@pytest.fixture
def filed(store: Store, settings: Settings) -> Settings:
    """A catalog with eight papers of each leaf."""
    for place, (leaf, words) in enumerate(made_up.TOPICS.items()):
        for n in range(8):
            made = made_up.document(
                f"2402.{place + 1}{n:04}", words.split(), seed=1, abstract=False
            )
            save_entry(settings.catalog_dir, fabricated.paper(made.id, title=made.title, leaf=leaf))
    refresh(store, settings)
    return settings


def ask(store: Store, settings: Settings) -> Placed:
    return placed.placed(store, settings, load_taxonomy(settings.catalog_dir))


def test_a_candidate_goes_where_papers_with_its_words_went(store: Store, filed: Settings) -> None:
    [id_] = put(store, 1, abstract=WORDS)

    found = ask(store, filed)

    assert found[id_][0].leaf == "fruit/pears"
    stranger = max((one.probability for one in found["2603.00001"]), default=0.0)
    assert found[id_][0].probability > stranger


def test_the_leaves_are_those_of_the_whole_ranker(store: Store, filed: Settings) -> None:
    from registry.store.queries import candidates

    put(store, 3, abstract=WORDS)
    ranked = load_or_train(store, filed).rank(candidates(store))

    assert ask(store, filed) == {one.id: one.leaves for one in ranked}


def test_it_learns_once_and_again_after_a_decision(
    store: Store, filed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    [id_] = put(store, 1, abstract=WORDS)
    fits: list[int] = []
    fit = placed._fit
    monkeypatch.setattr(placed, "_fit", lambda *given: fits.append(1) or fit(*given))

    first = ask(store, filed)
    assert (ask(store, filed), len(fits)) == (first, 1)
    reject(store, filed, id_, "off")
    assert id_ not in ask(store, filed)
    assert len(fits) == 2


def test_a_damaged_file_or_a_closed_folder_costs_time_only(store: Store, filed: Settings) -> None:
    first = ask(store, filed)
    file = filed.cache_dir / "placed.json"
    for text in ("", "[]", '{"of": 1}', file.read_text()[:-20]):
        file.write_text(text)
        assert ask(store, filed) == first
    blocked = Path(filed.workspace) / "file"
    blocked.write_text("")
    assert ask(store, replace(filed, cache_dir=blocked)) == first


def test_too_few_filed_papers_teach_nothing(store: Store, settings: Settings) -> None:
    assert ask(store, settings) == {}
    assert not (settings.cache_dir / "placed.json").exists()

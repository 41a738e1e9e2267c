from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from registry.catalog.models import Taxonomy
from registry.core.errors import StoreError
from registry.core.settings import Settings
from registry.store import sync
from registry.store.engine import Store
from registry.store.queries import decide
from registry.triage import placed
from registry.triage.newcomers import newcomers
from registry.triage.ranked import LeafGuess
from tests.catalog.fabricated import TAXONOMY
from tests.triage.waiting import put

DAY = date(2026, 3, 2)


def taxonomy() -> Taxonomy:
    tree = TAXONOMY.model_dump(mode="json")
    tree["groups"][0]["leaves"][0]["keywords"] = ["early seed", "on seeds"]
    return Taxonomy.model_validate(tree)


def test_a_candidate_whose_newest_title_names_a_leaf_is_a_newcomer(
    store: Store, settings: Settings
) -> None:
    (found,) = newcomers(settings, taxonomy(), date(2026, 3, 1))
    assert (found.id, found.title, found.day) == ("2603.00001", "On Seeds", "2026-03-02")
    assert (found.leaves, found.reasons) == (("fruit/apples",), ("names On Seeds",))


def test_where_something_was_learned_the_ranker_says_where_a_candidate_would_go(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"2603.00001": (LeafGuess("fruit/pears", 0.634),), "2603.10000": ()}
    monkeypatch.setattr(placed, "placed", lambda *_: said)
    put(store, 2, title="On Seeds")

    found = newcomers(settings, taxonomy(), date(2026, 3, 1))

    assert {one.id: (one.leaves, one.reasons) for one in found} == {
        "2603.00001": (("fruit/pears",), ("likely 63%",)),
        "2603.10001": (("fruit/apples",), ("names On Seeds",)),  # it did not look at this one
    }


def test_what_is_older_rejected_or_catalogued_is_none(store: Store, settings: Settings) -> None:
    assert newcomers(settings, taxonomy(), DAY) == ()
    with store.write() as connection:
        decide(connection, "2603.00001", "reject", "not about seeds", {})
    assert newcomers(settings, taxonomy(), date(2026, 3, 1)) == ()


def test_to_look_makes_no_database(settings: Settings, tmp_path: Path) -> None:
    absent = replace(settings, database_url=f"sqlite:///{tmp_path}/absent.db")
    assert newcomers(absent, taxonomy(), DAY) == ()
    assert not (tmp_path / "absent.db").exists()


def test_a_database_that_cannot_be_written_to_is_read_as_it_is(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("attempt to write a readonly database")

    monkeypatch.setattr(sync, "refresh", refuse)
    assert len(newcomers(settings, taxonomy(), date(2026, 3, 1))) == 1

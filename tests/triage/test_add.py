from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from registry.catalog.facts import Facts
from registry.catalog.files import find_entry, load_paper, save_entry
from registry.catalog.models import Paper
from registry.core.errors import UnknownNameError, UsageError
from registry.core.ids import ArxivId
from registry.core.settings import Settings
from registry.store.engine import Store
from registry.store.queries import candidate
from registry.triage.add import Choice, add_all, add_gist, add_one, facts_of
from tests.catalog.fabricated import paper
from tests.triage.conftest import ABSTRACT

ID = "2603.00001"
GIST = "Nothing grows from made-up seeds within a week, however often one counts."


def facts(**changes: Any) -> Facts:
    fields: dict[str, Any] = {
        "id": ID, "title": "On Seeds", "authors": ("Ada Example",), "abstract": ABSTRACT,
        "announced": date(2026, 3, 3), "leaves": {"fruit/apples": {"a-list"}},
    }  # fmt: skip
    return Facts(**(fields | changes))


def test_a_stored_preprint_becomes_an_entry_with_its_former_title(
    store: Store, settings: Settings
) -> None:
    found = candidate(store, ID)
    assert found is not None
    choice = Choice("fruit/pommes", ("fruit/pears",), methods=("dpo:uses",))
    added = add_one(settings, facts_of(found), choice, {ID: found.former_titles})
    entry = load_paper(added.path)
    assert entry == added.paper
    assert (entry.title, entry.former_titles) == ("On Seeds", ("Early Seeds",))
    assert (entry.leaf, entry.secondary) == ("fruit/apples", ("fruit/pears",))
    assert entry.leaf_sources == {"fruit/apples": ("curator",), "fruit/pears": ("curator",)}
    assert (entry.submitted, entry.updated) == (date(2026, 3, 2), date(2026, 4, 2))
    assert (entry.categories, entry.doi, entry.gist) == (("cs.LG", "stat.ML"), "10.1000/x", None)


def test_the_same_facts_make_the_same_bytes_and_a_dry_run_none(settings: Settings) -> None:
    choice = Choice("fruit/apples", gist=GIST)
    dry = add_one(settings, facts(), choice, {}, dry_run=True)
    assert not dry.path.exists() and not dry.written
    assert dry.diff.startswith(f"--- /dev/null\n+++ papers/{ID}.yaml\n@@ -0,0 +1,")
    assert f'\n+id: "{ID}"\n' in dry.diff
    added = add_one(settings, facts(), choice, {})
    assert added.path.read_text() == dry.text
    assert added.paper.leaf_sources == {"fruit/apples": ("a-list", "curator")}


@pytest.mark.parametrize(
    ("known", "choice", "kind", "said"),
    [
        ({}, Choice("fruit/aples"), UnknownNameError, "unknown leaf 'fruit/aples'"),
        ({}, Choice("fruit/apples", ("fruit/pommes",)), UsageError, "a leaf is named twice"),
        ({}, Choice("fruit/apples", gist="Too short."), UsageError, "has 2 words"),
        ({}, Choice("fruit/apples", gist=ABSTRACT), UsageError, "copies the abstract"),
        ({}, Choice("fruit/apples", methods=("dpo",)), UsageError, "names no relation"),
        ({}, Choice("fruit/apples", methods=("dop:uses",)), UnknownNameError, "unknown method"),
        ({"id": "2401.00001"}, Choice("fruit/apples"), UsageError, "in the catalog already"),
        ({"title": None, "listed": ["On Seeds"]}, Choice("fruit/apples"), UsageError, "no index"),
        ({"listed": ["On Trees"]}, Choice("fruit/apples"), UsageError, "a list gives another"),
    ],
)  # fmt: skip
def test_what_will_not_do_is_refused_and_nothing_is_written(
    settings: Settings, known: dict[str, Any], choice: Choice, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said):
        add_one(settings, facts(**known), choice, {})
    assert find_entry(settings.catalog_dir, ArxivId(ID)) is None


def test_a_second_entry_of_one_title_is_refused(settings: Settings) -> None:
    save_entry(settings.catalog_dir, paper("2401.00002", title="ON seeds"))
    with pytest.raises(Exception, match="has the same title"):
        add_one(settings, facts(), Choice("fruit/apples"), {})


def test_all_of_a_file_enter_once_and_the_reasons_of_the_others_are_counted(
    settings: Settings,
) -> None:
    held = {
        one.id: one
        for one in (
            facts(),
            facts(id="2603.00002", title=None, listed=["Unheard Of"]),
            facts(
                id="2603.00003", title="A made-up title 2401.00001", leaves={"fruit/pears": set()}
            ),
            facts(id="2401.00001"),
        )
    }
    first = add_all(settings, held, {})
    assert [one.paper.id for one in first.added] == [ID]
    assert first.reasons == {"no index knows the title": 1, "an entry has the same title": 1}
    assert first.there_already == 1
    before = sorted((p.name, p.read_bytes()) for p in (settings.catalog_dir / "papers").iterdir())
    again = add_all(settings, held, {})
    assert (again.added, again.there_already) == ((), 2)
    now = sorted((p.name, p.read_bytes()) for p in (settings.catalog_dir / "papers").iterdir())
    assert now == before


def test_a_catalog_inside_an_installed_package_is_not_written_to(settings: Settings) -> None:
    import registry

    inside = Path(registry.__file__).parent / "_data" / "catalog"
    from dataclasses import replace

    with pytest.raises(UsageError, match="inside the installed package"):
        add_one(replace(settings, catalog_dir=inside), facts(), Choice("fruit/apples"), {})


def test_an_entry_of_facts_alone_gets_its_gist_and_what_it_lacks(settings: Settings) -> None:
    bare = Paper(id=ID, title="On Seeds", leaf="fruit/apples", announced=date(2026, 3, 3))
    save_entry(settings.catalog_dir, bare)
    known = facts(submitted=date(2026, 3, 2), categories=("cs.LG",))
    dry = add_gist(settings, ID, GIST, known, dry_run=True)
    changed = [line for line in dry.diff.splitlines()[2:] if line[0] in "+-"]
    assert sorted(changed) == [
        "+  - Ada Example",
        "+  - cs.LG",
        "+authors:",
        "+categories:",
        f"+gist: {GIST}",
        "+submitted: 2026-03-02",
        "-announced: 2026-03-03",
    ]
    assert load_paper(dry.path) == bare
    added = add_gist(settings, ID, GIST, known)
    assert load_paper(added.path) == added.paper
    assert added.paper.gist == GIST and added.paper.announced is None
    with pytest.raises(UsageError, match="has a gist already"):
        add_gist(settings, ID, GIST, known)


def test_a_gist_needs_an_entry_and_words_of_its_own(settings: Settings) -> None:
    with pytest.raises(UsageError, match="has no entry yet"):
        add_gist(settings, ID, GIST, facts())
    save_entry(settings.catalog_dir, Paper(id=ID, title="On Seeds", leaf="fruit/apples"))
    with pytest.raises(UsageError, match="copies the abstract"):
        add_gist(settings, ID, ABSTRACT, facts())

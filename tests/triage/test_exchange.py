from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from registry.core.errors import UsageError
from registry.core.settings import Settings
from registry.store.engine import Store, open_store
from registry.store.queries import candidates
from registry.store.standing import standings
from registry.triage import decisions
from registry.triage.accept import Proposal, accept
from registry.triage.exchange import export_decisions, import_decisions
from registry.triage.retag import retag
from registry.triage.turns import By
from registry.triage.undo import undo

ANN, BOB = By("ann"), By("bob")
ID, OTHER = "2603.00001", "2603.00002"
GIST = "Nothing grows from made-up seeds, and the authors say so at length."


@pytest.fixture
def elsewhere(settings: Settings, furnished_file: Path, tmp_path: Path) -> Iterator[Store]:
    """A second database, of SQLite, with the same candidates and no decision."""
    shutil.copy(furnished_file, tmp_path / "elsewhere.db")
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    with open_store(replace(settings, database_url=url)) as opened:
        yield opened


def log(store: Store) -> list[dict[str, object]]:
    return [json.loads(line) for line in export_decisions(store)]


def states(store: Store) -> dict[str, str]:
    with store.read() as connection:
        return {id_: standing.state for id_, standing in standings(connection).items()}


def test_a_log_brought_to_another_database_says_the_same_there(
    store: Store, settings: Settings, elsewhere: Store
) -> None:
    retag(store, settings, ID, "fruit/pears", by=ANN)
    accept(store, settings, ID, Proposal("fruit/pears", GIST), by=ANN)
    decisions.reject(store, settings, OTHER, "off", by=ANN)
    undo(store, settings, ANN, OTHER)
    decisions.duplicate(store, settings, OTHER, ID, by=ANN)

    first = import_decisions(elsewhere, export_decisions(store))
    again = import_decisions(elsewhere, export_decisions(store))

    assert (first.added, first.known, first.left_out) == (5, 0, 0)
    assert (again.added, again.known) == (0, 5)
    assert log(elsewhere) == log(store)
    assert states(elsewhere) == states(store) == {ID: "accepted", OTHER: "duplicate"}
    assert [c.id for c in candidates(elsewhere)] == [ID]  # its file travels through git


def test_two_databases_that_exchange_their_logs_stand_the_same(
    store: Store, settings: Settings, elsewhere: Store
) -> None:
    decisions.reject(store, settings, ID, "off", by=ANN)
    decisions.maybe(elsewhere, settings, ID, by=BOB)
    decisions.duplicate(elsewhere, settings, OTHER, ID, by=BOB)

    there, here = list(export_decisions(elsewhere)), list(export_decisions(store))
    import_decisions(store, there)
    import_decisions(elsewhere, here)

    assert states(store) == states(elsewhere) == {ID: "rejected", OTHER: "duplicate"}
    assert {line["uid"] for line in log(store)} == {line["uid"] for line in log(elsewhere)}


def test_a_line_undone_in_both_databases_is_undone(
    store: Store, settings: Settings, elsewhere: Store
) -> None:
    decisions.reject(store, settings, ID, "off", by=ANN)
    import_decisions(elsewhere, export_decisions(store))
    undo(store, settings, ANN)
    undo(elsewhere, settings, ANN)

    brought = import_decisions(elsewhere, export_decisions(store))

    assert (brought.added, brought.left_out) == (0, 0)
    assert states(elsewhere) == {}


def test_lines_on_papers_never_ingested_are_left_out_and_named(
    store: Store, settings: Settings, elsewhere: Store
) -> None:
    decisions.reject(store, settings, ID, "off", by=ANN)
    [line] = log(store)
    strange = line | {"uid": "1" * 32, "id": "2603.09999"}
    undone = {
        "uid": "2" * 32, "id": "2603.09999", "decision": "undo", "at": line["at"],
        "undoes": "1" * 32,
    }  # fmt: skip

    brought = import_decisions(elsewhere, map(json.dumps, (strange, line, undone)))

    assert (brought.added, brought.left_out) == (1, 2)
    assert brought.unknown_papers == ("2603.09999",)


WRONG: tuple[tuple[dict[str, object], str], ...] = (
    ({"id": "2502.143"}, "id:"),
    ({"decision": "delete"}, "decision:"),
    ({"at": "2026-03-02T09:00:00"}, "at:"),
    ({"at": "yesterday"}, "at:"),
    ({"uid": "x"}, "uid:"),
    ({"undoes": "1" * 32}, "nothing else does"),
    ({"decision": "undo"}, "names what it undoes"),
    ({"decision": "duplicate"}, "duplicate of"),
    ({"decision": "duplicate", "detail": {"of": "../x"}}, "of"),
    ({"detail": {"leaf": 5}}, "leaf"),
    ({"detail": {"secondary": "ab"}}, "secondary"),
    ({"by": "x" * 81}, "by:"),
    ({"colour": "red"}, "colour:"),
    ({"reason": "x" * 5000}, "reason:"),
    ({"detail": {"x": "y" * 70_000}}, "more than 65536"),
)


def test_a_wrong_line_is_named_and_nothing_is_imported(
    store: Store, settings: Settings, elsewhere: Store
) -> None:
    decisions.reject(store, settings, ID, "off", by=ANN)
    [good] = log(store)

    for change, words in WRONG:
        with pytest.raises(UsageError, match=rf"log\.jsonl:2: no decision: .*{words}"):
            import_decisions(elsewhere, map(json.dumps, (good, good | change)), "log.jsonl")
    assert log(elsewhere) == []


def test_what_is_no_export_is_refused_and_nothing_is_nothing(elsewhere: Store) -> None:
    for text in ("[]", "null", "{", '{"uid": 1}', "\x00", "[" * 9000):
        with pytest.raises(UsageError, match="the file:1: no decision"):
            import_decisions(elsewhere, [text])
    assert import_decisions(elsewhere, [""]).added == 0


def test_a_line_that_was_edited_is_refused(store: Store, settings: Settings) -> None:
    decisions.reject(store, settings, ID, "off", by=ANN)
    [line] = log(store)

    with pytest.raises(UsageError, match="One of the two logs was edited"):
        import_decisions(store, [json.dumps(line | {"decision": "maybe"})])


def test_an_undo_of_another_papers_line_is_refused(store: Store, settings: Settings) -> None:
    decisions.reject(store, settings, ID, "off", by=ANN)
    undo(store, settings, ANN)
    rejected, undone = log(store)

    with pytest.raises(UsageError, match="One of the two logs was edited"):
        import_decisions(store, [json.dumps(undone | {"uid": "3" * 32, "id": OTHER})])
    swapped = [json.dumps(line) for line in (undone, rejected)]
    assert import_decisions(store, swapped).known == 2


def test_an_undo_may_stand_before_its_line(
    store: Store, settings: Settings, elsewhere: Store
) -> None:
    decisions.reject(store, settings, ID, "off", by=ANN)
    undo(store, settings, ANN)

    brought = import_decisions(elsewhere, reversed(list(export_decisions(store))))

    assert (brought.added, brought.left_out, states(elsewhere)) == (2, 0, {})

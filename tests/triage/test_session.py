"""A session without a terminal: keys come as lines, pages go out as text."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from registry.catalog.files import load_paper
from registry.core.settings import Settings
from registry.ingest import ledger
from registry.store.engine import Store
from registry.store.preprints import put_preprints
from registry.store.queries import candidates
from registry.store.standing import live, read_log, standings
from registry.triage import decisions, queue
from registry.triage.passes import start_pass
from registry.triage.queue import Order, Queue
from registry.triage.session import Session
from registry.triage.terminal import Lines
from registry.triage.turns import By
from tests.triage.conftest import preprint
from tests.triage.waiting import CRITERIA, LastDigits, put


@pytest.fixture(autouse=True)
def around(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (settings.catalog_dir / "criteria.yaml").write_text(CRITERIA)
    editor = tmp_path / "editor"
    editor.write_text(
        "#!/bin/sh\necho 'In words of our own: it is all made up, twice.' >> \"$1\"\n"
    )
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setattr(queue, "load_ranker", lambda store, settings: (LastDigits(), None))


def hold(store: Store, settings: Settings, typed: str, double: bool = False) -> str:
    """What a session prints in which these lines are typed, as ann, or bob the second."""
    shown = io.StringIO()
    order = Order("bob" if double else "ann", double=double)
    with Lines(io.StringIO(typed), shown) as terminal:
        Session(store, settings, Queue(store, settings, order), terminal).run()
    return shown.getvalue()


def log(store: Store) -> list[tuple[str, str, str | None]]:
    with store.read() as connection:
        lines = live(read_log(connection))
    return [(line.decision, line.preprint_id, line.reason) for line in lines]


def test_a_card_shows_all_that_helps_to_decide(store: Store, settings: Settings) -> None:
    [id_] = put(store, 1)

    page = " ".join(hold(store, settings, "q\n").split())

    for shown in (
        f"{id_} v1 2026-03-03 cs.LG", "relevance 10%", f"Made-up Study {id_}", "Ada Example",
        "We plant invented seeds", "leaves 1:fruit/pears 0.70", "for seeds +0.50",
        "authors Ada Example", "near accepted 2401.00001 0.80 Red", "in fruit",
        "out 1:stone 2:fish", "2 more wait; by relevance; as ann",
    ):  # fmt: skip
        assert shown in page


def test_keys_decide_one_paper_after_the_other(store: Store, settings: Settings) -> None:
    five, four, three, two, one = reversed(put(store, 5))

    hold(store, settings, "r\n2\nr\n/\nstone: grey\nm\nA\n1\nd\n2401.00001\nq\n")

    assert log(store) == [
        ("reject", five, "fish"), ("reject", four, "stone: grey"), ("maybe", three, None),
        ("accept", two, None), ("duplicate", one, None),
    ]  # fmt: skip
    paper = load_paper(settings.catalog_dir / "papers" / f"{two}.yaml")
    assert (paper.leaf, paper.gist) == (
        "fruit/pears", "In words of our own: it is all made up, twice.",
    )  # fmt: skip


def test_words_find_a_leaf_that_was_not_suggested(store: Store, settings: Settings) -> None:
    [id_] = put(store, 1)

    page = hold(store, settings, "A\n/\ncarots\n1\nq\n")

    assert "accept: 1:roots/carrots" in page
    assert load_paper(settings.catalog_dir / "papers" / f"{id_}.yaml").leaf == "roots/carrots"


def test_a_retag_changes_what_is_offered(store: Store, settings: Settings) -> None:
    [id_] = put(store, 1)

    page = hold(store, settings, "t\n/\nroots/carrots fruit/pommes\nq\n")  # an older name

    assert f"{id_} belongs to roots/carrots, fruit/apples; not decided yet" in page
    assert "1:roots/carrots   2:fruit/apples" in page
    assert id_ in [c.id for c in candidates(store)]


def test_going_back_decides_nothing(store: Store, settings: Settings, tmp_path: Path) -> None:
    put(store, 1)
    (tmp_path / "editor").write_text("#!/bin/sh\n")

    page = hold(store, settings, "r\nx\nr\n/\n\na\nx\nA\n1\nd\n\nz\n?\n\nc\n\n")

    assert log(store) == []
    assert "no gist was written" in page
    assert "'z' does nothing; ? shows the keys" in page
    assert "It grows on trees." in page


def test_a_key_that_was_not_offered_is_said_to_decide_nothing(
    store: Store, settings: Settings
) -> None:
    put(store, 1)

    page = hold(store, settings, "r\n3\na\n9\nq\n")

    assert "'3' is none of those offered: nothing decided" in page
    assert "'9' is none of those offered: nothing decided" in page
    assert log(store) == []


def test_an_editor_that_fails_decides_nothing(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for editor, words in (("/nowhere/editor", "does not start"), ("false", "ended with code 1")):
        monkeypatch.setenv("VISUAL", editor)
        assert words in hold(store, settings, "A\n1\nq\n")
    assert log(store) == []


def test_what_cannot_be_done_is_said_and_the_card_stays(store: Store, settings: Settings) -> None:
    page = hold(store, settings, "u\nA\n1\nd\n2502.143\nd\n2603.00002\nq\n")

    assert "ann has no decision to undo" in page
    assert "is withdrawn" in page
    assert "not an arXiv identifier" in page
    assert "duplicate of itself" in page
    assert log(store) == []


def test_a_paper_decided_by_somebody_else_while_it_was_read_is_theirs(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    two, one = reversed(put(store, 2))

    class Slow(io.StringIO):
        def readline(self, *_size: object) -> str:  # type: ignore[override]
            line = super().readline()
            if line == "m\n":
                decisions.reject(store, settings, two, "stone", by=By("bob"))
            return line

    shown = io.StringIO()
    with Lines(Slow("m\ns\nq\n"), shown) as terminal:
        Session(store, settings, Queue(store, settings, Order("ann")), terminal).run()

    assert f"bob rejected {two}" in shown.getvalue()
    assert log(store) == [("reject", two, "stone"), ("skip", one, None)]


def test_a_second_reviewer_decides_beside_the_first(store: Store, settings: Settings) -> None:
    hold(store, settings, "r\n1\nr\n1\nq\n")

    page = hold(store, settings, "r\n1\nr\n2\n", double=True)

    assert "rejected 2603" not in page.partition("more wait")[0]
    with store.read() as connection:
        found = standings(connection).values()
    assert [(s.state, [v.reviewer for v in s.votes]) for s in found] == [
        ("rejected", ["ann", "bob"]), ("rejected", ["ann", "bob"]),
    ]  # fmt: skip


def test_the_end_of_the_queue_and_of_the_input_end_the_session(
    store: Store, settings: Settings
) -> None:
    hold(store, settings, "s\nm\n")
    assert [decision for decision, _, _ in log(store)] == ["skip", "maybe"]
    assert "relevance" not in hold(store, settings, "q\n")

    start_pass(store, "ann")
    assert "ann left open 2603.00001" in hold(store, settings, "s\nq\n")


def test_what_may_be_the_same_paper_is_shown_and_offered_first(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    [id_] = put(store, 1)
    monkeypatch.setattr(queue, "alike", lambda store, id_: (("2401.00001", "doi"),))

    page = hold(store, settings, "d\n1\nq\n")

    assert "same?     2401.00001, by its doi" in page
    with store.read() as connection:
        assert standings(connection)[id_].duplicate_of == "2401.00001"


def test_a_renamed_paper_and_what_reads_alike_are_offered_as_the_original(
    store: Store, settings: Settings
) -> None:
    other, id_ = put(store, 2)
    with store.write() as connection:
        source_id = ledger.source_of(connection, "ids", "made up")
        for one, title in ((other, "SeedSower: a First Try"), (id_, "SeedSower: Sowing Better")):
            put_preprints(connection, [preprint(one, version=2, title=title)], source_id)

    page = hold(store, settings, "d\n2\nq\n")

    assert f"1  {other}  SeedSower: a First Try (candidate)" in page
    assert "2  2401.00001  Red (accepted, reads alike)" in page
    with store.read() as connection:
        assert standings(connection)[id_].duplicate_of == "2401.00001"

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from registry.catalog.files import load_paper
from registry.core.errors import UnknownNameError, UsageError
from registry.core.settings import Settings
from registry.store.engine import Store
from registry.store.queries import candidates, decisions_on, search
from registry.store.standing import originals, standings
from registry.store.sync import refresh
from registry.triage import decisions, filing, turns
from registry.triage.accept import Proposal, accept
from registry.triage.agreement import agreements, conflicts
from registry.triage.retag import retag
from registry.triage.turns import By, Overtaken, reviewer_name
from registry.triage.undo import undo
from tests.catalog import fabricated
from tests.triage.waiting import put

ANN, BOB = By("ann"), By("bob")
ID = "2603.00001"
PROPOSAL = Proposal("fruit/apples", "Nothing grows from made-up seeds, and the authors say so.")


def state(store: Store, id_: str = ID) -> str:
    with store.read() as connection:
        found = standings(connection)
    return found[id_].state if id_ in found else "open"


def entry(settings: Settings, id_: str = ID) -> Path:
    return settings.catalog_dir / "papers" / f"{id_}.yaml"


def test_a_reason_may_be_a_code_a_code_with_a_note_or_words(
    store: Store, settings: Settings
) -> None:
    text = (
        "question: Is it fruit?\ninclude:\n  - code: fruit\n    text: It is.\n"
        "exclude:\n  - code: stone\n    text: It is a stone.\n"
    )
    (settings.catalog_dir / "criteria.yaml").write_text(text)

    made = [
        decisions.reject(store, settings, id_, reason, by=ANN)
        for id_, reason in zip(put(store, 3), ("stone", "stone: a  grey one", "late"), strict=True)
    ]

    assert [(line.reason, line.detail) for line in made] == [
        ("stone", {"code": "stone"}), ("stone: a grey one", {"code": "stone"}), ("late", {}),
    ]  # fmt: skip


def test_nobody_overwrites_the_decision_of_somebody_else(store: Store, settings: Settings) -> None:
    decisions.reject(store, settings, ID, "off", by=ANN)

    with pytest.raises(Overtaken, match=r"ann rejected 2603\.00001 on .*'off'.*--beside.*--settle"):
        accept(store, settings, ID, PROPOSAL, by=BOB)
    with pytest.raises(Overtaken):
        decisions.maybe(store, settings, ID, by=BOB)

    assert (state(store), entry(settings).exists()) == ("rejected", False)


def test_a_second_opinion_stands_beside_the_first_and_settling_ends_it(
    store: Store, settings: Settings
) -> None:
    decisions.reject(store, settings, ID, "off", by=ANN)

    second = accept(store, settings, ID, PROPOSAL, by=By("bob", beside=True))

    assert (second.written, entry(settings).exists(), state(store)) == (False, False, "conflict")
    [conflict] = conflicts(store)
    assert (conflict.id, [v.reviewer for v in conflict.votes]) == (ID, ["ann", "bob"])

    accept(store, settings, ID, PROPOSAL, by=By("cy", settles=True))
    assert (state(store), entry(settings).exists(), conflicts(store)) == ("accepted", True, [])


def test_of_two_reviewers_the_second_acceptance_writes_the_entry(
    store: Store, settings: Settings
) -> None:
    ann, bob = By("ann", beside=True), By("bob", beside=True)

    first = accept(store, settings, ID, PROPOSAL, by=ann)
    assert (first.written, entry(settings).exists(), state(store)) == (False, False, "accepted")
    assert ID in [c.id for c in candidates(store)]
    assert accept(store, settings, ID, PROPOSAL, by=bob, dry_run=True).written is False
    assert accept(store, settings, ID, PROPOSAL, by=bob).written
    assert entry(settings).exists()

    undo(store, settings, bob)
    assert (entry(settings).exists(), state(store)) == (False, "accepted")
    decisions.reject(store, settings, ID, "off", by=bob)
    assert (entry(settings).exists(), state(store)) == (False, "conflict")
    assert accept(store, settings, ID, PROPOSAL, by=By("cy", settles=True)).written


def test_an_entry_that_is_there_takes_further_acceptances_as_votes(
    store: Store, settings: Settings
) -> None:
    accept(store, settings, ID, PROPOSAL, by=ANN)

    for name in ("bob", "cy"):
        assert not accept(store, settings, ID, PROPOSAL, by=By(name, beside=True)).written
    assert [line.reviewer for line in decisions_on(store, ID)] == ["ann", "bob", "cy"]


def test_a_paper_in_the_catalog_is_voted_on_only_as_a_second_opinion(
    store: Store, settings: Settings
) -> None:
    accept(store, settings, ID, PROPOSAL, by=ANN)

    with pytest.raises(UsageError, match=r"in the catalog already.*triage undo 2603\.00001"):
        decisions.reject(store, settings, ID, "off", by=ANN)
    decisions.reject(store, settings, ID, "off", by=By("bob", beside=True))

    assert (state(store), entry(settings).exists()) == ("conflict", True)


def test_one_reviewer_in_two_windows_is_told(store: Store, settings: Settings) -> None:
    line = decisions.maybe(store, settings, ID, by=ANN)
    seen = By("ann", seen=line.id)
    decisions.reject(store, settings, ID, "off", by=ANN)

    with pytest.raises(Overtaken, match="in another window"):
        accept(store, settings, ID, PROPOSAL, by=seen)


def test_a_duplicate_names_a_paper_that_is_known_and_not_itself(
    store: Store, settings: Settings
) -> None:
    one, two, three = put(store, 3)
    decisions.duplicate(store, settings, one, two, by=ANN)
    decisions.duplicate(store, settings, two, "2401.00001", by=ANN)

    with store.read() as connection:
        assert originals(standings(connection)) == {one: "2401.00001", two: "2401.00001"}
    with pytest.raises(UsageError, match="duplicate of itself"):
        decisions.duplicate(store, settings, three, three, by=ANN)
    with pytest.raises(UsageError, match="never ingested"):
        decisions.duplicate(store, settings, three, "2309.00009", by=ANN)


def test_no_ring_of_duplicates_is_made(store: Store, settings: Settings) -> None:
    one, two, three = put(store, 3)
    decisions.duplicate(store, settings, one, two, by=ANN)
    decisions.duplicate(store, settings, two, three, by=ANN)

    with pytest.raises(UsageError, match="duplicate of itself"):
        decisions.duplicate(store, settings, three, one, by=ANN)


@pytest.mark.parametrize("kind", ["reject", "maybe", "skip", "duplicate", "retag"])
def test_a_decision_on_a_paper_never_seen_says_what_to_do(
    store: Store, settings: Settings, kind: str
) -> None:
    rest = {"reject": ("off",), "duplicate": (ID,), "retag": ("fruit/apples",)}.get(kind, ())
    call = retag if kind == "retag" else getattr(decisions, kind)

    with pytest.raises(UsageError, match=r"registry ingest --ids 2603\.09999"):
        call(store, settings, "2603.09999", *rest, by=ANN)


def test_a_reason_has_an_end(store: Store, settings: Settings) -> None:
    with pytest.raises(UsageError, match="600 characters"):
        decisions.reject(store, settings, ID, "x" * 600, by=ANN)


def test_undoing_goes_back_line_by_line_and_stops_at_the_first(
    store: Store, settings: Settings
) -> None:
    one, two = put(store, 2)
    decisions.skip(store, settings, one, by=ANN)
    decisions.reject(store, settings, two, "off", by=ANN)
    decisions.reject(store, settings, ID, "off", by=BOB)

    assert [undo(store, settings, ANN).preprint_id for _ in range(2)] == [two, one]
    assert (state(store, two), state(store)) == ("open", "rejected")
    with pytest.raises(UsageError, match="ann has no decision to undo"):
        undo(store, settings, ANN)
    with pytest.raises(UsageError, match=r"bob rejected .*--of"):
        undo(store, settings, ANN, ID)
    assert undo(store, settings, ANN, ID, of="bob").reviewer == "bob"


def test_undoing_an_acceptance_removes_the_entry_and_brings_the_candidate_back(
    store: Store, settings: Settings
) -> None:
    accept(store, settings, ID, PROPOSAL, by=ANN)

    undo(store, settings, ANN)

    assert not entry(settings).exists()
    assert not refresh(store, settings)
    assert ID in [c.id for c in candidates(store)]
    assert {hit.id: hit.status for hit in search(store, "seeds")}[ID] == "candidate"


def test_an_edited_entry_is_not_removed(store: Store, settings: Settings) -> None:
    accept(store, settings, ID, PROPOSAL, by=ANN)
    edited = entry(settings).read_text() + "venue: Nowhere\n"
    entry(settings).write_text(edited)

    with pytest.raises(UsageError, match="edited since it was accepted"):
        undo(store, settings, ANN)

    assert (entry(settings).read_text(), state(store)) == (edited, "accepted")
    entry(settings).unlink()
    assert undo(store, settings, ANN, ID).decision == "accept"


def test_an_entry_that_another_names_is_not_removed(store: Store, settings: Settings) -> None:
    accept(store, settings, ID, PROPOSAL, by=ANN)
    fabricated.write(settings.catalog_dir, fabricated.paper("2401.00007", related=[ID]))

    with pytest.raises(UsageError, match=r"2401\.00007\.yaml names 2603\.00001"):
        undo(store, settings, ANN)
    assert entry(settings).exists()


def test_a_retag_of_a_candidate_is_a_note(store: Store, settings: Settings) -> None:
    retag(store, settings, ID, "fruit/pears", ("roots/carrots",), by=ANN)

    with store.read() as connection:
        tag = standings(connection)[ID].tag
    assert tag is not None
    assert tag.detail == {"leaf": "fruit/pears", "secondary": ["roots/carrots"]}
    with pytest.raises(UnknownNameError, match="Did you mean 'fruit/pears'"):
        retag(store, settings, ID, "fruit/peers", by=ANN)


def test_a_retag_of_an_entry_changes_its_file_and_can_be_undone(
    store: Store, settings: Settings
) -> None:
    accept(store, settings, ID, PROPOSAL, by=ANN)
    before = entry(settings).read_bytes()

    retag(store, settings, ID, "fruit/pears", ("roots/carrots",), by=ANN)
    assert load_paper(entry(settings)).leaves == ("fruit/pears", "roots/carrots")
    assert not refresh(store, settings)
    with pytest.raises(UsageError, match="already"):
        retag(store, settings, ID, "fruit/pears", ("roots/carrots",), by=ANN)

    undo(store, settings, ANN)
    assert entry(settings).read_bytes() == before
    undo(store, settings, ANN)
    assert not entry(settings).exists()


def test_an_undo_that_cannot_write_leaves_all_as_it_was(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(store, settings, ID, PROPOSAL, by=ANN)
    before = hashlib.sha256(entry(settings).read_bytes()).digest()

    def breaks(*_arguments: object, **_named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(filing, "mirror_entry", breaks)
    with pytest.raises(Exception, match="No space left"):
        undo(store, settings, ANN)

    assert hashlib.sha256(entry(settings).read_bytes()).digest() == before
    assert [line.decision for line in decisions_on(store, ID)] == ["accept"]


def test_agreement_counts_what_both_judged(store: Store, settings: Settings) -> None:
    ids = put(store, 4)
    for id_, one, other in zip(ids, "ioio", "iooo", strict=True):
        for verdict, by in ((one, ANN), (other, By("bob", beside=True))):
            if verdict == "i":
                accept(store, settings, id_, PROPOSAL, by=by)
            else:
                decisions.reject(store, settings, id_, "off", by=by)

    [found] = agreements(store)

    assert (found.reviewers, found.papers, found.agreed) == (("ann", "bob"), 4, 3)
    assert found.kappa == pytest.approx(0.5)
    assert (found.same_leaf, found.both_in) == (1, 1)


def test_the_reviewer_is_named_by_option_variable_or_git(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_from_git", lambda settings: "Git Name")
    monkeypatch.delenv("REGISTRY_REVIEWER", raising=False)
    assert reviewer_name(settings) == "Git Name"
    monkeypatch.setenv("REGISTRY_REVIEWER", "Vera Variable")
    assert reviewer_name(settings) == "Vera Variable"
    assert reviewer_name(settings, " Ann\x1b[31m\n Onymous ") == "Ann Onymous"
    for wrong in ("", " \t", "x" * 81):
        with pytest.raises(UsageError, match="no name of a reviewer"):
            reviewer_name(settings, wrong)

"""Killed with SIGKILL at every step, or two at once: what was decided is there, once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.catalog.checks import check_catalog
from registry.core.errors import RegistryError
from registry.core.settings import Settings
from registry.store.engine import Store, open_store
from registry.store.queries import decisions_on
from registry.store.standing import read_log
from registry.store.sync import refresh
from registry.triage import accept as accepting
from registry.triage import decisions, filing
from registry.triage import undo as undoing
from registry.triage.accept import Proposal, accept
from registry.triage.turns import By, Overtaken
from registry.triage.undo import undo
from tests.triage.waiting import put

ANN = By("ann")
ID = "2603.00001"
PROPOSAL = Proposal("fruit/apples", "Nothing grows from made-up seeds, and they say so too.")


def killed(settings: Settings, module: object, name: str, work: Callable[[Store], None]) -> None:
    """Run ``work`` in a process of its own that is killed right after ``module.name`` returned."""
    child = os.fork()
    if child == 0:
        try:
            original = getattr(module, name)

            def last(*arguments: object, **named: object) -> object:
                result = original(*arguments, **named)
                os.kill(os.getpid(), signal.SIGKILL)
                return result

            setattr(module, name, last)
            with open_store(settings) as store:
                work(store)
        finally:
            os._exit(99)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it was to be killed on the way"


def settle(settings: Settings) -> tuple[bool, list[str]]:
    """Whether the entry is there, and the live log, after the store was opened again."""
    with open_store(settings) as store:
        refresh(store, settings)
        lines = [line.decision for line in decisions_on(store, ID)]
    return (settings.catalog_dir / "papers" / f"{ID}.yaml").is_file(), lines


@pytest.mark.parametrize(
    ("module", "step"),
    [(accepting, "decide"), (filing, "save_entry"), (filing, "mirror_entry"),
     (filing, "mark_mirrored")],
)  # fmt: skip
def test_an_acceptance_killed_on_the_way_is_finished_by_the_same_command(
    settings: Settings, module: object, step: str
) -> None:
    before = check_catalog(settings.catalog_dir)
    killed(settings, module, step, lambda store: accept(store, settings, ID, PROPOSAL, by=ANN))

    there, lines = settle(settings)
    assert (there, lines) == (step != "decide", [])
    assert check_catalog(settings.catalog_dir) == before
    with open_store(settings) as store:
        accept(store, settings, ID, PROPOSAL, by=ANN)

    assert settle(settings) == (True, ["accept"])


@pytest.mark.parametrize(("module", "step"), [(undoing, "_append"), (filing, "mirror_entry")])
def test_an_undo_killed_on_the_way_is_finished_by_the_same_command(
    settings: Settings, module: object, step: str
) -> None:
    with open_store(settings) as store:
        accept(store, settings, ID, PROPOSAL, by=ANN)

    killed(settings, module, step, lambda store: undo(store, settings, ANN))

    assert settle(settings) == (step == "_append", ["accept"])
    with open_store(settings) as store:
        undo(store, settings, ANN)
    assert settle(settings) == (False, ["accept", "undo"])


def test_a_rejection_is_there_as_soon_as_it_is_said(settings: Settings) -> None:
    def work(store: Store) -> None:
        decisions.reject(store, settings, ID, "off", by=ANN)
        os.kill(os.getpid(), signal.SIGKILL)

    killed(settings, decisions, "load_criteria", lambda store: work(store))
    assert settle(settings)[1] == []  # killed before it was stored
    child = os.fork()
    if child == 0:
        with open_store(settings) as store:
            work(store)
    os.waitpid(child, 0)

    assert settle(settings)[1] == ["reject"]


def test_two_reviewers_at_once_lose_nothing_and_overwrite_nothing(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    ids = put(store, 12)
    refused: list[str] = []

    def judge(name: str) -> None:
        with open_store(settings) as mine:
            for id_ in ids if name == "ann" else reversed(ids):
                try:
                    decisions.reject(mine, settings, id_, f"by {name}", by=By(name))
                except Overtaken:
                    refused.append(id_)

    threads = [threading.Thread(target=judge, args=(name,)) for name in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with store.read() as connection:
        lines = read_log(connection)
    assert sorted(line.preprint_id for line in lines) == ids
    assert sorted(refused) == ids


def test_one_candidate_accepted_twice_at_once_is_accepted_once(
    store: Store, settings: Settings
) -> None:
    outcomes: list[str] = []

    def take(leaf: str, name: str) -> None:
        with open_store(settings) as mine:
            try:
                accept(mine, settings, ID, Proposal(leaf, PROPOSAL.gist), by=By(name))
                outcomes.append(leaf)
            except RegistryError:
                outcomes.append("refused")

    threads = [
        threading.Thread(target=take, args=pair)
        for pair in (("fruit/apples", "ann"), ("fruit/pears", "bob"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    [line] = decisions_on(store, ID)
    assert sorted(outcomes) == sorted([line.detail["leaf"], "refused"])
    text = (settings.catalog_dir / "papers" / f"{ID}.yaml").read_text()
    assert f"leaf: {line.detail['leaf']}\n" in text


def test_two_reviewers_who_accept_at_once_write_one_entry(store: Store, settings: Settings) -> None:
    written: list[bool] = []

    def take(name: str) -> None:
        with open_store(settings) as mine:
            by = By(name, beside=True)
            written.append(accept(mine, settings, ID, PROPOSAL, by=by).written)

    threads = [threading.Thread(target=take, args=(name,)) for name in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(written) == [False, True]
    assert settle(settings) == (True, ["accept", "accept"])


def test_the_second_of_two_killed_on_the_way_finishes_by_the_same_command(
    settings: Settings,
) -> None:
    bob = By("bob", beside=True)
    with open_store(settings) as store:
        accept(store, settings, ID, PROPOSAL, by=By("ann", beside=True))

    killed(settings, filing, "mirror_entry", lambda store: accept(
        store, settings, ID, PROPOSAL, by=bob))  # fmt: skip

    assert settle(settings) == (True, ["accept"])
    with open_store(settings) as store:
        assert accept(store, settings, ID, PROPOSAL, by=bob).written
        undo(store, settings, bob)
    assert settle(settings) == (False, ["accept", "accept", "undo"])

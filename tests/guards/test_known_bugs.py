"""Every known bug has a guard that exists, or waits for its method; the page says the same."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from dataclasses import replace

import pytest

from methods.index import METHODS
from tests.guards.known_bugs import KNOWN_BUGS, PAGE, KnownBug, page


def unguarded(bugs: Iterable[KnownBug], register: Iterable[tuple[str, str]]) -> list[str]:
    """What is missing, given the (slug, family) of every method in the register."""
    found = []
    for bug in bugs:
        for slug, family in register:
            # A variant has the name in its own: rloo-clipped, reinforce-pp-baseline.
            due = [d for d in bug.due_with if d == family or d in slug]
            if due and not bug.guard:
                found.append(f"bug {bug.number} needs a guard, since {slug} is there: {due[0]}")
    return found


def test_the_twenty_five_are_all_here_once() -> None:
    assert [bug.number for bug in KNOWN_BUGS] == list(range(1, 26))
    assert len({bug.behaviour for bug in KNOWN_BUGS}) == 25


@pytest.mark.parametrize("bug", KNOWN_BUGS, ids=lambda bug: str(bug.number))
def test_a_known_bug_has_threads_and_a_guard_that_pytest_collects(bug: KnownBug) -> None:
    assert bug.guard or bug.due_with, "neither guarded nor due"
    assert bug.behaviour.endswith(".") and len(set(bug.guard)) == len(bug.guard)
    assert bug.threads and all(
        re.fullmatch(r"[\w.-]+/[\w.-]+#[1-9]\d*", thread) for thread in bug.threads
    )
    for node in bug.guard:
        file, _, name = node.partition("::")
        module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
        assert file.rpartition("/")[2].startswith("test_") and name.startswith("test_")
        found = getattr(module, name, None)
        assert callable(found), f"{node} is not there"
        marks = {mark.name for mark in getattr(found, "pytestmark", [])}
        assert not marks & {"skip", "xfail", "nightly", "live", "gpu"}, f"{node} may not run"


def test_no_method_has_arrived_without_the_guards_that_were_due_with_it() -> None:
    assert unguarded(KNOWN_BUGS, [(m.slug, m.family) for m in METHODS]) == []


def test_a_method_that_arrives_without_its_guard_is_noticed_by_slug_or_family() -> None:
    bug = KnownBug(99, "It holds.", ("a/b#1",), due_with=("kto", "reward"))
    assert unguarded([bug], [("dpo", "preference"), ("grpo", "rl")]) == []
    for arrival in (("kto", "preference"), ("kto-pairs", "preference"), ("bt", "reward")):
        (said,) = unguarded([bug], [("dpo", "preference"), arrival])
        assert "bug 99" in said and arrival[0] in said
    assert unguarded([replace(bug, guard=("tests/x.py::test_x",))], [("kto", "rl")]) == []


def test_the_page_says_what_the_table_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "write it anew: python -m tests.guards.known_bugs"
    )

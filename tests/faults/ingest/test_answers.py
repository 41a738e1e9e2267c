"""Answers that are not what was asked: each ends in a typed error, a retry or a suspect window.

The property is the same for every fault: a walk that says all is well has all, a walk that has
not says so, nothing false is stored, and when the fault is gone the next walk brings the rest.
"""

from __future__ import annotations

import pytest

from registry.core.errors import ArxivError
from registry.ingest.limiter import Limiter
from registry.store.engine import Store
from tests.fake_arxiv import FakeArxiv
from tests.faults.ingest.walks import by_query, stored, truth

# A fault that holds -> the exit code of the walk.
HOLDS = {
    "400": 1, "403": 4, "429": 4, "429:3600": 4, "429:Wed, 21 Oct 2037 07:28:00 GMT": 4,
    "500": 3, "503": 4, "503:120": 4, "rate-text": 4,
    "html": 3, "html-as-atom": 3, "empty": 3, "bomb": 3, "external": 3, "deep": 3,
    "error-entry": 1, "redirect": 1, "as:text/html": 3, "as:application/json": 3,
    "no-entries": 3, "short-page": 3, "truncated": 3, "half": 3, "reset": 3, "reset-mid": 3,
    "no-published": 3, "control": 3, "rewritten": 1, "ignores-dates": 3, "hang": 3,
    "drip": 3, "big:25000000": 3,
}  # fmt: skip
# A fault that passes while the client tries again.
PASSES = [
    "500", "html", "html-as-atom", "empty", "bomb", "external", "deep", "as:text/html",
    "no-entries", "short-page", "truncated", "half", "reset", "reset-mid", "no-published",
    "control", "hang", "drip", "503:0", "429:0",
]  # fmt: skip
HARMLESS = ["reversed", "as:text/xml", "as:application/xml; charset=utf-8", "stale"]


@pytest.mark.parametrize("fault", HOLDS)
def test_a_fault_that_holds_is_told_and_mended_by_the_next_walk(
    service: FakeArxiv, store: Store, limiter: Limiter, fault: str
) -> None:
    whole = truth(service.works)
    service.fault = fault

    told = by_query(store, service, limiter, read_seconds=0.1, total_seconds=0.2)

    assert isinstance(told.failure, ArxivError)
    assert told.failure.exit_code in {HOLDS[fault], 1 if told.stopped and not told.done else None}
    assert stored(store).items() <= whole.items()
    assert told.done == 0

    service.fault = None
    limiter._state_path.unlink(missing_ok=True)  # the time asked for has passed
    mended = by_query(store, service, limiter)
    assert mended.failure is None
    assert stored(store) == whole


@pytest.mark.parametrize("fault", PASSES)
def test_a_fault_that_passes_leaves_no_trace(
    service: FakeArxiv, store: Store, limiter: Limiter, fault: str
) -> None:
    service.faults = [None, fault]

    summary = by_query(store, service, limiter, read_seconds=0.2, total_seconds=0.2)

    assert summary.failure is None
    assert stored(store) == truth(service.works)


@pytest.mark.parametrize("fault", HARMLESS)
def test_what_does_no_harm_is_no_failure(
    service: FakeArxiv, store: Store, limiter: Limiter, fault: str
) -> None:
    service.fault = fault

    assert by_query(store, service, limiter).failure is None
    assert stored(store) == truth(service.works)

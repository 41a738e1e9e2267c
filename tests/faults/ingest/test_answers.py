"""Answers that are not what was asked: each ends in a typed error, a retry or a suspect window.

The property is the same for every fault of every protocol: a walk that says all is well has all, a
walk that has not says so, nothing false is stored, and when the fault is gone the next walk brings
the rest.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from registry.core.errors import ArxivError
from registry.ingest.limiter import Limiter
from registry.ingest.summary import Summary
from registry.store.engine import Store
from tests.fake_arxiv import FakeArxiv
from tests.faults.ingest.walks import by_oai, by_query, stored, truth

WALKS: dict[str, Callable[..., Summary]] = {"query": by_query, "oai": by_oai}

# A fault that holds, whatever the protocol -> the exit code of the walk.
HOLDS = {
    "400": 1, "403": 4, "429": 4, "429:3600": 4, "429:Wed, 21 Oct 2037 07:28:00 GMT": 4,
    "500": 3, "503": 4, "503:120": 4, "rate-text": 4,
    "html": 3, "html-as-atom": 3, "empty": 3, "bomb": 3, "external": 3, "deep": 3,
    "redirect": 1, "as:text/html": 3, "as:application/json": 3, "truncated": 3, "half": 3,
    "reset": 3, "reset-mid": 3, "control": 3, "hang": 3, "drip": 3, "big:25000000": 3,
}  # fmt: skip
OF_ITS_OWN = {
    "query": {
        "error-entry": 1, "no-entries": 3, "short-page": 3, "no-published": 3, "rewritten": 1,
        "ignores-dates": 3,
    },
    "oai": {
        "error-entry": 3, "no-records": 3, "bad-token": 3, "midnight": 3, "token-loop": 3,
        "no-id": 3, "no-version": 3, "bad-version-date": 3,
    },
}  # fmt: skip
# A fault that passes while the client tries again.
PASSES = [
    "500", "html", "html-as-atom", "empty", "bomb", "external", "deep", "as:text/html",
    "truncated", "half", "reset", "reset-mid", "control", "hang", "drip", "503:0", "429:0",
]  # fmt: skip
PASSES_OF_ITS_OWN = {
    "query": ["no-entries", "short-page", "no-published"],
    "oai": ["no-records", "bad-token", "midnight", "error-entry"],
}
HARMLESS = {
    "query": ["reversed", "as:text/xml", "as:application/xml; charset=utf-8", "stale"],
    "oai": ["repeat", "as:text/xml", "as:application/xml; charset=utf-8", "no-datestamp"],
}


def each(common: list[str], own: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(protocol, fault) for protocol in WALKS for fault in [*common, *own[protocol]]]


@pytest.mark.parametrize(
    ("protocol", "fault"), each(list(HOLDS), {p: list(own) for p, own in OF_ITS_OWN.items()})
)
def test_a_fault_that_holds_is_told_and_mended_by_the_next_walk(
    service: FakeArxiv, store: Store, limiter: Limiter, protocol: str, fault: str
) -> None:
    walk, whole = WALKS[protocol], truth(service.works)
    service.fault = fault

    told = walk(store, service, limiter, read_seconds=0.1, total_seconds=0.2)

    assert isinstance(told.failure, ArxivError)
    assert told.failure.exit_code == {**HOLDS, **OF_ITS_OWN[protocol]}[fault]
    assert stored(store).items() <= whole.items()

    service.fault = None
    limiter._state_path.unlink(missing_ok=True)  # the time asked for has passed
    mended = walk(store, service, limiter)
    assert mended.failure is None
    assert stored(store) == whole


@pytest.mark.parametrize("protocol", WALKS)
def test_faults_that_pass_leave_no_trace(
    service: FakeArxiv, store: Store, limiter: Limiter, protocol: str
) -> None:
    """Each in turn, between answers of one record that are whole."""
    service.page_size = 1
    for fault in [*PASSES, *PASSES_OF_ITS_OWN[protocol]]:
        service.faults += [None, fault]

    quick = {"read_seconds": 0.1, "total_seconds": 0.1}
    summary = WALKS[protocol](store, service, limiter, page_size=1, **quick)

    assert service.faults == []  # each was met
    assert (summary.failure, summary.suspect) == (None, 0)
    assert stored(store) == truth(service.works)


@pytest.mark.parametrize(("protocol", "fault"), each([], HARMLESS))
def test_what_does_no_harm_is_no_failure(
    service: FakeArxiv, store: Store, limiter: Limiter, protocol: str, fault: str
) -> None:
    service.fault = fault

    assert WALKS[protocol](store, service, limiter).failure is None
    assert stored(store) == truth(service.works)

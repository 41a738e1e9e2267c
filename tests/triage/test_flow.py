from __future__ import annotations

from registry.catalog.criteria import Criteria
from registry.core.settings import Settings
from registry.ingest import ledger
from registry.store.engine import Store
from registry.store.preprints import put_preprints
from registry.store.sync import refresh
from registry.triage import decisions
from registry.triage.accept import Proposal, accept
from registry.triage.flow import Flow, flow
from registry.triage.turns import By
from tests.catalog import fabricated
from tests.triage.conftest import preprint
from tests.triage.waiting import put

ANN, BOB = By("ann"), By("bob", beside=True)
CRITERIA = Criteria.model_validate(
    {
        "question": "Is it fruit?",
        "include": [{"code": "fruit", "text": "It is."}],
        "exclude": [{"code": "stone", "text": "It is a stone."}],
    }
)
GIST = "Nothing grows from made-up seeds, and the authors say so at length."


def whole(counts: Flow) -> int:
    """Every paper stands in exactly one of these."""
    parts = (counts.duplicates, counts.conflicts, counts.maybe, counts.open)
    return (
        counts.included + sum(counts.excluded.values()) + sum(parts) + counts.accepted_without_entry
    )


def test_every_paper_is_counted_once_wherever_it_stands(store: Store, settings: Settings) -> None:
    ids = put(store, 7)
    with store.write() as connection:  # one of them a second time, from another source
        put_preprints(connection, [preprint(ids[0])], ledger.source_of(connection, "file", "x"))
    (settings.catalog_dir / "criteria.yaml").write_text(
        "question: Is it fruit?\ninclude:\n  - code: fruit\n    text: It is.\n"
        "exclude:\n  - code: stone\n    text: It is a stone.\n"
    )
    fabricated.write(settings.catalog_dir, fabricated.paper(ids[0], submitted="2026-03-02"))
    refresh(store, settings)
    accept(store, settings, ids[1], Proposal("fruit/apples", GIST), by=ANN)
    decisions.reject(store, settings, ids[2], "stone", by=ANN)
    decisions.reject(store, settings, ids[3], "it rained", by=ANN)
    decisions.duplicate(store, settings, ids[4], ids[1], by=ANN)
    decisions.maybe(store, settings, ids[5], by=ANN)
    decisions.reject(store, settings, ids[1], "stone", by=BOB)

    counts = flow(store, CRITERIA)

    assert counts.identified == {"file": 1, "ids": 9}
    assert (counts.repeated, counts.papers, whole(counts)) == (1, 9, 9)
    assert (counts.included, counts.included_by_hand) == (1, 1)
    assert counts.excluded == {"stone": 1, "other": 1}
    assert (counts.duplicates, counts.conflicts, counts.maybe, counts.open) == (1, 1, 1, 3)
    assert counts.screened == 5


def test_what_was_accepted_and_lost_its_file_is_told(store: Store, settings: Settings) -> None:
    accepted = accept(store, settings, "2603.00001", Proposal("fruit/apples", GIST), by=ANN)
    accepted.path.unlink()
    refresh(store, settings)

    counts = flow(store, None)

    assert (counts.accepted_without_entry, counts.included, whole(counts)) == (1, 0, counts.papers)
    accept(store, settings, "2603.00001", Proposal("fruit/apples", GIST), by=ANN)
    assert flow(store, None).accepted_without_entry == 0

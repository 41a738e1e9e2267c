from __future__ import annotations

from datetime import date, timedelta

from registry.core.settings import Settings
from registry.store.engine import Store
from registry.store.preprints import put_preprints
from registry.store.queries import decide
from registry.store.sync import refresh
from registry.store.waiting import Waiting, waiting_since
from tests.catalog import fabricated
from tests.store.conftest import START


def test_titles_wait_in_their_newest_version_the_newest_first(
    store: Store, source_id: int, preprint
) -> None:
    late = START + timedelta(days=9)
    with store.write() as connection:
        put_preprints(
            connection,
            [
                preprint(title="Before"),
                preprint(version=2, title="After"),
                preprint("2603.00002", title="Later", published=late, updated=late),
                preprint("2603.00003", published=START - timedelta(days=1)),
                preprint("2603.00004", withdrawn="withdrawn by the author"),
            ],
            source_id,
        )
    assert waiting_since(store, date(2026, 3, 1)) == [
        Waiting("2603.00002", "Later", date(2026, 3, 11)),
        Waiting("2603.00001", "After", date(2026, 3, 2)),
    ]
    assert [one.id for one in waiting_since(store, date(2026, 3, 2))] == ["2603.00002"]


def test_what_was_accepted_or_rejected_waits_no_more(
    store: Store, settings: Settings, source_id: int, preprint
) -> None:
    fabricated.write(settings.catalog_dir, fabricated.paper("2603.00001", submitted="2026-03-02"))
    refresh(store, settings)
    with store.write() as connection:
        put_preprints(
            connection, [preprint(), preprint("2603.00002"), preprint("2603.00003")], source_id
        )
        decide(connection, "2603.00002", "reject", "made up", {})
    assert [one.id for one in waiting_since(store, date(2026, 3, 1))] == ["2603.00003"]

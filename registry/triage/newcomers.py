"""Candidates whose title names a leaf, as a survey's page lists them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from registry.catalog.models import Taxonomy
from registry.catalog.title_leaves import TitleLeaves
from registry.catalog.tracking import Newer

if TYPE_CHECKING:
    from registry.core.settings import Settings


def newcomers(settings: Settings, taxonomy: Taxonomy, after: date) -> tuple[Newer, ...]:
    """The candidates submitted after ``after`` whose title names a leaf, the newest first.

    Empty where nothing was ingested yet: to look makes no database.
    """
    name = settings.database_url.removeprefix("sqlite:///")
    if name != settings.database_url and not Path(name).is_file():
        return ()
    from registry.store.engine import open_store
    from registry.store.waiting import waiting_since

    with open_store(settings) as store:
        found = waiting_since(store, after)
    leaves = TitleLeaves.of(taxonomy)
    return tuple(
        Newer(
            one.id,
            one.title,
            one.submitted.isoformat(),
            one.submitted,
            tuple(named),
            tuple(named.values()),
        )
        for one in found
        if (named := leaves.named(one.title))
    )

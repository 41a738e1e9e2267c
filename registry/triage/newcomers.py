"""Candidates with the leaves they would go to, as a survey's page lists them.

The ranker names the leaves. Words of the title do where it learned nothing, or did not look: the
catalog is too small, or the backlog too long.
"""

from __future__ import annotations

import contextlib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from registry.catalog.models import Taxonomy
from registry.catalog.title_leaves import TitleLeaves
from registry.catalog.tracking import Newer
from registry.core.errors import StoreError

if TYPE_CHECKING:
    from registry.core.settings import Settings
    from registry.triage.ranked import LeafGuess


def newcomers(settings: Settings, taxonomy: Taxonomy, after: date) -> tuple[Newer, ...]:
    """The candidates submitted after ``after`` that have a leaf to go to, the newest first.

    Empty where nothing was ingested yet: to look makes no database.
    """
    name = settings.database_url.removeprefix("sqlite:///")
    if name != settings.database_url and not Path(name).is_file():
        return ()
    from registry.store.engine import open_store
    from registry.store.sync import refresh
    from registry.store.waiting import waiting_since
    from registry.triage.placed import placed

    with open_store(settings) as store:
        with contextlib.suppress(StoreError):  # one that cannot be written to is read as it is
            refresh(store, settings)
        found = waiting_since(store, after)
        by_ranker = placed(store, settings, taxonomy) if found else {}
    titles = TitleLeaves.of(taxonomy)
    return tuple(
        Newer(
            one.id,
            one.title,
            one.submitted.isoformat(),
            one.submitted,
            tuple(leaves),
            tuple(leaves.values()),
        )
        for one in found
        if (leaves := _why(by_ranker.get(one.id), one.title, titles))
    )


def _why(guesses: tuple[LeafGuess, ...] | None, title: str, titles: TitleLeaves) -> dict[str, str]:
    """Each leaf, and what speaks for it."""
    if guesses is None:
        return {leaf: f"names {word}" for leaf, word in titles.named(title).items()}
    return {guess.leaf: f"likely {guess.probability:.0%}" for guess in guesses}

"""Drift of what is stored: the papers that are likely to belong here, and the catalog's leaves."""

from __future__ import annotations

from pathlib import Path

from registry.catalog.files import load_taxonomy
from registry.core.settings import Settings
from registry.store.engine import open_store
from registry.triage.decided import examples_of
from registry.triage.documents import merge
from registry.triage.drift import Drift, drift
from registry.triage.label_files import read_background
from registry.triage.ranker import load_or_train


def watch(
    settings: Settings,
    labels: Path | None = None,
    background: Path | None = None,
    months: int = 3,
    limit: int = 20,
    likely: float = 0.2,
) -> Drift:
    """The drift among catalogued and waiting papers, and those of ``background``.

    A waiting paper counts where the ranker, taught by ``labels`` too, holds it at least ``likely``
    to belong here. Raises UsageError for a file that will not do.
    """
    taxonomy = load_taxonomy(settings.catalog_dir)
    with open_store(settings) as store:
        ranker = load_or_train(store, settings, labels, background)
        stored = examples_of(store)
    every = merge(stored, read_background(background) if background else [])
    waiting = [one.document for one in every if not one.decided and one.document.abstract]
    chances = ranker.likely(waiting)
    documents = [one.document for one in every if one.relevant and one.document.abstract]
    documents += [d for d, chance in zip(waiting, chances, strict=True) if chance >= likely]
    others = [d for d, chance in zip(waiting, chances, strict=True) if chance < likely]
    filed = [one.leaves for one in stored if one.relevant]
    return drift(documents, others, filed, taxonomy, months, limit)

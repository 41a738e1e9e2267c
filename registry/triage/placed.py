"""Where the ranker would put what waits: asked of all at once, and kept until something changes.

A survey's page wants leaves alone. Fitting these takes a third of the time that the whole ranker
takes, and gives the same leaves.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from registry.core.atomic import write_atomic
from registry.triage import leaves as leafing
from registry.triage.decided import examples_of
from registry.triage.documents import Document, Example, merge
from registry.triage.features import Vectoriser
from registry.triage.kept import fingerprint
from registry.triage.ranked import LeafGuess

if TYPE_CHECKING:
    from registry.catalog.models import Taxonomy
    from registry.core.settings import Settings
    from registry.store.engine import Store

FEWEST_FILED = 5  # papers with leaves below which nothing was learned
Placed = dict[str, tuple[LeafGuess, ...]]


def placed(store: Store, settings: Settings, taxonomy: Taxonomy) -> Placed:
    """The leaves that the ranker names for each waiting candidate, by id, likeliest first.

    No leaf where none is likely enough. Only of the newest ``decided.MOST_UNDECIDED`` candidates,
    and empty where the catalog is too small to learn from.
    """
    stored = examples_of(store)
    if sum(bool(one.relevant and one.leaves) for one in stored) < FEWEST_FILED:
        return {}
    waiting = [one.document for one in stored if not one.decided]
    examples = merge(stored, leafing.canonical_examples(taxonomy))
    path, state = settings.cache_dir / "placed.json", fingerprint(examples, taxonomy)
    if (kept := _load(path, state)) is not None:
        return kept
    found = _fit(examples, waiting, taxonomy)
    with contextlib.suppress(OSError):  # a folder that cannot be written costs time, no answer
        _save(path, state, found)
    return found


def _fit(examples: Sequence[Example], waiting: Sequence[Document], taxonomy: Taxonomy) -> Placed:
    # The same texts in the same order as in ``ranker.train``, for the same leaves.
    ordered = sorted(examples, key=lambda one: one.document.id)
    taught = [*leafing.leaf_examples(taxonomy), *ordered]
    vectoriser = Vectoriser.fit([one.document for one in taught])
    leaves = leafing.fit(vectoriser, ordered, taxonomy)
    guesses = leaves.guesses(vectoriser.rows(waiting))
    return {one.id: named for one, named in zip(waiting, guesses, strict=True)}


def _load(path: Path, state: str) -> Placed | None:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if held["of"] != state:
            return None
        return {
            str(id_): tuple(LeafGuess(str(leaf), float(chance)) for leaf, chance in named)
            for id_, named in held["placed"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # it is made again


def _save(path: Path, state: str, found: Placed) -> None:
    rows = {id_: [[one.leaf, one.probability] for one in named] for id_, named in found.items()}
    write_atomic(path, json.dumps({"of": state, "placed": rows}) + "\n")

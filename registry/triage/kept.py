"""A trained ranker as one file: arrays in NumPy's own format and text as JSON; no pickle."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.core.atomic import write_atomic
from registry.triage.documents import Example
from registry.triage.features import Vectoriser
from registry.triage.leaves import Leaves
from registry.triage.reasons import Shelf
from registry.triage.relevance import Relevance

if TYPE_CHECKING:
    from registry.catalog.models import Taxonomy
    from registry.triage.ranker import Ranker

FORMAT = 2  # raise it when the same examples would train another ranker
_KEPT = 8  # files, of any workspace; older ones are removed


def fingerprint(examples: Sequence[Example], taxonomy: Taxonomy) -> str:
    """A hash of all that a ranker is a function of."""
    digest = hashlib.sha256(f"{FORMAT}\n{taxonomy.model_dump_json()}\n".encode())
    for one in sorted(examples, key=lambda example: example.document.id):
        document = one.document
        facts = (document.id, document.title, document.abstract, document.authors,
                 one.relevant, one.decided, one.own, one.leaves)  # fmt: skip
        digest.update(json.dumps(facts).encode() + b"\n")
    return digest.hexdigest()[:32]


def save(path: Path, ranker: Ranker) -> None:
    """Keep ``ranker`` at ``path`` and remove the oldest files beside it."""
    relevance, leaves = ranker.relevance, ranker.leaves
    words = {
        "format": FORMAT,
        "terms": ranker.vectoriser.terms,
        "leaves": leaves.slugs,
        "undecided": sorted(ranker.undecided),
        "authors": sorted(ranker.authors),
        "accepted": [ranker.accepted.ids, ranker.accepted.titles],
        "rejected": [ranker.rejected.ids, ranker.rejected.titles],
        "curve": None if relevance is None else [relevance.slope, relevance.shift],
    }
    arrays: dict[str, Any] = {
        "words": np.frombuffer(json.dumps(words).encode(), dtype=np.uint8),
        "idf": ranker.vectoriser.weights,
        "leaf_weights": leaves.weights,
        "leaf_constants": leaves.constants,
        **_rows("accepted", ranker.accepted.rows),
        **_rows("rejected", ranker.rejected.rows),
    }
    if relevance is not None:
        arrays |= {"weights": relevance.weights, "constants": relevance.constants}
    held = io.BytesIO()
    np.savez(held, **arrays)
    write_atomic(path, held.getvalue())
    _forget_oldest(path.parent)


def load(path: Path) -> Ranker | None:
    """The ranker kept at ``path``; None where there is none, or one that cannot be read."""
    from registry.triage.ranker import Ranker

    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        words = json.loads(found["words"].tobytes())
        if words["format"] != FORMAT:
            return None
        curve = words["curve"]
        return Ranker(
            Vectoriser(tuple(words["terms"]), found["idf"]),
            None if curve is None else Relevance(found["weights"], found["constants"], *curve),
            Leaves(tuple(words["leaves"]), found["leaf_weights"], found["leaf_constants"]),
            _shelf(words, found, "accepted"),
            _shelf(words, found, "rejected"),
            frozenset(words["undecided"]),
            frozenset(words["authors"]),
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None  # it is made again from the decisions


def _rows(name: str, rows: Any) -> dict[str, Any]:
    return {
        f"{name}_data": rows.data,
        f"{name}_indices": rows.indices,
        f"{name}_indptr": rows.indptr,
        f"{name}_shape": np.array(rows.shape),
    }


def _shelf(words: dict[str, Any], found: dict[str, Any], decision: Any) -> Shelf:
    from scipy import sparse

    parts = tuple(found[f"{decision}_{part}"] for part in ("data", "indices", "indptr"))
    rows = sparse.csr_array(parts, shape=tuple(found[f"{decision}_shape"]))
    ids, titles = words[decision]
    return Shelf(tuple(ids), tuple(titles), rows, decision)


def _forget_oldest(folder: Path) -> None:
    # Another process may be doing the same.
    with contextlib.suppress(OSError):
        for old in sorted(folder.glob("*.npz"), key=lambda p: p.stat().st_mtime)[:-_KEPT]:
            old.unlink(missing_ok=True)

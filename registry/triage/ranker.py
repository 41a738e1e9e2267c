"""The ranker: how likely a candidate belongs here, which leaves suit it, and why.

    ranker = load_or_train(store, settings)
    for ranked in ranker.rank(candidates(store)): ...

It learns from what was accepted and rejected, in seconds, and is kept in the cache folder under the
hash of what it was trained on: the same decisions give the same ranker, and a new one a new file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.triage import leaves as leafing
from registry.triage import relevance as relevancing
from registry.triage.documents import Document, Example, merge, of_candidate, part_of
from registry.triage.features import Floats, Vectoriser
from registry.triage.leaves import Leaves
from registry.triage.naming import methods_named
from registry.triage.ranked import Ranked, Reasons
from registry.triage.reasons import Shelf, known_authors, terms_of
from registry.triage.relevance import PARTS, Relevance
from registry.triage.strategies import chooser

if TYPE_CHECKING:
    from registry.catalog.models import Taxonomy
    from registry.core.settings import Settings
    from registry.store.engine import Store
    from registry.store.queries import Candidate

_UNSURE = 0.5  # what is said where nothing was learned


@dataclass(frozen=True)
class Ranker:
    """What was learned. ``relevance`` is None where too little was decided to learn from."""

    vectoriser: Vectoriser
    relevance: Relevance | None
    leaves: Leaves
    accepted: Shelf
    rejected: Shelf
    undecided: frozenset[str]  # ids that it trained on though nobody has decided
    authors: frozenset[str]  # of accepted papers

    def rank(self, candidates: Sequence[Candidate | Document]) -> list[Ranked]:
        """Every candidate with its reasons, the likeliest first; ties go by id.

        A candidate without an abstract is ranked by its title and said to be abstained from, and
        so is every one where nothing could be learned: its relevance is then one half.
        """
        documents = [_document(one) for one in candidates]
        rows = self.vectoriser.rows(documents)
        found = self.likely(documents, rows)
        guessed = self.leaves.guesses(rows)
        ids = [document.id for document in documents]
        near = self.accepted.nearest(rows, ids), self.rejected.nearest(rows, ids)
        ranked = [
            Ranked(
                document.id,
                round(float(found[n]), 6),
                guessed[n],
                self._abstains(document, rows, n),
                self._reasons(document, rows, n, near[0][n], near[1][n]),
            )
            for n, document in enumerate(documents)
        ]
        return sorted(ranked, key=lambda one: (-one.relevance, one.id))

    def pick(
        self,
        candidates: Sequence[Candidate],
        strategy: str,
        count: int,
        seed: int = 0,
    ) -> list[Candidate]:
        """The ``count`` candidates to show next by ``strategy``, the first one first.

        ``relevance`` shows the likeliest; ``uncertainty`` (least-confidence), ``margin``,
        ``entropy``, ``badge`` and ``coreset`` are the register's strategies of active learning;
        ``random`` is what it says. Raises UnknownNameError.
        """
        choose = chooser(strategy)
        ordered = sorted(candidates, key=lambda one: one.id)
        documents = [_document(one) for one in ordered]
        rows = self.vectoriser.rows(documents)
        likely = self.likely(documents, rows)
        places = choose(
            np.stack([1 - likely, likely], axis=1),
            rows,
            self._labelled_rows(),
            min(count, len(ordered)),
            np.random.default_rng(seed),
        )
        return [ordered[place] for place in places]

    def likely(self, documents: Sequence[Document], rows: Any = None) -> Floats:
        """(N,) probabilities that a curator accepts each paper."""
        if self.relevance is None:
            return np.full(len(documents), _UNSURE)
        rows = self.vectoriser.rows(documents) if rows is None else rows
        parts = np.array(
            [part_of(one.id, PARTS) if one.id in self.undecided else -1 for one in documents],
            dtype=np.int64,
        )
        return self.relevance.probabilities(self.relevance.scores(rows, parts))

    def _labelled_rows(self) -> Any:
        from scipy import sparse

        return sparse.vstack([self.accepted.rows, self.rejected.rows], format="csr")

    def _abstains(self, document: Document, rows: Any, n: int) -> bool:
        nothing_known = rows.indptr[n] == rows.indptr[n + 1]
        return self.relevance is None or not document.abstract or bool(nothing_known)

    def _reasons(
        self, document: Document, rows: Any, n: int, accepted: Any, rejected: Any
    ) -> Reasons:
        start, end = rows.indptr[n], rows.indptr[n + 1]
        row = rows.indices[start:end], rows.data[start:end]
        terms = (
            ((), ())
            if self.relevance is None
            else terms_of(row, self._weights, self.vectoriser.terms)
        )
        return Reasons(
            *terms, accepted, rejected, methods_named(document.text),
            known_authors(document, self.authors),
        )  # fmt: skip

    @property
    def _weights(self) -> Floats:
        return self.relevance.mean_weights if self.relevance else np.zeros(0)


def train(examples: Sequence[Example], taxonomy: Taxonomy) -> Ranker:
    """The ranker that ``examples`` teach; the same for the same examples, in whatever order."""
    ordered = sorted(examples, key=lambda one: one.document.id)
    taught = [*leafing.leaf_examples(taxonomy), *ordered]
    vectoriser = Vectoriser.fit([one.document for one in taught])
    accepted = [one.document for one in ordered if one.decided and one.relevant]
    rejected = [one.document for one in ordered if one.decided and not one.relevant]
    return Ranker(
        vectoriser,
        relevancing.fit(vectoriser, taught),
        leafing.fit(vectoriser, ordered, taxonomy),
        _shelf(vectoriser, accepted, "accepted"),
        _shelf(vectoriser, rejected, "rejected"),
        frozenset(one.document.id for one in ordered if not one.decided),
        frozenset(name for document in accepted for name in document.authors),
    )


def load_or_train(
    store: Store,
    settings: Settings,
    labels: Path | None = None,
    background: Path | None = None,
) -> Ranker:
    """The ranker of the decisions in ``store`` and the catalog, kept or trained now.

    ``labels`` and ``background`` are files of further papers, decided on and not. Raises
    CatalogError for a bad catalog and UsageError for a file that will not do.
    """
    from registry.catalog.files import load_taxonomy
    from registry.store.sync import refresh
    from registry.triage.decided import examples_of
    from registry.triage.kept import fingerprint, load, save
    from registry.triage.label_files import read_background, read_labels

    refresh(store, settings)
    parts = [examples_of(store)]
    parts += [read_labels(labels)] if labels else []
    parts += [read_background(background)] if background else []
    taxonomy = load_taxonomy(settings.catalog_dir)
    examples = merge(*parts, leafing.canonical_examples(taxonomy))
    path = settings.cache_dir / "ranker" / f"{fingerprint(examples, taxonomy)}.npz"
    if (kept := load(path)) is not None:
        return kept
    ranker = train(examples, taxonomy)
    save(path, ranker)
    return ranker


def _shelf(vectoriser: Vectoriser, documents: Sequence[Document], decision: Any) -> Shelf:
    ids = tuple(document.id for document in documents)
    titles = tuple(document.title for document in documents)
    return Shelf(ids, titles, vectoriser.rows(documents), decision)


def _document(one: Candidate | Document) -> Document:
    return one if isinstance(one, Document) else of_candidate(one)

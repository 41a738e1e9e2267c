"""What the search puts first, held against plain BM25 as FTS5 computes it over the same words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.corpus import Corpus
from tests.benchmarks.knowledge_speed import LISTINGS, measure, questions, ranking


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus(Path("nowhere"))  # the made-up one: the same words everywhere


def test_the_first_ten_are_those_of_exact_bm25(corpus: Corpus) -> None:
    found = ranking(corpus, 1500, queries=60)

    assert found["first_ten_shared_with_exact_bm25"] > 0.95


def test_the_benchmark_asks_what_it_says(corpus: Corpus, tmp_path: Path) -> None:
    found = measure(corpus, f"sqlite:///{tmp_path}/x.db", 600, queries=20)

    assert found["listing"].keys() == LISTINGS.keys()
    assert found["search"]["wall"]["highest"] >= found["search"]["wall"]["p50"] > 0
    assert found["related"]["processor"]["p95"] > 0
    assert questions(corpus, 20) == questions(corpus, 20)
    assert all(1 <= len(question.split()) <= 4 for question in questions(corpus, 20))

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from registry.triage import kept, terms
from registry.triage.ranker import train
from registry.triage.terms import codes_of, counted, spelt, terms_in
from tests.catalog.fabricated import TAXONOMY
from tests.triage import made_up


def test_each_term_is_counted_and_spelt_as_it_was_written() -> None:
    text = "Seeds of seeds, and the seeds: \u00e9t\u00e9 2-3"
    codes, times = counted(text)

    found = dict(zip(spelt(codes), times.tolist(), strict=True))

    assert found == {
        "seeds": 3, "ete": 1, "2": 1, "3": 1,
        "seeds seeds": 2, "seeds ete": 1, "ete 2": 1, "2 3": 1,
    }  # fmt: skip
    assert sorted(found) == sorted(set(terms_in(text)))


def test_a_text_without_words_has_no_terms() -> None:
    codes, times = counted("of the -- !")
    assert (len(codes), len(times)) == (0, 0)


def test_a_term_has_one_code() -> None:
    known = ["seeds", "soil seeds", "seeds soil", "soil"]
    codes = codes_of(known)
    assert len(np.unique(codes)) == len(known)
    assert spelt(codes) == known


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Makes every word a stranger with another number, as in another process."""

    def forget() -> None:
        monkeypatch.setattr(terms, "_NUMBERS", defaultdict(count(1000).__next__))
        counted.cache_clear()

    yield forget
    counted.cache_clear()


def test_a_ranker_kept_by_another_process_says_the_same(
    tmp_path: Path, forgetful: Callable[[], None]
) -> None:
    ranker = train(made_up.library(), TAXONOMY)
    documents = [made_up.about("fruit/pears", "2603.00001", seed=9).document]
    said = ranker.rank(documents)
    kept.save(tmp_path / "made.npz", ranker)

    forgetful()

    again = kept.load(tmp_path / "made.npz")
    assert again is not None
    assert again.rank(documents) == said
    assert train(made_up.library(), TAXONOMY).vectoriser.terms == ranker.vectoriser.terms

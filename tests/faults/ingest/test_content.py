"""Papers that are written in every way there is, and come out as they went in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.ingest.limiter import Limiter
from registry.store.engine import Store
from registry.store.queries import candidates, search
from tests.fake_arxiv import FakeArxiv, Work, corpus
from tests.faults.ingest.walks import by_query

[WORK] = corpus(1)
STRANGE: dict[str, tuple[str, str]] = {
    "emoji": ("Smile \U0001f600 and \U0001f468\u200d\U0001f469", "Smile \U0001f600 and \U0001f468\u200d\U0001f469"),
    "bidi": ("left \u202eright\u202c \u2067on", "left right on"),
    "lines": ("one\r\n  two\rthree\n\nfour", "one two three four"),
    "c1": ("with \x85 and \x9b31m", "with and 31m"),
    "separators": ("a\u2028b\u2029c", "a b c"),
    "zero": ("0", "0"),
    "false": ("False", "False"),
    "null": ("null", "null"),
    "sql": ("'; DROP TABLE versions; --", "'; DROP TABLE versions; --"),
    "markup": ("<b>&amp;</b> ]]> <!-- x -->", "<b>&amp;</b> ]]> <!-- x -->"),
    "tex": (r"$\mathcal{O}(n^{2})$ & \'Ecole", r"$\mathcal{O}(n^{2})$ & \'Ecole"),
    "hebrew": ("\u05d0\u05d1\u05d2 abc \u0627\u0644", "\u05d0\u05d1\u05d2 abc \u0627\u0644"),
    "long": ("word  " * 1999 + "word", "word " * 1999 + "word"),
    "combining": ("e\u0301tude \ufb01ne", "e\u0301tude \ufb01ne"),
}  # fmt: skip


def ingested(works: list[Work], store: Store, limiter: Limiter) -> dict[str, object]:
    with FakeArxiv(works) as service:
        summary = by_query(store, service, limiter)
    assert summary.failure is None
    return {c.id: c for c in candidates(store)}


def test_strange_titles_abstracts_and_names_are_one_clean_line_each(
    store: Store, limiter: Limiter
) -> None:
    texts = list(STRANGE.values())
    works = [
        replace(
            WORK,
            id=f"2603.{n:05d}",
            title=sent,
            abstract=f"We study {sent}.",
            authors=(f"Ada {sent}", "Bo Sample"),
            comment=sent,
        )
        for n, (sent, _) in enumerate(texts, 1)
    ]

    found = ingested(works, store, limiter)

    assert [found[w.id].title for w in works] == [kept for _, kept in texts]
    assert [found[w.id].comment for w in works] == [kept for _, kept in texts]
    assert [found[w.id].authors for w in works] == [
        (f"Ada {kept}", "Bo Sample") for _, kept in texts
    ]
    assert [found[w.id].abstract for w in works] == [
        "We study " + " ".join(f"{kept}.".split()) for _, kept in texts
    ]


def test_three_hundred_authors_an_empty_abstract_and_a_paper_of_1991(
    store: Store, limiter: Limiter
) -> None:
    names = tuple(f"Person {n}" for n in range(300))
    works = [replace(WORK, authors=names, abstract="")]

    found = ingested(works, store, limiter)

    assert found[WORK.id].authors == names
    assert found[WORK.id].abstract == ""


@pytest.mark.parametrize("word", ["\u05d0\u05d1\u05d2", "etude", "drop"])
def test_strange_titles_can_be_searched_for(store: Store, limiter: Limiter, word: str) -> None:
    works = [
        replace(WORK, id=f"2603.{n:05d}", title=sent)
        for n, (sent, _) in enumerate(STRANGE.values(), 1)
    ]
    ingested(works, store, limiter)

    assert len(search(store, word)) == 1


def test_twelve_thousand_characters_of_one_abstract_change_by_a_word(
    store: Store, limiter: Limiter
) -> None:
    text = "We make up many words and measure nothing at all. " * 240
    works = [replace(WORK, abstract=text)]
    ingested(works, store, limiter)
    works.append(replace(WORK, version=2, abstract=text + "Twice."))

    assert len(ingested(works, store, limiter)) == 1

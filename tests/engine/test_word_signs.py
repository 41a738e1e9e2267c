"""Made-up words: what a text is, which words stand in which kind, and the split."""

from __future__ import annotations

import doctest
from collections import Counter
from pathlib import Path

import pytest

from methods.engine.errors import TaskError
from methods.engine.tasks import build_task, word_signs
from methods.engine.tasks.word_signs import COMMON, FOREIGN, MIXTURES, OWN, answer, sign


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(word_signs).failed == 0


def test_half_of_each_group_of_words_is_good() -> None:
    assert all(sum(map(sign, group)) == 0 and len(group) == 8 for group in (OWN, FOREIGN, COMMON))


@pytest.mark.parametrize("domain", sorted(MIXTURES))
def test_a_domain_has_its_own_mixture_of_words_and_as_many_good_texts_as_bad(domain: str) -> None:
    task = build_task(f"word-signs:domain={domain}", Path())
    texts = [p.prompt.removesuffix("\n=") for p in (*task.train, *task.held_out)]
    assert len(set(texts)) == len(texts) > 2000 and len(task.held_out) == 200
    for text in texts[:300]:
        counts = Counter("own" if w in OWN else "foreign" if w in FOREIGN else "common"
                         for w in text.split())  # fmt: skip
        assert (counts["own"], counts["foreign"], counts["common"]) == (*MIXTURES[domain], 2)
    good = sum(p.answer == "+" for p in task.train) / len(task.train)
    assert 0.45 < good < 0.55
    assert all(p.answer == answer(p.prompt.removesuffix("\n=")) for p in task.train)
    assert set("".join(p.prompt + str(p.answer) for p in task.train)) <= set(task.alphabet)


def test_the_same_words_in_another_order_are_never_on_both_sides() -> None:
    task = build_task("word-signs:domain=near", Path())
    assert not {p.key for p in task.train} & {p.key for p in task.held_out}
    again = build_task("word-signs:domain=near", Path())
    assert again.fingerprint == task.fingerprint


def test_a_completion_is_right_by_its_first_line() -> None:
    task = build_task("word-signs", Path())
    problem = task.held_out[0]
    wrong = {"+": "-", "-": "+"}[str(problem.answer)]
    assert [task.score(problem, c) for c in (f"{problem.answer}\n{wrong}", wrong, "")] == [1, 0, 0]


def test_more_held_out_than_half_is_refused() -> None:
    with pytest.raises(TaskError, match="held_out is at most"):
        build_task("word-signs:held_out=1900", Path())

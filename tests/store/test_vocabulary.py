"""Words of many texts at once are the words of each text, one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from registry.store.terms import split
from registry.store.vocabulary import Vocabulary

# Letters that fold, marks that part words, and what is neither.
TEXTS = st.lists(st.text(st.sampled_from("aAbB zZ09_-.\n\t\x1f'\u00e9\u00df\u0130\u2014\u4e2d\ud800")
                         | st.characters(), max_size=40), max_size=8)  # fmt: skip


def cut(vocabulary: Vocabulary, texts: list[str]) -> list[list[str]]:
    """The words of each text, from their numbers."""
    numbers, lengths = vocabulary.numbers(texts)
    words = iter([vocabulary.words[number] for number in numbers])
    return [[next(words) for _ in range(length)] for length in lengths]


@given(TEXTS, TEXTS)
def test_the_words_of_a_batch_are_those_of_its_texts(first: list[str], second: list[str]) -> None:
    vocabulary = Vocabulary()
    assert cut(vocabulary, first) == [split(text) for text in first]
    assert cut(vocabulary, second) == [split(text) for text in second]


def test_a_word_has_one_number_however_many_there_are() -> None:
    vocabulary = Vocabulary()
    texts = [f"the word{n} of word{n // 2}" for n in range(20_000)]
    for start in range(0, len(texts), 1000):
        piece = texts[start : start + 1000]
        assert cut(vocabulary, piece) == [split(text) for text in piece]
    assert len(vocabulary.words) == len(set(vocabulary.words)) == 20_002


def test_numbers_rise_from_nought_without_a_gap() -> None:
    vocabulary = Vocabulary()
    numbers, lengths = vocabulary.numbers(["to be or", "", "not to be"])
    assert sorted(set(numbers.tolist())) == [0, 1, 2, 3]
    assert lengths.tolist() == [3, 0, 3]


def test_texts_without_words_have_none() -> None:
    numbers, lengths = Vocabulary().numbers(["", " -- ", "\u2014"])
    assert numbers.tolist() == []
    assert lengths.tolist() == [0, 0, 0]
    assert Vocabulary().numbers([])[1].tolist() == []


def test_a_word_longer_than_any_other_is_read_whole() -> None:
    vocabulary = Vocabulary()
    assert cut(vocabulary, ["a" * 100_000 + " b"]) == [["a" * 100_000, "b"]]

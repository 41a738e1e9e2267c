"""Sequences as a tree: what it must keep, and how much it must save."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from methods.engine.prefix import SHORTEST, common, flat_row, order, tree

# Few different tokens, and beginnings of one another: many common runs of all lengths.
ALIKE = st.lists(st.integers(0, 1), min_size=1, max_size=24)
FAMILY = st.builds(
    lambda stem, tails: [stem[: 1 + cut % len(stem)] + tail for cut, tail in tails],
    ALIKE,
    st.lists(st.tuples(st.integers(0, 23), st.lists(st.integers(0, 1), max_size=12)), min_size=1,
             max_size=10),
)  # fmt: skip
SEQUENCES = st.lists(ALIKE, min_size=1, max_size=10) | FAMILY
SHORT = st.sampled_from([1, 2, 5, SHORTEST])


@given(SEQUENCES, SHORT)
@example([[1] * 9, [1] * 9, [1] * 10], 8)
@example([[1], [1, 1], [1, 1, 1]], 1)
def test_every_place_of_a_sequence_holds_its_token_at_its_position(
    sequences: list[list[int]], shortest: int
) -> None:
    segments, places = tree(sequences, shortest)
    ids, positions = flat_row(sequences, places, "cpu")
    assert ids.shape == positions.shape == (1, sum(s.length for s in segments))
    for sequence, place in zip(sequences, places, strict=True):
        assert ids[0, place].tolist() == sequence
        assert positions[0, place].tolist() == list(range(len(sequence)))


@given(SEQUENCES, SHORT)
def test_a_token_sees_its_own_past_in_order_and_nothing_else(
    sequences: list[list[int]], shortest: int
) -> None:
    segments, places = tree(sequences, shortest)
    past: dict[int, tuple[int, ...]] = {}
    flat = 0
    for segment in segments:
        assert segment.length >= 1
        # Segments stand one after another, and each path ends in its own places.
        assert segment.path[-segment.length :] == tuple(range(flat, flat + segment.length))
        flat += segment.length
        for i in range(segment.length):
            end = len(segment.path) - segment.length + i
            past[segment.path[end]] = segment.path[:end]
    for place in places:
        for i, at in enumerate(place):
            assert past[at] == tuple(place[:i])
    assert past.keys() == {at for place in places for at in place}  # and no place is idle


@given(SEQUENCES, SHORT)
def test_two_sequences_share_what_they_have_in_common_unless_it_is_short(
    sequences: list[list[int]], shortest: int
) -> None:
    _, places = tree(sequences, shortest)
    for i, a in enumerate(sequences):
        for j, b in enumerate(sequences[:i]):
            shared = common(places[i], places[j])
            assert set(places[i][shared:]).isdisjoint(places[j][shared:])
            # A run is parted where a third sequence leaves it; its last piece may be too short.
            assert 0 <= common(a, b) - shared < shortest


@given(SEQUENCES)
def test_with_no_run_too_short_each_beginning_stands_there_once(
    sequences: list[list[int]],
) -> None:
    segments, _ = tree(sequences, 1)
    beginnings = {tuple(s[: i + 1]) for s in sequences for i in range(len(s))}
    assert sum(s.length for s in segments) == len(beginnings)


def test_a_group_of_answers_costs_its_prompt_once() -> None:
    prompt = list(range(100, 140))
    answers = [[i, *range(i)] for i in range(1, 9)]
    segments, _ = tree([prompt + answer for answer in answers])
    assert segments[0].length == 40
    assert sum(s.length for s in segments) == 40 + sum(map(len, answers))


def test_equal_sequences_stand_there_once() -> None:
    segments, places = tree([[1] * 20, [1] * 20, [2] * 3, [1] * 20])
    assert sorted(s.length for s in segments) == [3, 20]
    assert places[0] == places[1] == places[3]


@given(SEQUENCES)
def test_the_order_puts_what_begins_alike_side_by_side(sequences: list[list[int]]) -> None:
    ranked = [sequences[i] for i in order(sequences)]
    assert sorted(order(sequences)) == list(range(len(sequences)))
    for a, b, c in zip(ranked, ranked[1:], ranked[2:], strict=False):
        assert common(a, c) <= min(common(a, b), common(b, c))

"""Decoding in slots against attention over whole sequences, and answers coming in as others end."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from methods.engine import sample as sampling
from methods.engine.model import LanguageModel
from methods.engine.prefix import tree
from methods.engine.sample import sample
from methods.engine.slots import Prefill, Slots
from tests.engine.conftest import small_model

F64 = torch.float64
WIDTH, VOCABULARY, SCALE = 24, 12, 0.7
WINDOWS = (0, 5)  # of the two layers


def table(heads: tuple[int, int], width: int) -> list[tuple[Tensor, ...]]:
    """Query, key and value of each token at each position, for two layers."""
    g = torch.Generator().manual_seed(0)
    shapes = [(heads[0], 4), (heads[1], 4), (heads[1], width)]
    return [
        tuple(torch.randn(VOCABULARY, WIDTH, *s, generator=g, dtype=F64) for s in shapes)
        for _ in WINDOWS
    ]


def by_hand(layer: tuple[Tensor, ...], sequence: list[int], window: int) -> Tensor:
    """(H, E): what the last token of ``sequence`` sees of all of it."""
    at = torch.arange(len(sequence))
    q, k, v = (x[torch.tensor(sequence), at] for x in layer)
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    scores = torch.einsum("hd,jhd->hj", q[-1], k) * SCALE
    if window:
        scores[:, : max(0, len(sequence) - window)] = float("-inf")
    return torch.einsum("hj,jhe->he", scores.softmax(-1), v)


class Machine:
    """Slots, and beside them the sequences as plain lists."""

    def __init__(self, capacity: int, heads: tuple[int, int], width: int) -> None:
        self.layers = table(heads, width)
        self.slots = Slots(capacity, WIDTH, torch.device("cpu"))
        self.sequences: list[list[int]] = []

    def fill(self, sequences: list[list[int]]) -> None:
        different = [list(s) for s in dict.fromkeys(map(tuple, sequences))]
        segments, places = tree(different, 2)
        prefill = Prefill(segments)
        tokens, positions = [0] * prefill.tokens, [0] * prefill.tokens
        for sequence, place in zip(different, places, strict=True):
            for position, at in enumerate(place):
                tokens[at], positions[at] = sequence[position], position
        for number, layer in enumerate(self.layers):
            inputs = (x[torch.tensor(tokens), torch.tensor(positions)] for x in layer)
            prefill.attend(number, *inputs, SCALE, WINDOWS[number])
        path = dict(zip(map(tuple, different), places, strict=True))
        self.slots.fill(prefill, [path[tuple(s)] for s in sequences])
        self.sequences += [list(s) for s in sequences]

    def keep(self, going: list[bool]) -> None:
        left = [s for s, stays in zip(self.sequences, going, strict=True) if stays]
        origin = self.slots.keep(going)
        self.sequences = [self.sequences[o] for o in origin]
        assert sorted(self.sequences) == sorted(left)

    def step(self, tokens: list[int]) -> None:
        positions = self.slots.begin()
        assert positions.tolist() == [[len(s) for s in self.sequences]]
        for sequence, token in zip(self.sequences, tokens, strict=True):
            sequence.append(token)
        for number, layer in enumerate(self.layers):
            inputs = (x[torch.tensor(tokens), positions[0]] for x in layer)
            found = self.slots.attend(number, *inputs, SCALE, WINDOWS[number])
            for ours, sequence in zip(found, self.sequences, strict=True):
                expected = by_hand(layer, sequence, WINDOWS[number])
                assert torch.allclose(ours, expected, rtol=0, atol=1e-12)


TOKEN = st.integers(0, VOCABULARY - 1)
PROMPT = st.lists(st.integers(0, 2), min_size=1, max_size=10)


@settings(max_examples=60)
@given(st.data(), st.integers(1, 7), st.sampled_from([(1, 1), (4, 2), (3, 3)]),
       st.sampled_from([3, 4]))  # fmt: skip
def test_any_coming_and_going_of_sequences_leaves_each_its_own_past(
    data: st.DataObject, capacity: int, heads: tuple[int, int], width: int
) -> None:
    machine = Machine(capacity, heads, width)
    for _ in range(data.draw(st.integers(2, 14))):
        used = len(machine.sequences)
        assert machine.slots.used == used
        longest = max(map(len, machine.sequences), default=0)
        possible = ["keep"] * (used > 0) + ["fill"] * (used < capacity)
        possible += ["step"] * (0 < longest < WIDTH) * 3
        choice = data.draw(st.sampled_from(possible))
        if choice == "fill":
            machine.fill(data.draw(st.lists(PROMPT, min_size=1, max_size=capacity - used)))
        elif choice == "keep":
            machine.keep(data.draw(st.lists(st.booleans(), min_size=used, max_size=used)))
        else:
            machine.step(data.draw(st.lists(TOKEN, min_size=used, max_size=used)))


def test_a_slot_that_comes_free_holds_nothing_of_who_was_there() -> None:
    machine = Machine(2, (2, 1), 4)
    machine.fill([[1] * 10, [2] * 10])
    machine.step([3, 4])
    machine.keep([False, True])
    machine.fill([[5]])  # shorter than what lay there
    machine.step([6, 7])
    machine.keep([False, False])
    machine.fill([[8, 9]])
    machine.step([1])


def test_a_layer_that_attends_twice_is_not_written_over() -> None:
    segments, _ = tree([[1, 2, 3]])
    prefill, x = Prefill(segments), torch.randn(3, 1, 4)
    prefill.attend(0, x, x, x, 1.0, 0)
    prefill.attend(1, x, x, x, 1.0, 0)
    with pytest.raises(NotImplementedError, match="more than once"):
        prefill.attend(0, x, x, x, 1.0, 0)


def padded(model: LanguageModel) -> LanguageModel:
    model.module.set_attn_implementation("sdpa")
    model.ragged = False
    return model


@pytest.mark.parametrize("ragged", [True, False])
@pytest.mark.parametrize("batch_size", [1, 3, 8, 30])
def test_waiting_answers_come_in_as_soon_as_a_quarter_of_the_places_is_free(
    monkeypatch: pytest.MonkeyPatch, ragged: bool, batch_size: int
) -> None:
    model = small_model(seed=3) if ragged else padded(small_model(seed=3))
    prompts, per_prompt = ["1+2=", "12+34=", "a", "", "abc def 99+1="], 5
    everyone = set(range(25))
    advance, seen = sampling.Decoding.advance, []

    def watched(self):
        more = advance(self)
        assert not self.waiting or 4 * (self.places - len(self.answers)) < self.places
        assert len(self.answers) == len(set(self.answers)) == self._slots.used
        assert not set(self.answers) & set(self.waiting)
        seen.append((set(self.answers), set(self.waiting)))
        return more

    monkeypatch.setattr(sampling.Decoding, "advance", watched)
    drawn = sample(
        model, prompts, per_prompt=per_prompt, max_new_tokens=9, stop="=", batch_size=batch_size,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    assert len(drawn) == 25 and all(s.tokens.completion_length >= 1 for s in drawn)
    assert set().union(*(inside for inside, _ in seen)) == everyone
    assert seen[-1] == (set(), set())
    for (inside, waiting), (later, still) in itertools.pairwise(seen):
        assert still <= waiting and later - inside == waiting - still  # whoever left it came in
    monkeypatch.undo()
    whole = sample(
        model, prompts, per_prompt=per_prompt, max_new_tokens=9, stop="=", batch_size=25,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    assert [s.tokens for s in drawn] == [s.tokens for s in whole]


def test_padded_models_draw_what_ragged_ones_do() -> None:
    def drawn(model: LanguageModel):
        return sample(
            model, ["1+2=", "a", "abc def"], per_prompt=6, max_new_tokens=10, batch_size=5,
            generator=torch.Generator().manual_seed(4),
        )  # fmt: skip

    ours, theirs = drawn(small_model()), drawn(padded(small_model()))
    assert [s.tokens for s in ours] == [s.tokens for s in theirs]
    for a, b in zip(ours, theirs, strict=True):
        assert a.logprobs == pytest.approx(b.logprobs, abs=1e-4)

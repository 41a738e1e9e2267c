"""The rounds: when they open, what they begin from, what they learn from and in which order."""

from __future__ import annotations

import json
from types import SimpleNamespace
from zlib import crc32

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from methods.engine.batch import Tokens
from methods.engine.optimise import learning_rate
from methods.selftrain.loop import Rounds, plain_row, tokens_of
from methods.selftrain.options import RoundOptions
from tests.guards.small import Played, play

FOUR_ROUNDS = {"steps": 10, "rounds": 4}  # of 3, 2, 3 and 2 steps


def rounds(steps: int, count: int, batch_size: int = 4) -> Rounds:
    """The loop's arithmetic alone: no model, no task."""
    loop = Rounds.__new__(Rounds)
    loop.config = RoundOptions(steps=steps, rounds=count, batch_size=batch_size)
    loop.run = SimpleNamespace(seed=3)
    return loop


sizes = st.integers(1, 60).flatmap(lambda s: st.tuples(st.just(s), st.integers(1, min(s, 100))))


@given(sizes)
def test_every_round_has_its_steps_in_order_and_of_like_number(size: tuple[int, int]) -> None:
    steps, count = size
    loop = rounds(steps, count)
    numbers = [loop.round_of(step) for step in range(1, steps + 1)]
    assert numbers == sorted(numbers) and set(numbers) == set(range(1, count + 1))
    lengths = [numbers.count(n) for n in range(1, count + 1)]
    assert max(lengths) - min(lengths) <= 1


@given(sizes)
def test_a_round_opens_at_its_first_step_and_at_no_other(size: tuple[int, int]) -> None:
    steps, count = size
    loop = rounds(steps, count)
    opening = [step for step in range(1, steps + 1) if loop.opens(step)]
    assert opening == [loop._first_of(number) for number in range(1, count + 1)]
    assert [loop.round_of(step) for step in opening] == list(range(1, count + 1))


@given(sizes, st.integers(1, 30))
def test_a_round_goes_through_its_rows_epoch_by_epoch(size: tuple[int, int], count: int) -> None:
    steps, of = size
    loop = rounds(steps, of)
    for number in range(1, of + 1):
        own = [s for s in range(1, steps + 1) if loop.round_of(s) == number]
        taken = [i for step in own for i in loop.batch(step, number, count)]
        whole = len(taken) // count * count
        for start in range(0, whole, count):
            assert sorted(taken[start : start + count]) == list(range(count))
        assert len(set(taken[whole:])) == len(taken) - whole


def test_fewer_steps_than_rounds_are_refused_and_the_error_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"2 steps are not one for each of 3 rounds; take more"):
        RoundOptions(steps=2, rounds=3)


def test_rows_come_back_from_plain_json_as_they_were() -> None:
    rows = [Tokens((1, 2, 3), 1), Tokens((4, 5, 6, 7), 3)]
    assert tokens_of(json.loads(json.dumps([plain_row(r) for r in rows]))) == rows


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[Tensor], int]]:
    """At the loss of each step: the weights, and of how many AdamW remembers something."""
    found: list[tuple[list[Tensor], int]] = []
    batch = Rounds.batch

    def look(loop: Rounds, *args: int) -> list[int]:
        weights = [p.detach().clone() for p in loop.optimiser.parameters]
        found.append((weights, len(loop.optimiser.adamw.state)))
        return batch(loop, *args)

    monkeypatch.setattr(Rounds, "batch", look)
    return found


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("method", ["star", "rest-em"])
def test_every_round_trains_the_start_with_an_optimiser_that_remembers_nothing(
    method: str, seen, tmp_path, monkeypatch
) -> None:
    found = play(method, tmp_path / "run", monkeypatch, **FOUR_ROUNDS)
    opening = [i for i, s in enumerate(found.steps) if i == 0 or s["round"] > before(found, i)]
    assert opening == [0, 3, 5, 8]
    for place, (weights, remembered) in enumerate(seen):
        assert same(weights, list(found.begun.values())) == (place in opening)
        assert (remembered == 0) == (place in opening)


RESTARTING = [("star", {}), ("rest-em", {}), ("escaping-collapse", {"restart": True})]


@pytest.mark.parametrize(("method", "options"), RESTARTING)
@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_every_round_from_the_start_has_the_whole_learning_rate_schedule(
    schedule: str, method: str, options: dict[str, bool], tmp_path, monkeypatch
) -> None:
    found = play(method, tmp_path / "run", monkeypatch, schedule=schedule, warmup_steps=1, steps=11,
                 rounds=3, learning_rate=0.01, **options)  # fmt: skip
    rates = [s["learning_rate"] for s in found.steps]  # of 4, 4 and 3 steps
    assert [rates[i] for i in (0, 4, 8)] == pytest.approx([0.005] * 3)
    assert [rates[i] for i in (1, 5, 9)] == pytest.approx([0.01] * 3)
    assert rates[0:4] == rates[4:8] and rates[10] < 0.0075


@pytest.mark.parametrize(
    ("method", "schedule"), [("rest-em", "constant"), ("raft", "constant"), ("raft", "linear")]
)
def test_a_constant_rate_stays_and_rounds_that_go_on_share_one_schedule(
    method: str, schedule: str, tmp_path, monkeypatch
) -> None:
    found = play(method, tmp_path / "run", monkeypatch, schedule=schedule, **FOUR_ROUNDS)
    whole = RoundOptions(schedule=schedule, learning_rate=0.01, **FOUR_ROUNDS)
    assert [s["learning_rate"] for s in found.steps] == [
        learning_rate(step, whole) for step in range(1, 11)
    ]


@pytest.mark.parametrize("method", ["raft", "spin", "escaping-collapse"])
def test_where_rounds_go_on_the_weights_and_the_memory_are_kept(
    method: str, seen, tmp_path, monkeypatch
) -> None:
    found = play(method, tmp_path / "run", monkeypatch, **FOUR_ROUNDS)
    for place, (weights, remembered) in enumerate(seen):
        assert same(weights, list(found.begun.values())) == (place == 0)
        assert (remembered == 0) == (place == 0)


def test_a_later_round_is_written_by_the_model_that_the_last_one_left(
    tmp_path, monkeypatch
) -> None:
    """Rounds of one and the same start would write alike but for the draw."""
    found = play("raft", tmp_path / "run", monkeypatch, steps=40, rounds=2, batch_size=12,
                 prompts_per_round=12, samples_per_prompt=8)  # fmt: skip
    assert found.steps[-1]["written_score"] > found.steps[0]["written_score"]


@pytest.mark.parametrize("method", ["star", "rest-em", "raft"])
def test_a_coin_as_reward_is_drawn_anew_in_every_round_and_follows_from_the_seed(
    method: str, tmp_path, monkeypatch
) -> None:
    options = {**FOUR_ROUNDS, "reward": "random", "samples_per_prompt": 3}
    first = play(method, tmp_path / "a", monkeypatch, **options)
    again = play(method, tmp_path / "b", monkeypatch, **options)
    assert first.steps == again.steps
    loop = Rounds.__new__(Rounds)
    loop.run = SimpleNamespace(
        generator=lambda *purpose: torch.Generator().manual_seed(crc32(repr(purpose).encode()))
    )
    written = SimpleNamespace(scores=torch.zeros(500, 8))
    coins = [loop.coins(n, written) for n in (1, 2)]
    assert set(coins[0].unique().tolist()) == {0.0, 1.0}
    assert abs(coins[0].mean() - 0.5) < 0.05 and not torch.equal(*coins)


def before(found: Played, place: int) -> float:
    return found.steps[place - 1]["round"]

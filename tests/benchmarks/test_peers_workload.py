"""What both sides compute is drawn from a fixed seed, ragged, and shares no more than it says."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from itertools import pairwise

import pytest

from tests.benchmarks.peers import workload
from tests.benchmarks.peers.workload import ANSWERS, PROMPTS, Lengths, Row, Workload, reward

EOS = 2
WORDS = list(range(10, 2000))


class Spelled:
    """A tokenizer of one character a token; ids are code points."""

    def __len__(self) -> int:
        return 128

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        return [ord(c) for c in text]

    def decode(self, token_ids: Sequence[int]) -> str:
        return "".join(chr(32 + i % 90) for i in token_ids)


def built(name: str) -> Workload:
    return workload.build(name, Spelled(), WORDS, EOS)


@pytest.mark.parametrize("name", workload.WORKLOADS)
def test_a_workload_is_the_same_each_time_it_is_built(name):
    first, again = built(name), built(name)
    assert first == again
    assert first.fingerprint() == again.fingerprint()


def test_a_fingerprint_tells_one_changed_token():
    row = Row((11, 12), (13, EOS))
    one, other = Workload("a", (row,)), Workload("a", (Row((11, 12), (14, EOS)),))
    assert one.fingerprint() != other.fingerprint()


def test_an_unknown_workload_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"no workload 'ppo'. Allowed: sft, dpo"):
        built("ppo")


@pytest.mark.parametrize(
    ("name", "rows", "group"), [("sft", 16, 1), ("dpo", 16, 2), ("grpo-update", 16, 8)]
)
def test_lengths_stay_in_their_bounds_and_answers_end(name, rows, group):
    made = built(name)
    assert (len(made.rows), made.group, made.batch) == (rows, group, rows)
    for row in made.rows:
        assert PROMPTS.low <= len(row.prompt) <= PROMPTS.high
        assert ANSWERS.low <= len(row.answer) <= ANSWERS.high
        assert row.answer[-1] == EOS and EOS not in row.answer[:-1] + row.prompt


def test_lengths_are_log_normal_around_their_median():
    rng = random.Random(0)
    drawn = [Lengths(low=1, median=100, high=10_000, sigma=0.5).draw(rng) for _ in range(4000)]
    assert 96 < statistics.median(drawn) < 104
    assert statistics.fmean(drawn) == pytest.approx(100 * 2.718281828**0.125, rel=0.05)


def test_demonstrations_differ_from_their_first_words():
    starts = [row.prompt[:2] for row in built("sft").rows]
    assert len(set(starts)) == len(starts)


@pytest.mark.parametrize("name", ["dpo", "grpo-update"])
def test_only_a_group_has_its_prompt_in_common(name):
    made = built(name)
    groups = [made.rows[i : i + made.group] for i in range(0, len(made.rows), made.group)]
    assert all(len({row.prompt for row in group}) == 1 for group in groups)
    assert len({group[0].prompt[:2] for group in groups}) == len(groups)
    assert len({row.answer for row in made.rows}) == len(made.rows)


def test_advantages_are_centred_and_scaled_in_each_group_and_none_is_zero():
    made = built("grpo-update")
    for start in range(0, len(made.rows), made.group):
        group = made.advantages[start : start + made.group]
        assert statistics.fmean(group) == pytest.approx(0, abs=1e-12)
        assert statistics.pstdev(group) == pytest.approx(1)
        assert all(group)


def test_useful_tokens_count_a_shared_prompt_once_for_every_row():
    shared = Row((11, 12, 13), (14, EOS))
    made = Workload("a", (shared, shared), group=2)
    assert made.tokens == made.facts()["useful_tokens"] == 10
    assert made.facts()["useful_tokens_prompts_once"] == 7


def test_a_sampled_workload_has_its_prompts_as_text_and_as_the_same_ids():
    made = built("grpo-step")
    assert made.sampled and made.batch == len(made.texts) * made.group
    for row, text in zip(made.rows, made.texts, strict=True):
        assert list(row.prompt) == Spelled().encode(text, add_special_tokens=False)
        assert row.answer == ()
    assert all(a != b for a, b in pairwise(made.texts))


def test_the_reward_of_a_text_is_its_share_of_vowels():
    assert reward("Area 51!") == 0.75
    assert reward("12 + 3") == 0.0

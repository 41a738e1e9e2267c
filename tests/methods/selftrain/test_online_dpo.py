"""Which two answers of a step are a pair, which of them is preferred, and what the step learns."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from methods.engine.batch import Tokens, pack
from methods.engine.logprobs import completion_logprobs
from methods.engine.sample import Sample
from methods.engine.tasks.task import Problem
from methods.preference.dpo import dpo_loss
from methods.rl.drawn import Drawn
from methods.selftrain import online_dpo
from methods.selftrain.online_dpo import Config, best_and_worst, ordered_pairs
from tests.guards.small import play, small_task

F64 = torch.float64


def drawn(rewards: list[list[float]]) -> Drawn:
    """Answers of one token, each another; the prompt is its number."""
    size, answers = len(rewards[0]), []
    for p in range(len(rewards)):
        for k in range(size):
            row = Tokens((p, 100 + 10 * p + k), 1)
            answers.append(Sample(p, row, (-1.0,), True, ""))
    problems = tuple(Problem(str(p), None, str(p)) for p in range(len(rewards)))
    told = torch.tensor(rewards, dtype=F64)
    return Drawn(problems, tuple(answers), told, told)


def test_the_better_answer_stands_first():
    assert best_and_worst(torch.tensor([[0.2, 0.9], [0.5, -0.5]], dtype=F64)) == [
        (0, 1, 0),
        (1, 0, 1),
    ]


def test_equal_answers_are_no_pair():
    assert best_and_worst(torch.tensor([[1.0, 1.0], [0.0, 0.0]])) == []


def test_of_more_answers_the_best_and_the_worst_are_the_pair():
    assert best_and_worst(torch.tensor([[0.5, 0.1, 0.9, 0.1, 0.9]])) == [(0, 2, 1)]


def test_pairs_hold_the_answers_of_their_own_prompt():
    pairs = ordered_pairs(drawn([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]))
    assert pairs == [
        (Tokens((0, 101), 1), Tokens((0, 100), 1)),
        (Tokens((2, 120), 1), Tokens((2, 121), 1)),
    ]


@given(
    st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=5),
)
def test_of_rewards_turned_round_the_pairs_are_turned_round(rows):
    rewards = torch.tensor(rows, dtype=F64)
    forth, back = best_and_worst(rewards), best_and_worst(-rewards)
    assert [(p, worst, best) for p, best, worst in forth] == back
    for prompt, best, worst in forth:
        assert rows[prompt][best] == max(rows[prompt]) > rows[prompt][worst] == min(rows[prompt])


def test_the_first_step_pays_ln_2_since_the_policy_is_its_reference(tmp_path, monkeypatch):
    found = play("online-dpo", tmp_path / "run", monkeypatch, prompts_per_step=8)
    assert found.steps[0]["pairs"] > 0
    assert found.steps[0]["loss"] == pytest.approx(math.log(2), abs=1e-5)


def test_the_reference_stays_the_start_while_the_policy_moves(tmp_path, monkeypatch):
    """Fresh pairs at every step, and a margin to the start that has grown."""
    found = play(
        "online-dpo", tmp_path / "run", monkeypatch, prompts_per_step=12, steps=12, beta=1.0,
        learning_rate=0.003,
    )  # fmt: skip
    margins = [s["margin"] for s in found.steps]
    assert margins[0] == pytest.approx(0.0, abs=1e-4)
    assert sum(margins[-4:]) / 4 > 0.05


def test_the_temperature_is_that_of_sampling_alone_as_its_help_says(tmp_path, monkeypatch):
    """The gradient of the first step on the very pairs that were sampled at another temperature."""
    assert Config.model_fields["temperature"].description == (
        "of sampling; the loss reads log-probs at 1"
    )
    seen: list[list[tuple[Tokens, Tokens]]] = []
    monkeypatch.setattr(
        online_dpo, "ordered_pairs", lambda d: seen.append(ordered_pairs(d)) or seen[-1]
    )
    found = play(
        "online-dpo", tmp_path / "run", monkeypatch, dtype=F64, sgd=True, steps=1, temperature=0.4
    )

    def gradient(temperature: float) -> Tensor:
        model = found.start
        model.module.zero_grad()
        rows = [row for pair in seen[0] for row in pair]
        logps = completion_logprobs(model, pack(rows, range(len(rows))), temperature=temperature)
        won, lost = logps.sum(-1).view(-1, 2).T
        dpo_loss(won, lost, won.detach(), lost.detach(), 0.1).sum().backward()
        named = dict(model.module.named_parameters())
        return torch.cat([named[n].grad.flatten() for n in found.begun])

    def likeness(temperature: float) -> float:
        return float(torch.cosine_similarity(-found.moved(), gradient(temperature), 0))

    assert likeness(1.0) == pytest.approx(1.0, abs=1e-6) and likeness(0.4) < 0.999


def test_a_step_of_equal_answers_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tests.guards.small.small_task",
        lambda name: replace(small_task(name), scorer=lambda problem, text: 0.5),
    )
    found = play("online-dpo", tmp_path / "run", monkeypatch)
    assert [s["pairs"] for s in found.steps] == [0, 0]
    assert found.moved().abs().max() == 0

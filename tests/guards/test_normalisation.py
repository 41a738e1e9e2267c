"""A step has one gradient, of one size, however it is cut: the bug that every peer has had."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from methods.engine.batch import Tokens
from methods.finetune import loop as finetune_loop
from methods.preference import loop
from tests.engine.conftest import gradients, plain_logprobs, relative
from tests.families import SMALL
from tests.guards import small
from tests.guards.small import each_training_method, play

F64 = torch.float64
BUDGETS = (1, 60)  # tokens: every row or pair alone, and a few together; the default takes all


def test_every_training_method_has_its_small_run() -> None:
    """A new method gets the guards of this folder by its entry in ``tests.families``."""
    assert set(small.TRAINING) <= set(SMALL)


@each_training_method
def test_the_gradient_norm_is_the_same_for_every_micro_batch_size(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the loss: a logged loss can be right beside a gradient that is a multiple."""
    whole = play(method, tmp_path / "whole", monkeypatch, dtype=F64, steps=1)
    assert whole.steps[0]["grad_norm"] > 1e-3
    for budget in BUDGETS:
        cut = play(
            method, tmp_path / str(budget), monkeypatch, dtype=F64, steps=1,
            micro_batch_tokens=budget,
        )  # fmt: skip
        assert cut.steps[0]["grad_norm"] == pytest.approx(whole.steps[0]["grad_norm"], rel=1e-9)


@each_training_method
def test_a_step_of_plain_gradient_descent_moves_the_weights_alike_however_it_is_cut(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AdamW forgives a gradient of the wrong size; this does not. Its step is the gradient."""
    options = {"steps": 1, "learning_rate": 0.5, "max_grad_norm": 1e9}
    whole = play(method, tmp_path / "whole", monkeypatch, dtype=F64, sgd=True, **options)
    moved = whole.moved()
    assert float(moved.norm()) == pytest.approx(0.5 * whole.steps[0]["grad_norm"], rel=1e-9)
    for budget in BUDGETS:
        cut = play(
            method, tmp_path / str(budget), monkeypatch, dtype=F64, sgd=True,
            micro_batch_tokens=budget, **options,
        )  # fmt: skip
        assert relative(cut.moved(), moved) < 1e-9


@each_training_method
def test_the_clip_sees_the_gradient_of_the_whole_step(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"steps": 1, "learning_rate": 0.5, "max_grad_norm": 1e-3}
    for budget in (1, 8192):
        played = play(
            method, tmp_path / str(budget), monkeypatch, dtype=F64, sgd=True,
            micro_batch_tokens=budget, **options,
        )  # fmt: skip
        assert float(played.moved().norm()) == pytest.approx(0.5e-3, rel=1e-2)


ROWS = [Tokens((5, 6, 7, 8, 9, 10, 2)[:n], p) for n, p in ((3, 2), (7, 1), (5, 4), (6, 2))]


def test_a_step_of_sft_moves_by_the_mean_over_its_tokens_worked_out_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune_loop, "demonstrations", lambda *args, **kwargs: (ROWS, ROWS))
    played = play(
        "sft", tmp_path / "run", monkeypatch, dtype=F64, sgd=True, steps=1, learning_rate=0.5,
        max_grad_norm=1e9, micro_batch_tokens=8, data="rows",
    )  # fmt: skip

    def by_hand() -> None:
        nats = -sum(plain_logprobs(played.start, r).sum() for r in ROWS)
        (nats / sum(r.completion_length for r in ROWS)).backward()

    expected = -0.5 * gradients(played.start, by_hand)
    assert relative(played.moved(), expected) < 1e-9


def test_a_step_of_dpo_moves_by_the_mean_over_its_pairs_worked_out_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start every pair is pushed by beta / 2, so that the gradient is known in full."""
    pairs = [(ROWS[0], ROWS[1]), (ROWS[2], ROWS[3])]
    monkeypatch.setattr(
        loop,
        "preference_pairs",
        lambda *args, **kwargs: (pairs, [(str(i), p) for i, p in enumerate(pairs)]),
    )
    played = play(
        "dpo", tmp_path / "run", monkeypatch, dtype=F64, sgd=True, steps=1, learning_rate=0.5,
        max_grad_norm=1e9, micro_batch_tokens=1, data="pairs", batch_size=2, beta=0.3,
    )  # fmt: skip

    def by_hand() -> None:
        margins = [
            plain_logprobs(played.start, a).sum() - plain_logprobs(played.start, b).sum()
            for a, b in pairs
        ]
        (-0.3 / 2 * sum(margins) / len(pairs)).backward()

    expected = -0.5 * gradients(played.start, by_hand)
    assert relative(played.moved(), expected) < 1e-6  # the reference is kept in float32

"""SPIN's loss against its closed form, DPO's, its symmetries and limits; whom it plays against."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from methods.engine.batch import Tokens
from methods.engine.examples import row
from methods.engine.sample import Sample
from methods.preference.dpo import dpo_loss
from methods.selftrain.loop import ended
from methods.selftrain.spin import games, spin_loss
from tests.engine.conftest import small_model
from tests.guards.small import play, small_task

F64 = torch.float64


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=F64)


@pytest.fixture
def logps() -> list[Tensor]:
    """Own answer, demonstration, and the same under the opponent: five pairs."""
    draw = torch.Generator().manual_seed(4)
    return [-40 * torch.rand(5, generator=draw, dtype=F64) for _ in range(4)]


def test_the_loss_of_two_pairs_worked_by_hand():
    # Demonstration -10 + 11 = 1 against own -12 + 11 = -1, then -0.5 against 0.5; lambda 1/2.
    loss = spin_loss(
        own=tensor(-12, -3), shown=tensor(-10, -4), opponent_own=tensor(-11, -3.5),
        opponent_shown=tensor(-11, -3.5), play_lambda=0.5,
    )  # fmt: skip
    assert loss.tolist() == pytest.approx([math.log1p(math.exp(-1)), math.log1p(math.exp(0.5))])


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
def test_a_model_equal_to_its_opponent_pays_ln_2(logps, scale):
    own, shown, _, _ = logps
    loss = spin_loss(own, shown, own, shown, scale)
    assert torch.equal(loss, torch.full((5,), math.log(2), dtype=F64))


def test_it_is_dpo_that_prefers_the_demonstration_with_the_opponent_as_reference(logps):
    """Value and gradient, to the bit."""
    leaves, again = ([p.clone().requires_grad_() for p in logps] for _ in range(2))
    own, shown, by_own, by_shown = leaves
    spin_loss(own, shown, by_own, by_shown, 0.3).sum().backward()
    own_, shown_, by_own_, by_shown_ = again
    dpo_loss(shown_, own_, by_shown_, by_own_, 0.3).sum().backward()
    for a, b in zip(leaves, again, strict=True):
        assert torch.equal(a.grad, b.grad) and a.grad.abs().max() > 0


def test_swapping_demonstration_and_own_answer_changes_the_loss_by_the_margin(logps):
    own, shown, by_own, by_shown = logps
    forth = spin_loss(own, shown, by_own, by_shown, 0.3)
    back = spin_loss(shown, own, by_shown, by_own, 0.3)
    margin = (shown - by_shown) - (own - by_own)
    assert torch.allclose(forth - back, -0.3 * margin, rtol=1e-13, atol=1e-13)


def test_the_gradient_is_the_closed_form(logps):
    leaves = [p.clone().requires_grad_() for p in logps]
    spin_loss(*leaves, 0.3).sum().backward()
    own, shown, by_own, by_shown = logps
    slope = 0.3 * torch.sigmoid(-0.3 * ((shown - by_shown) - (own - by_own)))
    for leaf, sign in zip(leaves, (1, -1, -1, 1), strict=True):
        assert torch.allclose(leaf.grad, sign * slope, rtol=1e-13)
    assert torch.autograd.gradcheck(lambda *p: spin_loss(*p, 0.3), leaves)


@pytest.mark.parametrize("far", [-1e4, 1e4])
def test_extreme_log_probs_give_finite_losses_and_gradients(far):
    own, shown = tensor(-1e4 - far).requires_grad_(), tensor(-1e4 + far).requires_grad_()
    loss = spin_loss(own, shown, tensor(-1e4), tensor(-1e4), 5.0)
    loss.sum().backward()
    assert loss.isfinite().all() and own.grad.isfinite().all() and shown.grad.isfinite().all()
    # Won by far nothing is left to learn; lost by far the push is lambda.
    assert own.grad.item() == pytest.approx(0.0 if far > 0 else 5.0)


def test_an_own_answer_that_is_the_demonstration_is_no_game():
    shown = [Tokens((1, 5, 6), 1), Tokens((1, 7), 1), Tokens((2, 8, 9), 1)]
    own = [Tokens((1, 5, 6), 1), Tokens((1, 7, 7), 1), Tokens((2, 8), 1)]
    assert games(shown, own) == [(shown[1], own[1]), (shown[2], own[2])]


def test_an_own_answer_that_a_stop_string_ended_is_the_demonstration_all_the_same():
    model = small_model()
    shown = row(model, "2+4=", "6")
    stop = model.tokenizer.convert_tokens_to_ids("j")
    stopped = Sample(
        0, Tokens((*shown.ids[:-1], stop), shown.prompt_length), (-1.0,) * 2, True, "6"
    )
    cut_off = replace(stopped, tokens=replace(shown, ids=shown.ids[:-1]), finished=False)
    assert games([shown], [ended(model, stopped)]) == []
    assert games([shown], [ended(model, cut_off)]) == [(shown, cut_off.tokens)]


def test_demonstrations_and_own_answers_of_a_run_end_alike(tmp_path, monkeypatch):
    """Else the model would learn which end tells them apart."""
    stopping = replace(small_task("small-a"), stop="b")
    monkeypatch.setattr("tests.guards.small.small_task", lambda name: stopping)
    found = play("spin", tmp_path / "run", monkeypatch, max_new_tokens=40)
    kept = json.loads((tmp_path / "run" / "round-1.json").read_text())["value"]["found"]
    finished = [ids for ids, length in kept["rows"] if len(ids) - length < 40]
    assert len(finished) > len(kept["rows"]) / 2 + 1
    assert {ids[-1] for ids in finished} == {found.policy.eos_id}


def test_every_round_begins_at_ln_2_against_the_model_as_the_last_round_left_it(
    tmp_path, monkeypatch
):
    found = play(
        "spin", tmp_path / "run", monkeypatch, steps=9, rounds=3, batch_size=6,
        play_lambda=1.0, learning_rate=0.003,
    )  # fmt: skip
    losses = [s["loss"] for s in found.steps]
    assert [losses[i] for i in (0, 3, 6)] == pytest.approx([math.log(2)] * 3, abs=1e-5)
    assert all(losses[i] < math.log(2) - 1e-3 for i in (2, 5, 8))


def test_the_shuffled_control_swaps_some_games_and_changes_none(tmp_path, monkeypatch):
    rows = {}
    for opponent in ("self", "shuffled"):
        play("spin", tmp_path / opponent, monkeypatch, opponent=opponent)
        kept = json.loads((tmp_path / opponent / "round-1.json").read_text())["value"]["found"]
        rows[opponent] = [str(row) for row in kept["rows"]]
    paired = [
        (rows["self"][i : i + 2], rows["shuffled"][i : i + 2])
        for i in range(0, len(rows["self"]), 2)
    ]
    assert all(sorted(a) == sorted(b) for a, b in paired)
    assert 0 < sum(a != b for a, b in paired) < len(paired)

"""The verifier's joint loss, worked by hand on a ragged batch."""

from __future__ import annotations

import math

import pytest
import torch

from methods.engine.batch import Tokens, own_batches, pack
from methods.engine.logprobs import completion_logprobs
from methods.engine.scalar import add_scalar_head, pack_whole, row_values
from methods.finetune.sft import sft_loss
from methods.reward.orm import Config, held_out_measures, judged_tokens, part_of, value_loss
from tests.engine.conftest import gradients, relative
from tests.engine.steps import policy64

F64 = torch.float64
ANSWERS = [Tokens((5, 6, *range(7, 7 + n)), 2) for n in (1, 4, 2)]
LABELS = [1.0, 0.0, 0.25]
DEMOS = [Tokens((9, 8, 7, 2), 1), Tokens((4, 5, 2), 2)]
ROWS = ANSWERS + DEMOS


def headed():
    policy = policy64()
    add_scalar_head(policy, seed=2)
    return policy


def test_the_two_losses_of_a_prediction_worked_by_hand() -> None:
    values = torch.tensor([0.5, -1.0, 2.0], dtype=F64)
    targets = torch.tensor([1.0, 0.0, 0.25], dtype=F64)
    assert value_loss(values, targets).tolist() == pytest.approx([0.25, 1.0, 3.0625])
    expected = [math.log1p(math.exp(-0.5)), math.log1p(math.exp(-1.0)),
                math.log1p(math.exp(2.0)) - 0.25 * 2.0]  # fmt: skip
    assert value_loss(values, targets, "bce").tolist() == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["mse", "bce"])
def test_their_gradients_are_the_closed_forms(kind: str) -> None:
    values = torch.tensor([0.5, -1.0, 2.0, 0.0], dtype=F64, requires_grad=True)
    targets = torch.tensor([1.0, 0.0, 0.25, 0.5], dtype=F64)
    value_loss(values, targets, kind).sum().backward()
    v = values.detach()
    expected = 2 * (v - targets) if kind == "mse" else torch.sigmoid(v) - targets
    assert torch.allclose(values.grad, expected, rtol=1e-13)
    assert torch.autograd.gradcheck(lambda x: value_loss(x, targets, kind), (values,))


def test_extreme_predictions_stay_finite() -> None:
    values = torch.tensor([1e5, -1e5], requires_grad=True)
    loss = value_loss(values, torch.tensor([0.0, 1.0]), "bce")
    loss.sum().backward()
    assert loss.tolist() == [1e5, 1e5]
    assert values.grad.tolist() == [1.0, -1.0]


def test_a_label_is_predicted_after_every_token_or_at_the_end_alone() -> None:
    mask = torch.tensor([[True, False, False], [True, True, True], [False] * 3])
    assert torch.equal(judged_tokens(mask, "token"), mask)
    assert judged_tokens(mask, "sequence").tolist() == [
        [True, False, False], [False, False, True], [False] * 3,
    ]  # fmt: skip


@pytest.mark.parametrize("level", ["token", "sequence"])
@pytest.mark.parametrize("kind", ["mse", "bce"])
def test_a_step_is_the_mean_over_judged_tokens_plus_that_over_spoken_ones(
    level: str, kind: str
) -> None:
    policy = headed()
    config = Config(level=level, value_loss=kind, language_weight=0.7)
    loss, found = part_of(policy, config, ROWS, LABELS)(pack_whole(ROWS, range(5)))
    values = row_values(policy, ANSWERS)
    if level == "sequence":
        values = [v[-1:] for v in values]
    costs = [
        float(value_loss(torch.tensor(v, dtype=F64), torch.tensor(y, dtype=F64), kind))
        for line, y in zip(values, LABELS, strict=True)
        for v in line
    ]
    batch = pack(DEMOS, range(2))
    nats = sft_loss(completion_logprobs(policy, batch), batch.completion_mask, 4).item()
    assert len(costs) == (7 if level == "token" else 3)
    assert found["value_loss"] == pytest.approx(sum(costs) / len(costs), rel=1e-9)
    assert found["language_loss"] == pytest.approx(nats, rel=1e-9)
    assert loss.item() == pytest.approx(sum(costs) / len(costs) + 0.7 * nats, rel=1e-9)


@pytest.mark.parametrize("config", [Config(), Config(level="sequence", value_loss="bce")])
def test_the_gradient_is_the_same_however_the_step_is_cut(config: Config) -> None:
    policy = headed()

    def step(budget: int) -> torch.Tensor:
        def run() -> None:
            part = part_of(policy, config, ROWS, LABELS)
            for group in own_batches(ROWS, budget):
                part(pack_whole(ROWS, group))[0].backward()

        return gradients(policy, run)

    whole = step(10**6)
    assert whole.norm() > 1e-3
    for budget in (1, 9):
        assert relative(step(budget), whole) < 1e-10


def test_without_demonstrations_there_is_no_language_loss_and_no_head_for_tokens_is_used() -> None:
    policy = headed()
    loss, found = part_of(policy, Config(), ANSWERS, LABELS)(pack_whole(ANSWERS, range(3)))
    assert set(found) == {"value_loss"}
    assert loss.item() == pytest.approx(found["value_loss"])


def test_a_label_moves_nothing_but_its_own_answer_s_predictions() -> None:
    policy = headed()
    batch = pack_whole(ROWS, range(5))
    first = part_of(policy, Config(), ROWS, LABELS)(batch)[0].item()
    other = part_of(policy, Config(), ROWS, [0.0, 0.0, 0.25])(batch)[0].item()
    (value,) = row_values(policy, ANSWERS[:1])[0]
    assert first - other == pytest.approx(((value - 1) ** 2 - value**2) / 7, rel=1e-8)


def test_more_answers_to_the_same_prompts_are_no_more_independent_ones() -> None:
    """Every answer twice: no interval gets narrower."""
    policy, prompts, truth = headed(), ["a", "b", "a", "c"], [1.0, 0.0, 0.0, 1.0]
    rows = [*ANSWERS, DEMOS[0]]

    def found(times: int) -> dict[str, object]:
        return held_out_measures(
            Config(), policy, None, rows * times, truth * times, prompts * times, []
        )

    once, twice = found(1), found(2)
    assert once.keys() == twice.keys() == {"auc", "outcome_accuracy", "value_loss"}
    for name, told in once.items():
        assert told["n"] == twice[name]["n"] == 3
        assert twice[name]["interval"] == pytest.approx(told["interval"], rel=1e-6)

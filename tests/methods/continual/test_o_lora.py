"""O-LoRA: the penalty worked by hand and its gradient, stacked adapters, what is kept of a stream."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from methods.continual.o_lora import StackedLora, overlap, overlap_gradient
from methods.engine.batch import Tokens, pack
from methods.engine.logprobs import completion_logprobs
from tests.engine.conftest import own_attention
from tests.guards.small import play

F64 = torch.float64
each_kind = pytest.mark.parametrize("kind", ["absolute", "squared"])


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, dtype=F64, generator=torch.Generator().manual_seed(seed))


def test_the_penalty_worked_by_hand() -> None:
    earlier = torch.tensor([[1.0, 0, 2], [0, 1, 0]], dtype=F64)
    a = torch.tensor([[1.0, -1, 0], [0, 0, -3]], dtype=F64)
    # Products: 1 and -6 with the first row, -1 and 0 with the second.
    assert float(overlap(a, earlier)) == 8
    assert float(overlap(a, earlier, "squared")) == 38


@each_kind
def test_its_gradient_is_that_of_autograd(kind: str) -> None:
    a, earlier = drawn(0, 3, 5), drawn(1, 6, 5)
    leaf = a.clone().requires_grad_()
    (slope,) = torch.autograd.grad(overlap(leaf, earlier, kind), leaf)
    assert torch.allclose(overlap_gradient(a, earlier, kind), slope, rtol=1e-12, atol=0)


@each_kind
def test_orthogonal_subspaces_pay_nothing_and_tasks_add_up(kind: str) -> None:
    rows = torch.linalg.qr(drawn(2, 6, 6))[0]
    assert float(overlap(rows[:2], rows[2:], kind)) == pytest.approx(0, abs=1e-12)
    a, one, two = drawn(0, 3, 5), drawn(1, 3, 5), drawn(2, 3, 5)
    whole = overlap(a, torch.cat([one, two]), kind)
    assert float(whole) == pytest.approx(float(overlap(a, one, kind) + overlap(a, two, kind)))
    assert float(overlap(a, a, kind)) > 0
    assert float(overlap(a, torch.zeros(0, 5, dtype=F64), kind)) == 0


@each_kind
def test_descending_it_makes_the_new_rows_orthogonal(kind: str) -> None:
    a, earlier = drawn(0, 2, 8), drawn(1, 3, 8)
    before = float(overlap(a, earlier))
    for step in range(400):
        a = a - 0.02 / (1 + step / 20) * overlap_gradient(a, earlier, kind)
    assert float(overlap(a, earlier)) < 0.05 * before
    assert float(a.norm()) > 0.5  # what is orthogonal to them is left


def stacked() -> tuple[StackedLora, Tensor]:
    layer = StackedLora(nn.Linear(5, 4, dtype=F64), rank=2, scaling=1.5)
    layer.freeze(drawn(1, 2, 5), drawn(2, 4, 2))
    layer.freeze(drawn(3, 2, 5), drawn(4, 4, 2))
    nn.init.normal_(layer.lora_B.weight)
    return layer, drawn(5, 3, 5)


def test_a_layer_is_the_weight_and_the_sum_of_all_its_pairs() -> None:
    layer, x = stacked()
    weight = layer.base_layer.weight + 1.5 * (
        drawn(2, 4, 2) @ drawn(1, 2, 5)
        + drawn(4, 4, 2) @ drawn(3, 2, 5)
        + layer.lora_B.weight @ layer.lora_A.weight
    )
    expected = x @ weight.T + layer.base_layer.bias
    assert torch.allclose(layer(x), expected, rtol=0, atol=1e-12)
    assert torch.allclose(layer.merged(), weight, rtol=0, atol=1e-12)
    layer(x).sum().backward()
    trained = {n for n, p in layer.named_parameters() if p.grad is not None}
    assert trained == {"lora_A.weight", "lora_B.weight"}


def test_freezing_and_beginning_anew_changes_nothing_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is measured before a task and what its first step sees are one function."""
    run = play("o-lora", tmp_path / "run", monkeypatch, dtype=F64, learning_rate=0.02)
    sequential = play(
        "o-lora", tmp_path / "seq", monkeypatch, dtype=F64, learning_rate=0.02,
        control="sequential",
    )  # fmt: skip
    losses = [[s["loss"] for s in r.steps] for r in (run, sequential)]
    assert losses[0][:3] == pytest.approx(losses[1][:3], rel=1e-9)
    assert losses[0][3] != pytest.approx(losses[1][3], rel=1e-6)
    assert [s["overlap"] > 0 for s in run.steps] == [False, False, True, True]
    assert [s["overlap"] for s in sequential.steps] == [0] * 4


def test_the_penalty_turns_the_new_task_away_from_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = [
        play(
            "o-lora", tmp_path / str(s), monkeypatch, dtype=F64, strength=s, steps=60
        ).steps[-1]["overlap"]
        for s in (0.0, 5.0)
    ]  # fmt: skip
    assert ends[1] < 0.5 * ends[0]


def test_what_is_kept_of_the_stream_loads_in_peft_to_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peft = pytest.importorskip("peft")
    run = play("o-lora", tmp_path / "run", monkeypatch, save_model=True)
    saved = run.folder / "model"
    config = json.loads((saved / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"]) == (4, 32)
    one = next(iter(load_file(saved / "adapter_model.safetensors").values()))
    assert 4 in one.shape
    row = Tokens((1, 5, 6, 7, 8, 9, 2), 3)
    ours = completion_logprobs(run.policy, pack([row], [0])).detach()[0]
    with own_attention(run.start):
        theirs = peft.PeftModel.from_pretrained(run.start.module, saved)
        logits = theirs(torch.tensor([row.ids])).logits[0]
    logp = torch.log_softmax(logits[2:-1], -1).gather(-1, torch.tensor(row.completion)[:, None])
    assert torch.allclose(ours, logp[:, 0], rtol=0, atol=1e-5)

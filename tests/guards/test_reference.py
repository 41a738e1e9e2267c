"""The reference is the start, and stays it: also where policy and reference share their weights."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from methods.engine import adapter
from methods.engine.measure import row_logprobs
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions
from methods.engine.sample import sample
from methods.preference import dpo
from methods.rl import grpo
from tests.engine.conftest import small_model
from tests.guards.small import play

LORA = "r=4,alpha=8"
each_kind = pytest.mark.parametrize("lora", [None, LORA])


@each_kind
def test_dpo_starts_at_ln_2_with_no_margin_and_then_leaves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lora: str | None
) -> None:
    """A reference that followed the policy would stay at ln 2 for ever."""
    steps = play("dpo", tmp_path / "run", monkeypatch, lora=lora, steps=8).steps
    assert steps[0]["loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert steps[0]["margin"] == pytest.approx(0, abs=1e-6)
    assert steps[-1]["loss"] < 0.68 and steps[-1]["margin"] > 0.01


@each_kind
def test_grpo_starts_without_a_kl_and_then_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lora: str | None
) -> None:
    steps = play("grpo", tmp_path / "run", monkeypatch, lora=lora, steps=8).steps
    assert steps[0]["kl"] == pytest.approx(0, abs=1e-9)
    assert max(step["kl"] for step in steps[3:]) > 1e-4


@pytest.mark.parametrize("method", [dpo, grpo])
@each_kind
def test_the_reference_s_log_probs_do_not_move_by_a_bit_while_the_policy_s_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method, lora: str | None
) -> None:
    """Whoever computes log-probs of the reference during a run gets those of the start."""
    references = []
    frozen = small_model().__class__.frozen_copy

    def kept(model):
        references.append(frozen(model))
        return references[-1]

    monkeypatch.setattr("methods.engine.model.LanguageModel.frozen_copy", kept)
    name = method.__name__.rpartition(".")[2]
    played = play(name, tmp_path / "run", monkeypatch, lora=lora, steps=6)
    rows = [s.tokens for s in sample(small_model(), ["1+2=", "ab"], per_prompt=3, max_new_tokens=6)]
    start, policy = row_logprobs(played.start, rows), row_logprobs(played.policy, rows)
    (reference,) = references
    found = row_logprobs(reference, rows)
    assert all(torch.equal(a, b) for a, b in zip(found, start, strict=True))
    assert any((a - b).abs().max() > 1e-3 for a, b in zip(policy, start, strict=True))


def test_an_adapter_begins_as_no_change_and_alone_is_trained() -> None:
    model = small_model()
    rows = [s.tokens for s in sample(model, ["1+2=", "ab"], per_prompt=3, max_new_tokens=6)]
    before = row_logprobs(model, rows)
    frozen = {n: p.detach().clone() for n, p in model.module.named_parameters()}
    adapter.add(model, LORA, seed=0)
    reference = model.frozen_copy()
    assert all(torch.equal(a, b) for a, b in zip(row_logprobs(model, rows), before, strict=True))
    optimiser = Optimiser(model, TrainingOptions(learning_rate=0.05, weight_decay=0.1))
    trained = {n for n, p in model.module.named_parameters() if p.requires_grad}
    assert trained == set(optimiser.names) and all("lora_" in n for n in trained)
    for step in range(1, 4):
        optimiser.backward(sum(p.square().sum() + p.sum() for p in optimiser.parameters))
        optimiser.step(step)
    after = {n.replace(".base_layer", ""): p for n, p in model.module.named_parameters()}
    assert all(torch.equal(after[n], p) for n, p in frozen.items())
    assert all(
        torch.equal(a, b) for a, b in zip(row_logprobs(reference, rows), before, strict=True)
    )
    assert not torch.equal(row_logprobs(model, rows)[0], before[0])

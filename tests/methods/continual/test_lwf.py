"""LwF: the loss worked by hand, the divergence's gradient, and which model is the old one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from methods.continual.lwf import lwf_loss
from methods.engine.divergence import forward_kl
from tests.guards.small import play

F64 = torch.float64
T = 2.0


def test_the_loss_of_a_ragged_batch_worked_by_hand() -> None:
    logp = torch.tensor([[-1.0, -2.0], [-3.0, -99.0]], dtype=F64)
    gap = torch.tensor([[0.5, 0.0], [0.25, 7.0]], dtype=F64)
    mask = torch.tensor([[True, True], [True, False]])
    found = lwf_loss(logp, gap, mask, 3, 2.0)
    assert float(found) == pytest.approx((6.0 + 2 * 0.75) / 3)
    parts = [lwf_loss(logp[i : i + 1], gap[i : i + 1], mask[i : i + 1], 3, 2.0) for i in (0, 1)]
    assert float(sum(parts)) == pytest.approx(float(found))
    assert float(lwf_loss(logp, gap, mask & False, 3, 2.0)) == 0


def test_the_gradient_by_the_logits_is_softened_probabilities_less_the_old_ones_over_t() -> None:
    g = torch.Generator().manual_seed(0)
    new, old = (3 * torch.randn(4, 6, dtype=F64, generator=g) for _ in range(2))
    new.requires_grad_()
    softened = [torch.log_softmax(x / T, -1) for x in (new, old)]
    gap = forward_kl(*softened)
    (slope,) = torch.autograd.grad(gap.sum(), new, retain_graph=True)
    expected = (torch.softmax(new / T, -1) - torch.softmax(old / T, -1)) / T
    assert torch.allclose(slope, expected, rtol=0, atol=1e-12)
    # The paper's cross-entropy has the same slope, and is larger by the old model's entropy.
    cross = -(softened[1].exp() * softened[0]).sum(-1)
    (other,) = torch.autograd.grad(cross.sum(), new)
    assert torch.allclose(other, expected, rtol=0, atol=1e-12)
    entropy = -(softened[1].exp() * softened[1]).sum(-1)
    assert torch.allclose(cross - gap, entropy, rtol=0, atol=1e-12)


def test_equal_models_pay_nothing_and_are_not_pushed() -> None:
    logits = torch.tensor([[0.0, 1e4, -1e4]], dtype=F64, requires_grad=True)
    logp = torch.log_softmax(logits / T, -1)
    gap = forward_kl(logp, logp.detach())
    (slope,) = torch.autograd.grad(gap.sum(), logits)
    assert float(gap.detach().sum()) == 0
    assert not slope.any()
    assert torch.isfinite(slope).all()


def test_the_first_step_of_a_task_is_that_of_plain_training_and_the_next_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its beginning the model is the old one: nothing pulls, and then something does."""
    norms = [
        [
            s["grad_norm"]
            for s in play(
                "lwf", tmp_path / control, monkeypatch, dtype=F64, steps=6, control=control
            ).steps
        ]
        for control in ("none", "sequential")
    ]
    assert norms[0][:4] == pytest.approx(norms[1][:4], rel=1e-9)
    assert norms[0][4] != pytest.approx(norms[1][4], rel=1e-4)


@pytest.mark.parametrize("lora", [None, "r=2"])
def test_the_old_model_is_the_policy_as_it_was_before_the_task(
    lora: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from methods.continual import lwf

    taken: list[dict[str, torch.Tensor]] = []
    become = lwf.become

    def kept(old, weights) -> None:  # type: ignore[no-untyped-def]
        become(old, weights)
        taken.append({n: p.clone() for n, p in old.module.named_parameters() if n in weights})

    monkeypatch.setattr(lwf, "become", kept)
    run = play("lwf", tmp_path / "run", monkeypatch, lora=lora)
    (old,) = taken
    stored = load_file(run.folder / "old-1.safetensors")
    now = dict(run.policy.module.named_parameters())
    assert old.keys() == stored.keys() == run.begun.keys()
    assert all(torch.equal(old[n], stored[n]) for n in old)
    assert any(not torch.equal(old[n], now[n]) for n in old)
    assert any(not torch.equal(old[n], run.begun[n]) for n in old)

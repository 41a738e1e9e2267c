"""EWC: the Fisher information of a model worked by hand, the penalty and its gradient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from methods.continual import ewc
from methods.continual.ewc import ewc_gradient, ewc_penalty, fisher_diagonal, with_drawn_labels
from methods.continual.loop import Stream
from methods.engine.batch import pack
from tests.engine.conftest import plain_logprobs
from tests.guards.small import play

F64 = torch.float64


def scores(logit: float, labels: list[int]) -> list[dict[str, Tensor]]:
    """Each label's gradient of log p by the logit of token 1 against token 0."""
    found = []
    for label in labels:
        w = torch.tensor(logit, dtype=F64, requires_grad=True)
        logp = torch.log_softmax(torch.stack([torch.zeros((), dtype=F64), w]), -1)[label]
        found.append({"w": torch.autograd.grad(logp, w)[0]})
    return found


def test_the_fisher_of_a_coin_is_p_times_one_less_p() -> None:
    """p = 1/4 of token 1: the score is 3/4 for it, -1/4 for the other."""
    logit = float(torch.tensor(1 / 3, dtype=F64).log())
    true = fisher_diagonal(scores(logit, [1, 0, 0, 0]), 4)["w"]
    assert float(true) == pytest.approx(0.25 * 0.75, rel=1e-12)
    empirical = fisher_diagonal(scores(logit, [1, 1]), 2)["w"]
    assert float(empirical) == pytest.approx(0.75**2, rel=1e-12)
    # The square of a batch's mean gradient, a common mistake, is nothing here.
    mean = sum(g["w"] for g in scores(logit, [1, 0, 0, 0])) / 4
    assert float(mean.square()) == pytest.approx(0, abs=1e-20)


def tensors(seed: int) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {
        "a": torch.randn(3, 4, dtype=F64, generator=g),
        "b": torch.randn(2, dtype=F64, generator=g),
    }


def test_the_penalty_and_its_gradient_are_the_closed_form() -> None:
    weights, anchor = tensors(0), tensors(1)
    fisher = {n: t.square() for n, t in tensors(2).items()}
    leaves = {n: w.clone().requires_grad_() for n, w in weights.items()}
    penalty = ewc_penalty(leaves, anchor, fisher, 3.0)
    by_hand = sum(
        1.5 * float(f) * (float(w) - float(a)) ** 2
        for n in weights
        for f, w, a in zip(
            fisher[n].flatten(), weights[n].flatten(), anchor[n].flatten(), strict=True
        )
    )
    assert float(penalty.detach()) == pytest.approx(by_hand, rel=1e-12)
    slopes = torch.autograd.grad(penalty, list(leaves.values()))
    closed = ewc_gradient(weights, anchor, fisher, 3.0)
    for slope, ours in zip(slopes, closed.values(), strict=True):
        assert torch.allclose(slope, ours, rtol=1e-12, atol=0)
    # In all directions at once it is that of finite differences.
    ahead, back = (
        float(ewc_penalty({n: w + h for n, w in weights.items()}, anchor, fisher, 3.0))
        for h in (1e-6, -1e-6)
    )
    assert (ahead - back) / 2e-6 == pytest.approx(sum(float(s.sum()) for s in slopes), rel=1e-6)


def test_at_the_anchor_there_is_neither_penalty_nor_gradient() -> None:
    weights, fisher = tensors(0), {n: t.square() for n, t in tensors(2).items()}
    assert float(ewc_penalty(weights, weights, fisher, 9.0)) == 0
    assert not any(g.any() for g in ewc_gradient(weights, weights, fisher, 9.0).values())


def caught(method: str, folder: Path, patch: pytest.MonkeyPatch, **options: Any) -> Stream:
    """The stream of a finished run."""
    found: list[Stream] = []
    built = Stream.__init__
    with patch.context() as inner:
        inner.setattr(
            Stream, "__init__", lambda self, *a, **k: (built(self, *a, **k), found.append(self))[0]
        )
        play(method, folder, inner, dtype=F64, **options)
    return found[0]


def test_the_fisher_of_a_model_is_the_mean_of_squares_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = caught("ewc", tmp_path / "run", monkeypatch)
    kept = ewc.anchor(stream, ewc.Config(fisher_rows=6), 0)
    module, rows = stream.policy.module, stream.memory(0, 6).rows
    expected = {n: torch.zeros_like(p) for n, p in module.named_parameters()}
    for row in rows:
        module.zero_grad(set_to_none=True)
        plain_logprobs(stream.policy, row).sum().backward()
        for name, p in module.named_parameters():
            expected[name] += p.grad.square() / len(rows)
    for name, value in expected.items():
        assert torch.allclose(kept[f"fisher.{name}"], value, rtol=1e-9, atol=1e-15)
        assert torch.equal(kept[f"weight.{name}"], dict(module.named_parameters())[name])


def test_shuffled_fisher_information_has_the_same_values_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = caught("ewc", tmp_path / "run", monkeypatch)
    true, mixed = (
        ewc.anchor(stream, ewc.Config(fisher_rows=6, fisher=kind), 0)
        for kind in ("empirical", "shuffled")
    )
    name = "fisher.model.layers.0.mlp.up_proj.weight"
    assert torch.equal(true[name].flatten().sort()[0], mixed[name].flatten().sort()[0])
    assert not torch.equal(true[name], mixed[name])


def test_drawn_labels_have_the_model_s_own_frequencies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = caught("ewc", tmp_path / "run", monkeypatch)
    row = stream.memory(0, 1).rows[0]
    batch = pack([row] * 2000, range(2000))
    labels = with_drawn_labels(stream, batch, torch.Generator().manual_seed(0)).labels
    first = labels.view(2000, -1)[:, 0]
    states = stream.policy.states(batch.input_ids, batch.position_ids, batch.layout)
    logits = states[batch.predictors[0]] @ stream.policy.head_weight.T
    chances = torch.softmax(logits.detach(), -1)
    found = torch.bincount(first, minlength=len(chances)) / 2000
    assert float((found - chances).abs().max()) < 4 * 0.5 / 2000**0.5


def test_the_first_step_of_a_new_task_has_no_penalty_and_the_next_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = play("ewc", tmp_path / "run", monkeypatch, steps=6).steps
    penalties = [s["penalty"] for s in steps]
    assert penalties[:4] == [0, 0, 0, 0]
    assert penalties[4] > 0
    assert penalties[5] > 0


def test_a_strong_penalty_holds_the_weights_where_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stray(strength: float) -> float:
        stream = caught("ewc", tmp_path / str(strength), monkeypatch, strength=strength, steps=12)
        kept = stream.kept("anchor-0", dict)
        now = stream.weights()
        return float(
            sum(
                (kept[f"fisher.{n}"] * (w - kept[f"weight.{n}"]).square()).sum()
                for n, w in now.items()
            )
        )

    assert stray(1e4) < 0.5 * stray(1e-6)

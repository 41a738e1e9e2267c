"""The loops around the losses, on a small random model: what one optimiser step really sums."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from methods.engine import measure
from methods.engine.batch import Tokens, pack
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.results import Results
from methods.engine.sample import Sample, sample
from methods.finetune import loop as finetune_loop
from methods.finetune import sft
from methods.preference import dpo, loop
from methods.rl import grpo
from methods.rl import loop as rl_loop
from tests.engine.conftest import gradients, plain_logprobs, relative, small_model

F64 = torch.float64
PROMPTS = ["12+3=", "4+", "77+8="]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Tensors this small are quickest on one thread, most of all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class SmallRun:
    """As much of a run as the methods ask for, in memory, with a given policy."""

    def __init__(self, policy: LanguageModel) -> None:
        self.seed, self.model = 0, policy
        self.logged: list[dict[str, float]] = []
        self.results: Results | None = None

    def policy(self, options: Any, task: Any) -> LanguageModel:
        return self.model

    def generator(self, *purpose: str | int) -> torch.Generator:
        return torch.Generator().manual_seed(len(repr(purpose)))

    def once(self, name: str, compute: Any) -> Any:
        return compute()

    def steps(self, policy: LanguageModel, optimiser: Any, config: Any) -> Iterator[int]:
        yield from range(1, config.steps + 1)

    def log(self, step: int, tokens: int, **metrics: float) -> None:
        self.logged.append(metrics)

    def samples(self, step: int | str, rows: Any) -> None:
        pass

    def finish(self, results: Results, policy: LanguageModel | None = None) -> None:
        self.results = results

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Any]:
        yield SimpleNamespace(advance=lambda count: None)


def rows_of(seed: int, lengths: list[tuple[int, int]]) -> list[Tokens]:
    ids = torch.randint(4, 20, (len(lengths), 40), generator=torch.Generator().manual_seed(seed))
    return [Tokens(tuple(r[: p + c]), p) for r, (p, c) in zip(ids.tolist(), lengths, strict=True)]


# --- supervised fine-tuning -------------------------------------------------------------------


def sft_step(budget: int, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, float], float]:
    rows = rows_of(1, [(2, 3), (5, 1), (1, 12), (7, 4)])
    monkeypatch.setattr(finetune_loop, "demonstrations", lambda *args, **options: (rows, rows))
    run = SmallRun(small_model())
    nats = -sum(plain_logprobs(run.model, r).sum().item() for r in rows)
    config = sft.Config(data="x", batch_size=4, steps=1, micro_batch_tokens=budget)
    sft.run(run, config)
    return run.logged[0], nats / sum(r.completion_length for r in rows)


def test_sft_logs_the_mean_over_the_tokens_of_the_step_however_it_is_cut(monkeypatch):
    whole, expected = sft_step(10**6, monkeypatch)
    assert whole["loss"] == pytest.approx(expected, rel=1e-5)
    for budget in (1, 20):
        cut, _ = sft_step(budget, monkeypatch)
        assert cut["loss"] == pytest.approx(whole["loss"], rel=1e-5)
        # Not hidden by AdamW, which forgives a gradient of the wrong size.
        assert cut["grad_norm"] == pytest.approx(whole["grad_norm"], rel=1e-4)


# --- DPO --------------------------------------------------------------------------------------


def dpo_steps(monkeypatch: pytest.MonkeyPatch, budget: int = 10**6, **options: Any) -> SmallRun:
    shapes = [(3, 2), (3, 9), (6, 4), (6, 1), (2, 7), (2, 7), (4, 3), (4, 5), (1, 1), (1, 2)]
    rows = rows_of(2, shapes)
    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    monkeypatch.setattr(
        loop,
        "preference_pairs",
        lambda *args, **options: (pairs, [(str(i), p) for i, p in enumerate(pairs)]),
    )
    run = SmallRun(small_model())
    config = dpo.Config(
        data="x",
        batch_size=5,
        warmup_steps=0,
        micro_batch_tokens=budget,
        **{"steps": 1, "learning_rate": 1e-3, **options},
    )
    dpo.run(run, config)
    return run


@pytest.mark.parametrize("budget", [1, 30, 10**6])
def test_dpo_starts_at_ln_2_whatever_order_the_micro_batches_take_the_pairs_in(monkeypatch, budget):
    run = dpo_steps(monkeypatch, budget)
    assert run.logged[0]["loss"] == pytest.approx(math.log(2), abs=1e-6)
    assert run.logged[0]["margin"] == pytest.approx(0, abs=1e-5)
    before = {m.name: m.before.mean for m in run.results.measures}
    assert before["pair_loss"] == pytest.approx(math.log(2), abs=1e-6)


def test_dpo_steps_have_one_gradient_however_they_are_cut(monkeypatch):
    norms = [dpo_steps(monkeypatch, b).logged[0]["grad_norm"] for b in (1, 30, 10**6)]
    assert norms[0] > 0.01
    assert norms[1:] == pytest.approx(norms[:1] * 2, rel=1e-4)


def test_dpo_learns_the_pairs_and_flipped_learns_the_opposite(monkeypatch):
    for preference, better in (("reward", 1.0), ("flipped", 0.0)):
        run = dpo_steps(monkeypatch, preference=preference, steps=12)
        assert run.logged[-1]["loss"] < 0.6
        assert run.logged[-1]["accuracy"] == 1.0  # on what it was told
        after = {m.name: m.after.mean for m in run.results.measures}
        assert after["pair_accuracy"] == better  # on what is true


# --- GRPO -------------------------------------------------------------------------------------


class Recorder:
    """An optimiser that sums gradients and never steps."""

    def backward(self, loss: Tensor) -> None:
        loss.backward()

    def step(self, step: int) -> dict[str, float]:
        return {}


def drawn_from(model: LanguageModel, temperature: float = 1.0) -> list[Sample]:
    return sample(
        model,
        PROMPTS,
        per_prompt=4,
        max_new_tokens=7,
        temperature=temperature,
        generator=torch.Generator().manual_seed(3),
    )


def update(
    model: LanguageModel, drawn: list[Sample], advantages: Tensor, **options: Any
) -> tuple[dict[str, float], Tensor]:
    config = grpo.Config(**{"kl_beta": 0.0, **options})
    reference = model.frozen_copy() if config.kl_beta > 0 else None
    metrics: dict[str, float] = {}

    def run() -> None:
        metrics.update(
            rl_loop.update(
                config, model, reference, Recorder(), 1, drawn, advantages,
                *grpo.functions(config),
            )
        )  # fmt: skip

    return metrics, gradients(model, run)


ADVANTAGES = torch.tensor([1.7, -0.6, -0.6, -0.6, 0, 0, 0, 0, 1, -1, 1, -1], dtype=F64)


def reinforce(model: LanguageModel, drawn: list[Sample], temperature: float) -> Tensor:
    """The policy gradient from whole logits, one unpadded row at a time."""

    def run() -> None:
        for s, a in zip(drawn, ADVANTAGES.tolist(), strict=True):
            mean = plain_logprobs(model, s.tokens, temperature).mean()
            (-a * mean / len(drawn)).backward()

    return gradients(model, run)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.6])
def test_a_grpo_update_is_reinforce_at_the_temperature_of_sampling(model64_drawn, temperature):
    model, drawn = model64_drawn
    expected = reinforce(model, drawn, temperature)
    other = reinforce(model, drawn, 1.2)
    for budget in (1, 40, 10**6):  # rows of advantage 0 are not computed, and are counted
        _, found = update(
            model, drawn, ADVANTAGES, temperature=temperature, micro_batch_tokens=budget
        )
        assert relative(found, expected) < 1e-10
        assert relative(found, other) > 1e-3


@pytest.fixture(scope="module")
def model64_drawn() -> tuple[LanguageModel, list[Sample]]:
    model = small_model(dtype=F64)
    drawn = drawn_from(small_model())
    assert len({s.tokens.completion_length for s in drawn}) > 2  # ragged, or it shows little
    return model, drawn


@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_the_sampler_s_log_probs_are_those_of_the_update(temperature):
    model = small_model()
    drawn = drawn_from(model, temperature)
    metrics, _ = update(model, drawn, ADVANTAGES.float(), temperature=temperature)
    assert metrics["sampler_gap"] < 1e-4
    wrong, _ = update(model, drawn, ADVANTAGES.float(), temperature=temperature + 0.1)
    assert wrong["sampler_gap"] > 1e-2


def test_the_kl_to_a_reference_that_is_the_policy_is_zero_and_moves_nothing(model64_drawn):
    model, drawn = model64_drawn
    without, expected = update(model, drawn, ADVANTAGES)
    metrics, found = update(model, drawn, ADVANTAGES, kl_beta=0.5)
    assert metrics["kl"] == pytest.approx(0, abs=1e-9)
    assert without["kl"] == 0
    assert relative(found, expected) < 1e-5  # the reference's log-probs are kept in float32


@pytest.mark.parametrize(("clip_range", "kl_beta"), [(0.1, 0.0), (0.6, 0.0), (0.1, 0.5)])
def test_an_update_off_policy_is_the_loss_of_the_whole_batch_with_the_options_given(
    model64_drawn, monkeypatch, clip_range, kl_beta
):
    model, drawn = model64_drawn
    rows = [s.tokens for s in drawn]
    draw = torch.Generator().manual_seed(4)
    with torch.no_grad():
        exact = [plain_logprobs(model, r) for r in rows]
    # The log-probs of the sampler and of the reference alike, up to 49 % away.
    drift = [0.8 * torch.rand(len(lp), generator=draw) - 0.4 for lp in exact]
    stored = [(lp + d).float() for lp, d in zip(exact, drift, strict=True)]
    monkeypatch.setattr(measure, "row_logprobs", lambda *args: stored)
    batch = pack(rows, range(len(rows)))
    old = measure.padded(stored, batch, torch.device("cpu"))

    def by_hand() -> None:
        logp = completion_logprobs(model, batch)
        args = (old, batch.completion_mask, ADVANTAGES, len(rows), clip_range, kl_beta, old)
        (2 * grpo.grpo_loss(logp, *args)).backward()

    expected = gradients(model, by_hand)
    for budget in (1, 40, 10**6):
        _, found = update(
            model, drawn, ADVANTAGES, updates_per_batch=2, clip_range=clip_range, kl_beta=kl_beta,
            micro_batch_tokens=budget,
        )  # fmt: skip
        assert relative(found, expected) < 1e-10


@pytest.mark.parametrize("updates", [2, 3, 5])
def test_the_share_of_clipped_tokens_is_a_mean_over_the_updates_of_a_batch(
    model64_drawn, monkeypatch, updates
):
    model, drawn = model64_drawn
    # Old log-probs so far off that every token of every update after the first is outside.
    monkeypatch.setattr(
        measure,
        "row_logprobs",
        lambda policy, rows, temperature=1.0: [
            torch.full((r.completion_length,), -90.0) for r in rows
        ],
    )
    metrics, _ = update(model, drawn, ADVANTAGES, updates_per_batch=updates)
    assert metrics["outside_clip_range"] == pytest.approx((updates - 1) / updates, rel=1e-9)

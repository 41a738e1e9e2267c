"""Our side: what the methods' own loops do in one optimiser step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from methods.engine import measure
from methods.engine.batch import Tokens, own_batches, pack
from methods.engine.load import load
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions
from methods.engine.sample import Sample, sample
from methods.finetune.sft import sft_loss
from methods.preference.dpo import dpo_loss
from methods.rl import grpo
from methods.rl import loop as rl_loop
from tests.benchmarks.peers.gate import Gate
from tests.benchmarks.peers.setup import BETA, LEARNING_RATE, MODEL, Spec
from tests.benchmarks.peers.workload import MAX_NEW_TOKENS, SEED, Workload, reward


def run(spec: Spec, workload: Workload, gate: Gate) -> None:
    """Steps for as long as the gate asks for them."""
    policy = load(
        MODEL, task=None, cache_dir=Path(spec.cache_dir), device=spec.device,
        precision=spec.precision,
    )  # fmt: skip
    shared = {
        "learning_rate": LEARNING_RATE,
        "precision": spec.precision,
        "micro_batch_tokens": spec.settings["micro_batch_tokens"],
    }
    config: Any = (
        grpo.Config(**shared, kl_beta=0.0, group_size=workload.group)
        if workload.name.startswith("grpo")
        else TrainingOptions(**shared)
    )
    optimiser = _Watched(policy, config, spec)
    step = _STEPS[workload.name](policy, optimiser, config, workload)
    number = 0
    gate.say(ready=True, fingerprint=workload.fingerprint())
    while gate.open():
        number += 1
        gate.close(step(number))


class _Watched(Optimiser):
    """The optimiser, and the first step's gradient written down before the clip."""

    def __init__(self, policy: LanguageModel, config: TrainingOptions, spec: Spec) -> None:
        super().__init__(policy, config)
        self._spec = spec

    def step(self, step: int) -> dict[str, float]:
        if step == 1:
            self._spec.keep_gradient(self.parameters)
        return super().step(step)


def _tokens(workload: Workload) -> list[Tokens]:
    return [Tokens((*row.prompt, *row.answer), len(row.prompt)) for row in workload.rows]


def _sft(policy, optimiser, config, workload) -> Callable[[int], int]:
    rows = _tokens(workload)

    def step(number: int) -> int:
        total = sum(row.completion_length for row in rows)
        for group in own_batches(rows, config.micro_batch_tokens):
            batch = pack(rows, group, policy.device)
            part = sft_loss(completion_logprobs(policy, batch), batch.completion_mask, total)
            optimiser.backward(part)
        optimiser.step(number)
        return workload.tokens

    return step


def _dpo(policy, optimiser, config, workload) -> Callable[[int], int]:
    rows = _tokens(workload)
    pairs = len(rows) // 2
    ref = torch.tensor(
        [float(lp.sum()) for lp in measure.row_logprobs(policy, rows)], device=policy.device
    )

    def step(number: int) -> int:
        for group in own_batches(rows, config.micro_batch_tokens, together=2):
            batch = pack(rows, group, policy.device)
            logp = completion_logprobs(policy, batch).sum(-1).view(-1, 2)
            ref_logp = ref[group].view(-1, 2)
            loss = dpo_loss(logp[:, 0], logp[:, 1], ref_logp[:, 0], ref_logp[:, 1], BETA)
            optimiser.backward(loss.sum() / pairs)
        optimiser.step(number)
        return workload.tokens

    return step


def _grpo_update(policy, optimiser, config, workload) -> Callable[[int], int]:
    drawn = [
        Sample(i // workload.group, tokens, (0.0,) * tokens.completion_length, True, "")
        for i, tokens in enumerate(_tokens(workload))
    ]
    advantages = torch.tensor(workload.advantages)

    def step(number: int) -> int:
        rl_loop.update(
            config, policy, None, optimiser, number, drawn, advantages, *grpo.functions(config)
        )
        return workload.tokens

    return step


def _grpo_step(policy, optimiser, config, workload) -> Callable[[int], int]:
    if any(
        policy.encode_prompt(text) != list(row.prompt)
        for text, row in zip(workload.texts, workload.rows, strict=True)
    ):
        raise RuntimeError("our prompts are not the workload's token ids")

    def step(number: int) -> int:
        drawn = sample(
            policy, workload.texts, per_prompt=workload.group, max_new_tokens=MAX_NEW_TOKENS,
            generator=torch.Generator(policy.device).manual_seed(SEED + number),
        )  # fmt: skip
        rewards = torch.tensor([reward(s.text) for s in drawn]).double().view(-1, workload.group)
        advantages = grpo.group_advantages(rewards).flatten().float()
        rl_loop.update(
            config, policy, None, optimiser, number, drawn, advantages, *grpo.functions(config)
        )
        return sum(len(s.tokens.ids) for s in drawn)

    return step


_STEPS = {"sft": _sft, "dpo": _dpo, "grpo-update": _grpo_update, "grpo-step": _grpo_step}

"""One optimiser step of each family, driven through its own loop, and the gradient it leaves.

``step_gradient`` is a plain function: a spawned process can call it.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM

from methods.engine import batch, logprobs, measure, sharding
from methods.engine.batch import Tokens
from methods.engine.load import take_over
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.sample import Sample
from methods.engine.tiny import tokenizer
from methods.finetune import loop as finetune_loop
from methods.finetune import sft
from methods.preference import dpo
from methods.preference import loop as preference_loop
from methods.rl import grpo
from methods.rl import loop as rl_loop
from tests.engine.conftest import ALPHABET, norms_in_float64
from tests.methods.test_steps import SmallRun

FAMILIES = (
    "sft", "dpo", "preferred-sft", "grpo", "grpo-kl", "grpo-off-policy", "grpo-off-policy-kl",
)  # fmt: skip
END = 2  # also what the policy pads with
BETA, KL_BETA, CLIP, LEARNING_RATE = 0.3, 0.2, 0.1, 3e-3
WHOLE = 10**6
# Three groups with spread and, in the third, answers that carry no gradient without a KL term.
ADVANTAGES = (1.7, -0.6, -0.6, -0.5, 1.0, -1.0, 0.0, 0.0, 0.5, -0.5, -1.0, 1.0, 1.0, -1.0, 0.7)
_LLAMA = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256, "vocab_size": 27,
    "tie_word_embeddings": True, "pad_token_id": END, "bos_token_id": 1, "eos_token_id": END,
}  # fmt: skip
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("llama", _LLAMA),
    "mistral": ("mistral", _LLAMA | {"sliding_window": 6, "tie_word_embeddings": False}),
    "gpt2": ("gpt2", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256,
                      "vocab_size": 27, "resid_pdrop": 0.5, "attn_pdrop": 0.5, "embd_pdrop": 0.5,
                      "bos_token_id": 1, "eos_token_id": END, "pad_token_id": END}),
}  # fmt: skip


def ragged_rows() -> list[Tokens]:
    """Answers to shared prompts (4, and 5 times 2; two that part late), and one row alone.

    Prompts of 1 to 20 tokens, one with end tokens inside; answers of 1 to 14, some ending in the
    end token. Rows 2i and 2i + 1 are the answers of a pair.
    """
    draw = random.Random(7)
    shapes = [(12, (1, 5, 14, 14)), (9, (3, 12)), (3, (7, 1)), (20, (6, 2)), (1, (2, 4)),
              (8, (1, 1)), (5, (9,))]  # fmt: skip
    rows: list[Tokens] = []
    for prompt, answers in shapes:
        ids = [draw.randrange(4, 20) for _ in range(prompt)]
        if prompt == 20:
            ids[5] = ids[11] = END
        for length in answers:
            answer = [draw.randrange(4, 20) for _ in range(length)]
            if length == 14 and len(rows[-1].completion) == 14:
                answer[:10] = rows[-1].completion[:10]
            if len(rows) % 3 == 0:
                answer[-1] = END
            rows.append(Tokens((*ids, *answer), prompt))
    return rows


def policy64(kind: str = "llama", seed: int = 0) -> LanguageModel:
    """A small model in float64 whose weights follow from ``seed`` by Python's own generator."""
    model = _drawn(kind, seed)
    return replace(model, module=copy.deepcopy(model.module))


@cache
def _drawn(kind: str, seed: int) -> LanguageModel:
    model_type, given = KINDS[kind]
    module = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **given))
    draw = random.Random(seed)
    with torch.no_grad():
        for p in module.parameters():
            values = torch.tensor([draw.gauss(0, 0.15) for _ in range(p.numel())]).view_as(p)
            p.copy_(values if p.dim() > 1 else values + p)
    module.to(torch.float64).eval()
    norms_in_float64(module)
    characters = tokenizer(ALPHABET)
    characters.pad_token = characters.eos_token
    model = LanguageModel(module, characters, kind, "drawn")
    take_over(model)
    assert model.ragged
    return model


@dataclass(frozen=True)
class Way:
    """How a step is computed: none of it may change the gradient."""

    budget: int = WHOLE
    order: str = "given"  # of micro-batches: given, reversed, shuffled
    share: bool = True
    ragged: bool = True
    chunk: int | None = logprobs.CHUNK  # of the head; None: whole logits by torch


def step_gradient(
    family: str, budget: int = WHOLE, *, kind: str = "llama", way: Way | None = None
) -> Tensor:
    """The flat float64 gradient of one step (of two updates, off policy), before any clip."""
    return torch.cat([flat for _, _, flat in steps(family, way or Way(budget), kind)])


def steps(family: str, way: Way, kind: str = "llama") -> list[tuple[float, float, Tensor]]:
    """(loss logged, gradient norm logged, flat gradient) of each update of ``family``'s step.

    The loss is NaN after the first update of a batch, where it is not logged.
    """
    policy, reference = policy64(kind), policy64(kind, seed=1)
    for model in (policy, reference):
        if not way.ragged:
            model.ragged = False
            model.module.set_attn_implementation("sdpa")
    policy.frozen_copy = lambda: reference  # type: ignore[method-assign]
    gradients: list[Tensor] = []
    norms: list[float] = []
    with _computed(way), _watched(gradients, norms):
        losses = [_RUN[family.split("-")[0]](family, policy, reference, way.budget)]
    losses += [float("nan")] * (len(gradients) - 1)
    return list(zip(losses, norms, gradients, strict=True))


def _sft(family: str, policy: LanguageModel, reference: LanguageModel, budget: int) -> float:
    rows = ragged_rows()
    run = SmallRun(policy)
    config = sft.Config(data="x", batch_size=len(rows), **_options(budget))
    with mock.patch.object(finetune_loop, "demonstrations", lambda *args, **options: (rows, rows)):
        sft.run(run, config)  # type: ignore[arg-type]
    return run.logged[0]["loss"]


def _dpo(family: str, policy: LanguageModel, reference: LanguageModel, budget: int) -> float:
    rows = ragged_rows()[:-1]
    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    run = SmallRun(policy)
    config = dpo.Config(
        data="x", batch_size=len(pairs), warmup_steps=0, beta=BETA,
        objective="dpo" if family == "dpo" else "preferred-sft", **_options(budget),
    )  # fmt: skip
    judged = [(str(i), pair) for i, pair in enumerate(pairs)]
    with mock.patch.object(
        preference_loop, "preference_pairs", lambda *args, **options: (pairs, judged)
    ):
        dpo.run(run, config)  # type: ignore[arg-type]
    return run.logged[0]["loss"]


def _grpo(family: str, policy: LanguageModel, reference: LanguageModel, budget: int) -> float:
    kl_beta = KL_BETA if family.endswith("kl") else 0.0
    config = grpo.Config(
        kl_beta=kl_beta, clip_range=CLIP, updates_per_batch=2 if "off" in family else 1,
        **_options(budget),
    )  # fmt: skip
    drawn = [Sample(0, row, (0.0,) * row.completion_length, True, "") for row in ragged_rows()]
    found = rl_loop.update(
        config, policy, reference if kl_beta else None, Optimiser(policy, config), 1, drawn,
        torch.tensor(ADVANTAGES, dtype=torch.float64), *grpo.functions(config),
    )  # fmt: skip
    return found["loss"]


_RUN = {"sft": _sft, "dpo": _dpo, "preferred": _dpo, "grpo": _grpo}


def _options(budget: int) -> dict[str, Any]:
    return {
        "steps": 1, "learning_rate": LEARNING_RATE, "max_grad_norm": 1e9, "schedule": "constant",
        "micro_batch_tokens": budget,
    }  # fmt: skip


@contextmanager
def _watched(gradients: list[Tensor], norms: list[float]) -> Iterator[None]:
    """Every gradient an ``Optimiser`` updates with, whole, and the norm it says it has."""
    start, step = Optimiser.__init__, Optimiser.step

    def watched(self: Optimiser, *args: Any) -> None:
        start(self, *args)

        def keep(*_: Any) -> None:
            flat = [
                sharding.whole(torch.zeros_like(p) if p.grad is None else p.grad).flatten()
                for p in self.parameters
            ]
            gradients.append(torch.cat(flat))

        self.adamw.register_step_pre_hook(keep)

    def said(self: Optimiser, number: int) -> dict[str, float]:
        found = step(self, number)
        norms.append(found["grad_norm"])
        return found

    with (
        mock.patch.object(Optimiser, "__init__", watched),
        mock.patch.object(Optimiser, "step", said),
    ):
        yield


@contextmanager
def _computed(way: Way) -> Iterator[None]:
    """The loops with the pieces of the engine that ``way`` names."""

    own_batches = batch.own_batches

    def ordered(rows: Sequence[Tokens], *args: Any, **kwargs: Any) -> list[list[int]]:
        groups = own_batches(rows, *args, **kwargs)
        if way.order == "reversed":
            groups.reverse()
        elif way.order == "shuffled":
            random.Random(3).shuffle(groups)
        return groups

    chunk = way.chunk or logprobs.CHUNK
    pieces = {
        "pack": partial(batch.pack, share=way.share),
        "own_batches": ordered,
        "completion_logprobs": partial(logprobs.completion_logprobs, chunk=chunk),
    }
    with ExitStack() as stack:
        for module in (finetune_loop, preference_loop, rl_loop):
            for name, piece in pieces.items():
                stack.enter_context(mock.patch.object(module, name, piece))
        for module, name in (
            (measure, "pack"), (measure, "completion_logprobs"), (batch, "own_batches")
        ):  # fmt: skip
            stack.enter_context(mock.patch.object(module, name, pieces[name]))
        if way.chunk is None:
            stack.enter_context(mock.patch.object(logprobs, "head_logprobs", _whole_logits))
        yield


def _whole_logits(
    hidden: Tensor, weight: Tensor, labels: Tensor, *, temperature: float, bias: Any, **_: Any
) -> Tensor:
    logits = torch.nn.functional.linear(hidden, weight, bias) / temperature
    return torch.log_softmax(logits, -1).gather(-1, labels[:, None])[:, 0]

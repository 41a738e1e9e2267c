"""One optimiser step of a distillation method on small random models, and what it left."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from methods.distill import loop as distill_loop
from methods.engine.batch import Tokens
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from tests.engine.conftest import own_attention, small_model
from tests.methods.test_steps import SmallRun

F64 = torch.float64
PROMPTS = ("12+3=", "4+", "77+8=", "abc", "1+1=")
ANSWERS = ("15", "7 a", "85", "d", "2")


def models() -> tuple[LanguageModel, LanguageModel]:
    """(student, teacher), both random, in float64."""
    return small_model(seed=0, dtype=F64), small_model(seed=4, dtype=F64)


def stepped(
    module: Any, patch: pytest.MonkeyPatch, **options: Any
) -> tuple[SmallRun, list[Tensor], list[list[Tokens]]]:
    """(the run, the gradient of each update, the rows of each update) of a run of ``module``.

    Every step is on all examples; no measure is taken.
    """
    student, teacher = models()
    examples = list(zip(PROMPTS, ANSWERS, strict=True))
    patch.setattr(distill_loop, "_examples", lambda *_: (examples, examples[:2]))
    patch.setattr(distill_loop, "find_teacher", lambda *_: teacher)
    patch.setattr(distill_loop.Loop, "measured", lambda self: {})
    patch.setattr(distill_loop.Loop, "_of_teacher", lambda self: {})
    gradients: list[Tensor] = []
    rows: list[list[Tokens]] = []
    step, update = Optimiser.step, distill_loop.Loop.update

    def keep(self: Optimiser, number: int) -> dict[str, float]:
        flat = [(torch.zeros_like(p) if p.grad is None else p.grad).flatten().clone()
                for p in self.parameters]  # fmt: skip
        gradients.append(torch.cat(flat))
        return step(self, number)

    def note(self: Any, given: Any, *args: Any, **kwargs: Any) -> dict[str, float]:
        rows.append(list(given))
        return update(self, given, *args, **kwargs)

    patch.setattr(Optimiser, "step", keep)
    patch.setattr(distill_loop.Loop, "update", note)
    run = SmallRun(copy.deepcopy(student))
    config = module.Config(
        **{"data": "x", "batch_size": len(PROMPTS), "steps": 1, "learning_rate": 1e-3,
           "max_grad_norm": 1e9, **options},
    )  # fmt: skip
    module.run(run, config)
    return run, gradients, rows


def whole_logits(model: LanguageModel, row: Tokens) -> Tensor:
    """The logits of one row's completion, by the model's own attention, (C, V)."""
    with own_attention(model):
        logits = model.module(torch.tensor([row.ids]), use_cache=False).logits[0]
    return logits[row.prompt_length - 1 : -1]


def expected_gradient(loss: Any) -> tuple[float, Tensor]:
    """Value and flat gradient of ``loss(student, teacher)`` by autograd on whole logits."""
    student, teacher = models()
    value = loss(student, teacher)
    value.backward()
    flat = [(torch.zeros_like(p) if p.grad is None else p.grad).flatten()
            for p in student.module.parameters()]  # fmt: skip
    return value.item(), torch.cat(flat)

"""Small random models and ragged rows that the engine's tests share."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from methods.engine import attention
from methods.engine.batch import Tokens
from methods.engine.model import LanguageModel
from methods.engine.tiny import Recipe, untrained

ALPHABET = "0123456789+= abcdefghij"


def small_model(seed: int = 0, dtype: torch.dtype = torch.float32) -> LanguageModel:
    """Two layers of width 32 with random weights, made sharper so that logits differ."""
    model = untrained(ALPHABET, Recipe(labels=1, steps=1, batch=1, layers=2, width=32, seed=seed))
    with torch.no_grad():
        for p in model.module.parameters():
            p.mul_(3.0)
    model.module.to(dtype)
    if dtype == torch.float64:
        norms_in_float64(model.module)
    return model


def norms_in_float64(module: torch.nn.Module) -> None:
    """transformers norms in float32 whatever the weights are: that would hide what we look for."""
    for name, child in module.named_children():
        if type(child).__name__ in ("LlamaRMSNorm", "MistralRMSNorm"):
            norm = torch.nn.RMSNorm(
                child.weight.shape, eps=child.variance_epsilon, dtype=torch.float64
            )
            norm.weight = child.weight
            setattr(module, name, norm)
        else:
            norms_in_float64(child)


@pytest.fixture
def model() -> LanguageModel:
    return small_model()


@pytest.fixture
def model64() -> LanguageModel:
    return small_model(dtype=torch.float64)


@pytest.fixture
def rows() -> list[Tokens]:
    """Nine rows of 3 to 24 tokens; one completion of a single token; some end in the end token."""
    draw = random.Random(7)
    made = []
    for prompt, completion in [
        (2, 1),
        (5, 9),
        (12, 12),
        (3, 7),
        (1, 2),
        (9, 3),
        (6, 6),
        (2, 15),
        (4, 1),
    ]:
        ids = [draw.randrange(4, 20) for _ in range(prompt + completion)]
        if completion % 3 == 0:
            ids[-1] = 2
        made.append(Tokens(tuple(ids), prompt))
    return made


def gradients(model: LanguageModel, run: Callable[[], None]) -> Tensor:
    """The flat gradient that ``run`` leaves on the model's weights."""
    model.module.zero_grad(set_to_none=True)
    run()
    flat = [
        (torch.zeros_like(p) if p.grad is None else p.grad).flatten()
        for p in model.module.parameters()
    ]
    model.module.zero_grad(set_to_none=True)
    return torch.cat(flat)


def relative(a: Tensor, b: Tensor) -> float:
    """Largest difference against the larger norm."""
    return float((a - b).norm() / torch.maximum(a.norm(), b.norm()).clamp(min=1e-300))


@contextmanager
def own_attention(model: LanguageModel) -> Iterator[None]:
    """The model as transformers runs it."""
    model.module.set_attn_implementation("sdpa")
    yield
    model.module.set_attn_implementation(attention.NAME)


def plain_logprobs(model: LanguageModel, row: Tokens, temperature: float = 1.0) -> Tensor:
    """Reference: the whole logits of one row alone, by the model's own attention."""
    ids = torch.tensor([row.ids])
    with own_attention(model):
        logits = model.module(ids, use_cache=False).logits[0] / temperature
    logp = torch.log_softmax(logits[:-1], -1).gather(-1, ids[0, 1:, None])[:, 0]
    return logp[row.prompt_length - 1 :]

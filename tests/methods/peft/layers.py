"""Adapted layers whose numbers are not those of their start, for the tests of the family."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from methods.engine.model import LanguageModel
from methods.peft import dora, lora, pissa
from methods.peft.loop import Adapted, adapt
from tests.engine.conftest import small_model

F64 = torch.float64
METHODS = {"dora": dora, "lora": lora, "pissa": pissa}
LAYERS = {"dora": dora.DoraLinear, "lora": lora.LoraLinear, "pissa": pissa.PissaLinear}


def values(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def plain(bias: bool = True) -> nn.Linear:
    """5 inputs, 7 outputs."""
    layer = nn.Linear(5, 7, bias=bias, dtype=F64)
    with torch.no_grad():
        layer.weight.copy_(values(1, 7, 5))
        if bias:
            layer.bias.copy_(values(2, 7))
    return layer


def trained(kind: str, bias: bool = True, rank: int = 3, scaling: float = 1.5) -> Adapted:
    """A layer as it may be after some steps: everything trained has moved."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = LAYERS[kind](plain(bias), rank, scaling)
    with torch.no_grad():
        for place, p in enumerate(q for q in layer.parameters() if q.requires_grad):
            p.add_(0.3 * values(10 + place, *p.shape))
    return layer


def adapted(
    kind: str, seed: int = 0, dtype: torch.dtype = torch.float32, **options
) -> LanguageModel:
    """A small model with an adapter of ``kind`` at its start."""
    module = METHODS[kind]
    config = module.Config(**{"rank": 4, **options})
    extra = {} if kind == "pissa" else {"init": config.init}
    more = {"dora": {"use_dora": True}, "pissa": {"init_lora_weights": "pissa"}}.get(kind, {})
    model = small_model(dtype=dtype)
    adapt(
        model, config, lambda layer: LAYERS[kind](layer, config.rank, config.scaling, **extra),
        seed, **more,
    )  # fmt: skip
    return model

"""LoRA: train a change of low rank beside each frozen weight.

Paper: arXiv 2106.09685 (Hu et al., *LoRA: Low-Rank Adaptation of Large Language Models*), Eq. 3.
Of a layer h = W0 x the weight W0 (d x k) is frozen and

    h = W0 x + (alpha / r) B A x,    B (d x r), A (r x k), r << min(d, k)

is trained in A and B alone. B begins at zero, so that training begins at the model itself; alpha/r
is stated in the text of Section 4.1. Merged, W0 + (alpha / r) B A, it costs nothing at inference.

Departures from the paper
1. All linear layers but the head are adapted unless ``targets`` says otherwise; the paper adapts
   weights of the attention, in most experiments those of queries and values (Section 4.2).
2. A is drawn uniformly, as the authors' code and PEFT draw it (``init=kaiming``); the paper says
   Gaussian. Of ``init=gaussian`` the standard deviation, 1 / r, is PEFT's: the paper names none.
3. No dropout in front of A.

Checked against: peft's layers and torchtune's LoRALinear: initial state to the bit, value, gradient
and merged weight; saved adapters load in PEFT to the same numbers.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn

from methods.engine.run import Run
from methods.peft.loop import Adapted, low_rank, train_adapter
from methods.peft.options import SMOLLM2, TINY, FreshOptions


class Config(FreshOptions):
    """Options of LoRA."""


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def lora_delta(a: Tensor, b: Tensor, scaling: float) -> Tensor:
    """The change of the weight, (d, k), of ``a`` (r, k) and ``b`` (d, r)."""
    return scaling * (b @ a)


def lora_init(a: Tensor, b: Tensor, kind: str) -> None:
    """Draw ``a`` (r, k) in place as ``kind`` says; ``b`` is zero: no change at all."""
    if kind == "gaussian":
        nn.init.normal_(a, std=1 / a.shape[0])
    else:
        nn.init.kaiming_uniform_(a, a=sqrt(5))  # uniform on +- 1 / sqrt(k)
    nn.init.zeros_(b)


class LoraLinear(Adapted):
    """h = W0 x + bias + scaling B A x."""

    def __init__(self, base: nn.Linear, rank: int, scaling: float, init: str = "kaiming") -> None:
        super().__init__(base, rank, scaling)
        lora_init(self.lora_A.weight, self.lora_B.weight, init)

    def adapted(self, x: Tensor) -> Tensor:
        """See ``Adapted``."""
        _, a, b, scaling = self.parts
        return self.base_layer(x) + low_rank(x, a, b, scaling)

    @torch.no_grad()
    def merged(self) -> Tensor:
        """See ``Adapted``."""
        weight, *change = self.parts
        return weight + lora_delta(*change)


def run(run: Run, config: Config) -> None:
    """Train A and B on demonstrations; held-out loss and, where answers are checked, accuracy."""

    def make(layer: nn.Linear) -> LoraLinear:
        return LoraLinear(layer, config.rank, config.scaling, config.init)

    train_adapter(run, config, make)

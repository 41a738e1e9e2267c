"""PiSSA: LoRA begun at a weight's largest singular values, the rest frozen.

Paper: arXiv 2404.02948 (Meng et al., *PiSSA: Principal Singular Values and Singular Vectors
Adaptation of Large Language Models*), Eqs. 2 to 4. With W = U S V^T, singular values descending,

    B = U[:, :r] S[:r]^(1/2),    A = S[:r]^(1/2) V[:, :r]^T,    W_res = W - B A

W_res is frozen, A and B are trained: h = W_res x + B A x. Training begins at the model itself, to
rounding, and moves what matters most in it first, where LoRA (2106.09685) begins with noise and
zero.

What is saved is A and B as PEFT saves them, marked ``init_lora_weights: pissa``: they stand beside
W_res, not beside W. PEFT computes W_res again from the base that it is given, which must be the
same; elsewhere ``pissa_as_lora`` makes of them, and of what they began as, a plain LoRA of rank 2r
that stands beside W.

Departures from the paper
1. B A counts alpha / r times, as in LoRA, and B and A begin divided by the square root of that
   factor, so that the start is the same: PEFT does so too. At the default it is 1, as in the paper.
2. The whole decomposition is computed, not the fast one of a random projection that the paper
   recommends: for layers of these sizes it takes moments and has no error of its own.
3. The names follow PEFT and LoRA, W (out x in), h = W x; the paper writes Y = X W, and its A is our
   B transposed.
4. All linear layers but the head are adapted unless ``targets`` says otherwise.

Checked against: peft's init_lora_weights="pissa": initial state and residual, value, gradient,
merged weight, and its conversion to LoRA; the best approximation of rank r.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from methods.engine.errors import MethodError
from methods.engine.options import option
from methods.engine.run import Run
from methods.peft.loop import Adapted, low_rank, train_adapter
from methods.peft.lora import lora_delta
from methods.peft.options import SMOLLM2, TINY, AdapterOptions


class Config(AdapterOptions):
    """Options of PiSSA."""

    alpha: float = option(
        8.0, "the change counts alpha / rank times", source="paper: the factor is 1", gt=0
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def pissa_split(weight: Tensor, rank: int, scaling: float) -> tuple[Tensor, Tensor, Tensor]:
    """(A (r, k), B (d, r), residual (d, k)) of ``weight`` (d, k), in its type.

    ``residual + scaling * B @ A`` is ``weight``, and ``scaling * B @ A`` its best approximation of
    that rank. Raises MethodError where ``rank`` exceeds the smaller side.
    """
    if rank > min(weight.shape):
        raise MethodError(
            f"rank {rank} is more than the {min(weight.shape)} singular values that a weight of "
            f"{tuple(weight.shape)} has; take fewer, or other targets"
        )
    wide = torch.promote_types(weight.dtype, torch.float32)
    u, s, vh = torch.linalg.svd(weight.to(wide), full_matrices=False)
    root = (s[:rank] / scaling).sqrt()
    a, b = root[:, None] * vh[:rank], u[:, :rank] * root
    residual = weight.to(wide) - lora_delta(a, b, scaling)
    return a.to(weight.dtype), b.to(weight.dtype), residual.to(weight.dtype)


def pissa_as_lora(a: Tensor, b: Tensor, a0: Tensor, b0: Tensor) -> tuple[Tensor, Tensor]:
    """(A (2r, k), B (d, 2r)) of a LoRA beside the weight itself, at the same scaling.

    ``a0`` and ``b0`` are what A and B began as: B A - B0 A0 is the change from the start. Beside
    them alpha must be doubled, as the rank is (with rslora: times the square root of 2).
    """
    return torch.cat([a, a0]), torch.cat([b, -b0], dim=1)


class PissaLinear(Adapted):
    """h = W_res x + bias + scaling B A x. ``base`` is changed: its weight becomes W_res."""

    def __init__(self, base: nn.Linear, rank: int, scaling: float) -> None:
        super().__init__(base, rank, scaling)
        with torch.no_grad():
            a, b, residual = pissa_split(base.weight, rank, scaling)
            self.lora_A.weight.copy_(a)
            self.lora_B.weight.copy_(b)
            base.weight.copy_(residual)
        self.register_buffer("start_A", a, persistent=False)
        self.register_buffer("start_B", b, persistent=False)

    def adapted(self, x: Tensor) -> Tensor:
        """See ``Adapted``."""
        _, a, b, scaling = self.parts
        return self.base_layer(x) + low_rank(x, a, b, scaling)

    def start(self, x: Tensor) -> Tensor:
        """See ``Adapted``: the frozen weight alone is not the one that was adapted."""
        return self.base_layer(x) + low_rank(x, self.start_A, self.start_B, self.scaling)

    @torch.no_grad()
    def merged(self) -> Tensor:
        """See ``Adapted``."""
        weight, *change = self.parts
        return weight + lora_delta(*change)


def run(run: Run, config: Config) -> None:
    """Train A and B on demonstrations; held-out loss and, where answers are checked, accuracy."""

    def make(layer: nn.Linear) -> PissaLinear:
        return PissaLinear(layer, config.rank, config.scaling)

    train_adapter(run, config, make, init_lora_weights="pissa")

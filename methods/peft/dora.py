"""DoRA: train a weight's magnitude and its direction apart, the direction by LoRA.

Paper: arXiv 2402.09353 (Liu et al., *DoRA: Weight-Decomposed Low-Rank Adaptation*), Eq. 5. With the
frozen weight W0 and the norm of each of its vectors ||.||_c,

    W' = m (W0 + B A) / ||W0 + B A||_c,    m trained, begun at ||W0||_c, B at zero

so that training begins at the model itself, as with LoRA (2106.09685), and a change of direction
need not be one of length. Section 4.3 takes the norm in the denominator for a constant of the
backward pass, which saves memory.

Departures from the paper
1. m holds one magnitude an output of the layer, as PEFT and torchtune have it: the norm is over the
   weights of an output. Read by the letter, with W0 (d x k) and h = W0 x, the paper's ||.||_c would
   be over the weights of an input.
2. B A counts alpha / r times, as in LoRA; Eq. 5 leaves that factor out.
3. All linear layers but the head are adapted unless ``targets`` says otherwise; no dropout.

Checked against: peft's layers with use_dora and torchtune's DoRALinear: initial state, value,
gradient and merged weight; the whole gradient of Eq. 5 (``detach_norm=false``) by differences.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from methods.engine.options import option
from methods.engine.run import Run
from methods.peft.loop import Adapted, low_rank, train_adapter
from methods.peft.lora import lora_delta, lora_init
from methods.peft.options import SMOLLM2, TINY, FreshOptions


class Config(FreshOptions):
    """Options of DoRA."""

    detach_norm: bool = option(
        True,
        "take the norm of the changed weight for a constant of the backward pass",
        source="paper, Section 4.3",
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def output_norms(weight: Tensor) -> Tensor:
    """(d,), the 2-norm of the weights of each output of ``weight`` (d, k)."""
    return torch.linalg.vector_norm(weight, dim=1)


def dora_scale(
    weight: Tensor, a: Tensor, b: Tensor, magnitude: Tensor, scaling: float, detach: bool = True
) -> Tensor:
    """(d,), m over the norm of the changed weight: what each output of W0 + BA is multiplied by.

    ``detach``: no gradient goes through the norm.
    """
    if detach:
        a, b = a.detach(), b.detach()
    # Not in a short type: at the start the two norms must cancel to the bit.
    with torch.autocast(weight.device.type, enabled=False):
        return magnitude / output_norms(weight + lora_delta(a, b, scaling))


def dora_weight(weight: Tensor, a: Tensor, b: Tensor, magnitude: Tensor, scaling: float) -> Tensor:
    """W' (d, k) of Eq. 5."""
    scale = dora_scale(weight, a, b, magnitude, scaling)
    return scale[:, None] * (weight + lora_delta(a, b, scaling))


class DoraLinear(Adapted):
    """h = W' x + bias."""

    def __init__(
        self,
        base: nn.Linear,
        rank: int,
        scaling: float,
        init: str = "kaiming",
        detach_norm: bool = True,
    ) -> None:
        super().__init__(base, rank, scaling)
        lora_init(self.lora_A.weight, self.lora_B.weight, init)
        self.lora_magnitude_vector = nn.Parameter(output_norms(base.weight.detach()))
        self.detach_norm = detach_norm

    def adapted(self, x: Tensor) -> Tensor:
        """See ``Adapted``."""
        weight, a, b, scaling = self.parts
        scale = dora_scale(weight, a, b, self.lora_magnitude_vector, scaling, self.detach_norm)
        base, bias = self.base_layer(x), self.base_layer.bias
        along = base if bias is None else base - bias
        # As a change of the base's output, which is none at all where the scale is 1 and B is 0.
        return base + (scale - 1) * along + scale * low_rank(x, a, b, scaling)

    @torch.no_grad()
    def merged(self) -> Tensor:
        """See ``Adapted``."""
        weight, a, b, scaling = self.parts
        return dora_weight(weight, a, b, self.lora_magnitude_vector, scaling)


def run(run: Run, config: Config) -> None:
    """Train m, A and B on demonstrations; held-out loss and, where checked, accuracy."""

    def make(layer: nn.Linear) -> DoraLinear:
        return DoraLinear(layer, config.rank, config.scaling, config.init, config.detach_norm)

    train_adapter(run, config, make, use_dora=True)

"""SLERP: the point between two models on the arc that joins them, and not on the chord.

Paper: arXiv 2403.13257 (Goddard et al., *Arcee's MergeKit: A Toolkit for Merging Large Language
Models*), where SLERP is one of the ways to merge two models. The formula is Shoemake's (*Animating
Rotation with Quaternion Curves*, SIGGRAPH 1985), for two tensors read as vectors a and b with the
angle Omega between them:

    slerp(a, b; t) = sin((1-t) Omega) / sin Omega * a  +  sin(t Omega) / sin Omega * b

With no models given it first trains one on each of two tasks, from one start.

Departures from the paper
1. The angle is taken by atan2 of the two directions' difference and sum, which stays exact where
   they are nearly parallel, as two models fine-tuned from one start are; so there is no threshold
   above which it becomes linear. (mergekit: linear where |cos Omega| > 0.9995.)
2. Where the directions are the same or opposite to rounding, or a tensor is zero, the arc is not
   defined or is the chord: linear interpolation.
3. Every tensor by itself is a vector, as in mergekit; what the paper's users do layer by layer with
   several t is not offered.

Checked against: quarter circles by hand, the ends, symmetry under a swap, constant norm on the
sphere, nearly parallel and opposite tensors, mergekit's slerp, value and gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from methods.engine.errors import MethodError
from methods.engine.options import option
from methods.engine.run import Run
from methods.merge.loop import Rule, Sources, run_merge
from methods.merge.options import SMOLLM2, MergeOptions


class Config(MergeOptions):
    """Options of spherical interpolation."""

    rule_only: ClassVar[tuple[str, ...]] = ("weight", "curve")

    weight: float = option(
        0.5, "t, the place between the two models: 0 is the first, 1 the second", source="ours",
        ge=0, le=1,
    )  # fmt: skip
    curve: Literal["arc", "chord"] = option(
        "arc", "chord interpolates linearly: a control", source="paper (SLERP)"
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": {}, "smollm2-135m": SMOLLM2}

_SINGULAR = 1e-7  # of sin Omega in float64: below it arc and chord differ by less than rounding


def angle(a: Tensor, b: Tensor) -> Tensor:
    """The angle between two tensors read as vectors, in radians, 0 to pi; float64, scalar.

    2 atan2(|u - v|, |u + v|) of the directions u and v (Kahan): no digit is lost near 0 and pi,
    where the arc cosine of a dot product loses half of them. Neither tensor may be zero.
    """
    u, v = (x.double().flatten() / torch.linalg.vector_norm(x.double()) for x in (a, b))
    return 2 * torch.atan2(torch.linalg.vector_norm(u - v), torch.linalg.vector_norm(u + v))


def slerp(a: Tensor, b: Tensor, weight: float) -> Tensor:
    """The point at ``weight`` on the arc from ``a`` to ``b``, two tensors of one shape.

    Linear where there is no arc: equal or opposite directions, a zero tensor.
    """
    if not (a.any() and b.any()):
        return linear(a, b, weight)
    omega = angle(a, b)
    if omega.detach().sin() < _SINGULAR:
        return linear(a, b, weight)
    of_a, of_b = (torch.sin(t * omega) / torch.sin(omega) for t in (1 - weight, weight))
    return (of_a * a.double() + of_b * b.double()).to(a.dtype)


def linear(a: Tensor, b: Tensor, weight: float) -> Tensor:
    """The point at ``weight`` on the chord from ``a`` to ``b``."""
    return ((1 - weight) * a.double() + weight * b.double()).to(a.dtype)


def run(run: Run, config: Config) -> None:
    """Interpolate between two models; held-out accuracy and loss on both tasks."""
    between = slerp if config.curve == "arc" else linear

    def rule(name: str, base: Tensor, models: Mapping[str, Tensor]) -> Tensor:
        first, second = models.values()
        return between(first, second, config.weight)

    def prepare(sources: Sources) -> Rule:
        if len(sources.models) != 2:
            raise MethodError(
                f"an arc has two ends, and {len(sources.models)} models were given. Give two, or "
                "merge more by task-arithmetic or ties"
            )
        return rule

    run_merge(run, config, prepare)

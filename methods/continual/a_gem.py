"""Averaged gradient episodic memory (A-GEM): no step may raise the loss on remembered rows.

Paper: arXiv 1812.00420 (Chaudhry et al., *Efficient Lifelong Learning with A-GEM*), its rule of
update. Of a step the gradient g on new rows is compared with the gradient g_ref on rows of earlier
tasks; where they point apart, g loses its part along g_ref:

    g~ = g                                       where g . g_ref >= 0
    g~ = g - (g . g_ref) / (g_ref . g_ref) g_ref   where g . g_ref <  0

so that g~ . g_ref = 0. One constraint on the average of all memories, in place of GEM's one for
each task.

Departures from the paper
1. What is projected is the gradient; AdamW then scales its entries and adds moments, so that a step
   is not exactly orthogonal to g_ref. The paper takes plain gradient descent.
2. The reference rows of a step are drawn from the memories in turn, as in ``replay``; the paper
   draws them at random from all of them.
3. Tasks are trained for many steps; the paper goes through each task's data once.

Checked against: both cases worked by hand, orthogonality and idempotence, the projection as the
nearest admissible gradient, opposite and zero reference gradients.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from methods.continual.loop import Gradient, Stream
from methods.continual.options import SMOLLM2, TINY, StreamOptions
from methods.engine.options import option
from methods.engine.run import Run


class Config(StreamOptions):
    """Options of averaged gradient episodic memory."""

    method_only: ClassVar[tuple[str, ...]] = ("memory", "reference_rows")

    memory: int = option(
        100, "rows kept of each task that has ended", source="ours", unit="rows", ge=1
    )
    reference_rows: int = option(
        32, "rows of a step that the reference gradient is of", source="ours", unit="rows", ge=1
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def dot(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> Tensor:
    """The inner product over all parameters, float64, a scalar."""
    return torch.stack([(a[n].double() * b[n].double()).sum() for n in a]).sum()


def project(gradient: Mapping[str, Tensor], reference: Mapping[str, Tensor]) -> Gradient:
    """``gradient`` itself where it does not oppose ``reference``, else without its part along it.

    A reference of zero opposes nothing.
    """
    along = dot(gradient, reference)
    if along >= 0:
        return dict(gradient)
    factor = along / dot(reference, reference)
    return {n: (g - factor * reference[n]).to(g.dtype) for n, g in gradient.items()}


def run(run: Run, config: Config) -> None:
    """Train on the tasks in turn by projected gradients; every task after each."""
    stream = Stream(run, config)

    def guarded(step: int) -> dict[str, float]:
        new = stream.taken()
        again = stream.remembered(step, config.reference_rows, config.memory)
        stream.backward(again)
        reference = stream.taken()
        along = float(dot(new, reference))
        stream.add(project(new, reference))
        norms = float((dot(new, new) * dot(reference, reference)).sqrt())
        return {"projected": float(along < 0), "reference_cosine": along / max(norms, 1e-300)}

    for step, task in stream.steps():
        if task and stream.helps:
            stream.learn(step, stream.rows(step), change=lambda step=step: guarded(step))
        else:
            stream.learn(step, stream.rows(step))
    stream.finish()

"""The register's numbers of a peer check are those that the two implementations give here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from methods.register.peers import PEER_CHECKS

Computed = Callable[..., Tensor]
ROUNDING = 1e-9  # float64; what a peer computes in float32 says so by its own tolerance


def held(
    method: str,
    peer: str,
    what: str,
    ours: Computed,
    theirs: Computed | tuple[float, Sequence[Tensor]],
    inputs: Sequence[Tensor],
    rounding: float = ROUNDING,
) -> None:
    """Value and gradient of both at ``inputs`` are what the register says of ``what``.

    ``ours`` and ``theirs`` map the inputs to a scalar that is differentiated; of a peer that is not
    installed ``theirs`` is its recorded value with a gradient for each input. Where the register
    says that the two agree, they do to ``rounding``.
    """
    check = next(c for c in PEER_CHECKS if (c.method, c.peer, c.what) == (method, peer, what))
    value, slopes = graded(ours, inputs)
    other, other_slopes = theirs if isinstance(theirs, tuple) else graded(theirs, inputs)
    largest = max(float(s.abs().max()) for s in slopes)
    assert largest > 0, "a gradient of zero shows nothing"
    apart = max(float((a - b).abs().max()) for a, b in zip(slopes, other_slopes, strict=True))
    if check.agrees:
        assert value == pytest.approx(other, rel=rounding, abs=rounding)
        assert apart / largest <= rounding
        assert check.gradient <= rounding
    else:
        assert abs(value - other) + apart / largest > 1e-6, "no deviation here any more"
        assert apart / largest == pytest.approx(check.gradient, rel=1e-3, abs=1e-9)
    assert value == pytest.approx(check.ours, rel=1e-6, abs=1e-9)
    assert other == pytest.approx(check.theirs, rel=1e-6, abs=1e-9)


def graded(function: Computed, inputs: Sequence[Tensor]) -> tuple[float, list[Tensor]]:
    """The scalar that ``function`` makes of ``inputs``, and its gradient by each of them."""
    leaves = [i.detach().clone().double().requires_grad_() for i in inputs]
    value = function(*leaves)
    slopes = torch.autograd.grad(value, leaves, allow_unused=True)
    return value.item(), [
        torch.zeros_like(leaf) if s is None else s for leaf, s in zip(leaves, slopes, strict=True)
    ]

"""Our merges beside peft's helpers for adapters: value, and gradient by start and models."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.methods.parity.held import held
from tests.methods.parity.merge.examples import CANCELLING, EQUAL, MODELS, probe
from tests.methods.parity.merge.ours import our_dare, our_task_arithmetic, our_ties

pytest.importorskip("peft")
PEER = "peft"


def vectors(base: Tensor, *models: Tensor) -> list[Tensor]:
    """peft merges differences alone; the start is added here."""
    return [model - base for model in models]


def ones(count: int, value: float = 1.0) -> Tensor:
    return torch.full((count,), value, dtype=torch.float64)


def peft_ties(base: Tensor, *models: Tensor, density: float) -> Tensor:
    from peft.utils.merge_utils import ties

    return base + ties(vectors(base, *models), ones(len(models)), density)


def test_task_arithmetic_is_ours() -> None:
    from peft.utils.merge_utils import task_arithmetic

    held(
        "task-arithmetic", PEER, "task_arithmetic, weight 0.4",
        lambda *x: probe(our_task_arithmetic(*x, scale=0.4)),
        lambda *x: probe(x[0] + task_arithmetic(vectors(*x), ones(2, 0.4))),
        MODELS,
    )  # fmt: skip


def test_ties_is_ours_within_one_tensor() -> None:
    held(
        "ties", PEER, "ties, density 0.3",
        lambda *x: probe(our_ties(*x, density=0.3, scale=1.0)),
        lambda *x: probe(peft_ties(*x, density=0.3)),
        MODELS,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:The density")
def test_where_values_cancel_peft_elects_plus_and_we_elect_nobody() -> None:
    held(
        "ties", PEER, "ties, values that cancel",
        lambda *x: probe(our_ties(*x, density=1.0, scale=1.0)),
        lambda *x: probe(peft_ties(*x, density=1.0)),
        CANCELLING,
    )  # fmt: skip


def test_of_equal_magnitudes_peft_keeps_as_many_as_k_and_we_keep_all() -> None:
    held(
        "ties", PEER, "ties, equal magnitudes",
        lambda *x: probe(our_ties(*x, density=0.5, scale=1.0)),
        lambda *x: probe(peft_ties(*x, density=0.5)),
        EQUAL,
    )  # fmt: skip


def test_0_29_of_100_values_are_28_in_peft_and_29_here() -> None:
    held(
        "ties", PEER, "ties, density 0.29 of 100",
        lambda *x: probe(our_ties(*x, density=0.29, scale=1.0)),
        lambda *x: probe(peft_ties(*x, density=0.29)),
        MODELS,
    )  # fmt: skip


def test_dare_is_ours_under_the_same_masks() -> None:
    from peft.utils.merge_utils import dare_linear

    torch.manual_seed(7)
    full = torch.full(MODELS[0].shape, 0.25, dtype=torch.float64)
    masks = [torch.bernoulli(full).bool() for _ in range(2)]

    def peer(*x: Tensor) -> Tensor:
        torch.manual_seed(7)
        return probe(x[0] + dare_linear(vectors(*x), ones(2, 0.5), 0.25))

    held(
        "dare", PEER, "dare_linear, density 0.25",
        lambda *x: probe(our_dare(*x, masks=masks, drop_rate=0.75, scale=0.5)), peer, MODELS,
    )  # fmt: skip

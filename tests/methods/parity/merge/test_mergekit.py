"""Our merges beside mergekit's, tensor by tensor: value, and gradient by start and models."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from methods.merge import slerp as ours
from tests.methods.parity.held import held
from tests.methods.parity.merge.examples import CANCELLING, EQUAL, MODELS, noise, probe
from tests.methods.parity.merge.ours import our_dare, our_task_arithmetic, our_ties

pytest.importorskip("mergekit")
PEER = "mergekit"


def theirs(name: str, base: Tensor, *models: Tensor, **parameters: Any) -> Tensor:
    """What mergekit's method of that name makes of one tensor of each model."""
    from mergekit.merge_methods.base import TensorGroup
    from mergekit.merge_methods.registry import get

    method = get(name)
    group = TensorGroup.from_tensors([base, *models], base_index=0)
    ids = range(1, len(models) + 1)
    given = {s.name: s.default for s in method.spec.parameters} | parameters
    each = {
        key: dict.fromkeys(ids, given[key]) if not isinstance(given[key], dict) else given[key]
        for key in ("weight", "density")
    }
    return method.merge_group(group, **{**given, **each})


def drawn_masks(count: int, shape: torch.Size, density: float) -> list[Tensor]:
    """The masks that mergekit draws, one after another, from a global generator at seed 7."""
    torch.manual_seed(7)
    return [torch.bernoulli(torch.full(shape, density)).bool() for _ in range(count)]


def test_task_arithmetic_is_ours_where_every_model_weighs_lambda() -> None:
    held(
        "task-arithmetic", PEER, "task_arithmetic, weight 0.4",
        lambda *x: probe(our_task_arithmetic(*x, scale=0.4)),
        lambda *x: probe(theirs("task_arithmetic", *x, weight=0.4)),
        MODELS,
    )  # fmt: skip


def test_normalize_divides_by_the_sum_of_weights_which_the_paper_does_not() -> None:
    held(
        "task-arithmetic", PEER, "task_arithmetic, weight 0.4, normalize",
        lambda *x: probe(our_task_arithmetic(*x, scale=0.4)),
        lambda *x: probe(theirs("task_arithmetic", *x, weight=0.4, normalize=True)),
        MODELS,
    )  # fmt: skip


def test_ties_is_ours_within_one_tensor() -> None:
    held(
        "ties", PEER, "ties, density 0.3, lambda 0.8",
        lambda *x: probe(our_ties(*x, density=0.3, scale=0.8)),
        lambda *x: probe(theirs("ties", *x, weight=1.0, density=0.3, **{"lambda": 0.8})),
        MODELS,
    )  # fmt: skip


def test_where_values_cancel_mergekit_elects_plus_and_we_elect_nobody() -> None:
    held(
        "ties", PEER, "ties, values that cancel",
        lambda *x: probe(our_ties(*x, density=1.0, scale=1.0)),
        lambda *x: probe(theirs("ties", *x, weight=1.0, density=1.0)),
        CANCELLING,
    )  # fmt: skip


def test_of_equal_magnitudes_mergekit_keeps_as_many_as_k_and_we_keep_all() -> None:
    held(
        "ties", PEER, "ties, equal magnitudes",
        lambda *x: probe(our_ties(*x, density=0.5, scale=1.0)),
        lambda *x: probe(theirs("ties", *x, weight=1.0, density=0.5)),
        EQUAL,
    )  # fmt: skip


def test_0_29_of_100_values_are_28_in_mergekit_and_29_here() -> None:
    held(
        "ties", PEER, "ties, density 0.29 of 100",
        lambda *x: probe(our_ties(*x, density=0.29, scale=1.0)),
        lambda *x: probe(theirs("ties", *x, weight=1.0, density=0.29)),
        MODELS,
    )  # fmt: skip


def test_mergekit_ranks_within_each_tensor_where_the_paper_ranks_the_whole_vector() -> None:
    def whole(*flat: Tensor) -> Tensor:
        return probe(our_ties(*flat, density=0.2, scale=1.0))

    def apart(*flat: Tensor) -> Tensor:
        halves = zip(*(x.split(50) for x in flat), strict=True)
        return probe(torch.cat([theirs("ties", *h, weight=1.0, density=0.2) for h in halves]))

    # Two tensors of one model, of which the second was changed ten times as much.
    base = noise(0, 100)
    size = torch.cat([torch.full((50,), 0.01), torch.full((50,), 0.1)]).double()
    held(
        "ties", PEER, "ties, two tensors", whole, apart,
        [base, base + size * noise(1, 100), base + size * noise(2, 100)],
    )  # fmt: skip


def test_dare_without_rescaling_is_ours_under_the_same_masks() -> None:
    masks = drawn_masks(2, MODELS[0].shape, 0.25)

    def peer(*x: Tensor) -> Tensor:
        torch.manual_seed(7)
        return probe(theirs("dare_linear", *x, weight=0.5, density=0.25, rescale=False))

    held(
        "dare", PEER, "dare_linear, density 0.25, rescale off",
        lambda *x: probe(our_dare(*x, masks=masks, drop_rate=0.75, scale=0.5, rescale=False)),
        peer, MODELS, rounding=1e-7,  # it drops in float32
    )  # fmt: skip


def test_mergekit_rescales_to_the_sum_of_magnitudes_and_the_paper_by_the_drop_rate() -> None:
    masks = drawn_masks(2, MODELS[0].shape, 0.25)

    def peer(*x: Tensor) -> Tensor:
        torch.manual_seed(7)
        return probe(theirs("dare_linear", *x, weight=0.5, density=0.25))

    held(
        "dare", PEER, "dare_linear, density 0.25",
        lambda *x: probe(our_dare(*x, masks=masks, drop_rate=0.75, scale=0.5)),
        peer, MODELS,
    )  # fmt: skip


def mergekit_slerp(a: Tensor, b: Tensor, weight: float) -> Tensor:
    from mergekit.merge_methods.slerp import slerp

    return slerp(torch.tensor([weight], dtype=a.dtype), a[None], b[None])[0]


def test_slerp_is_ours_at_a_wide_angle() -> None:
    held(
        "slerp", PEER, "slerp, t 0.3",
        lambda a, b: probe(ours.slerp(a, b, 0.3)), lambda a, b: probe(mergekit_slerp(a, b, 0.3)),
        [noise(1, 10, 10), noise(2, 10, 10)],
    )  # fmt: skip


def test_nearly_parallel_tensors_are_joined_by_mergekit_s_chord_and_by_our_arc() -> None:
    a = noise(1, 10, 10)
    b = a + 0.02 * noise(2, 10, 10)
    cosine = float((a * b).sum() / a.norm() / b.norm())
    assert 0.9995 < cosine < 0.9999
    held(
        "slerp", PEER, "slerp, nearly parallel, t 0.3",
        lambda a, b: probe(ours.slerp(a, b, 0.3)), lambda a, b: probe(mergekit_slerp(a, b, 0.3)),
        [a, b],
    )  # fmt: skip


def test_what_mergekit_drops_of_a_tensor_depends_on_the_tensors_before_it() -> None:
    def second(after_another: bool) -> Tensor:
        torch.manual_seed(7)
        if after_another:
            theirs("dare_linear", *MODELS, weight=0.5, density=0.25)
        return theirs("dare_linear", *MODELS, weight=0.5, density=0.25)

    assert not torch.equal(second(True), second(False))  # ours: tests/methods/merge/test_dare.py

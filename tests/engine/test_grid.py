"""One optimiser step has one gradient, in float64, however it is computed.

What is compared is the whole flat gradient and its norm, never a loss alone: AdamW forgives a
gradient of the wrong size, a clip does not, and a loss may be right where its gradient is not.
"""

from __future__ import annotations

import itertools
from functools import cache

import pytest
import torch
from torch import Tensor

from tests.engine.conftest import relative
from tests.engine.steps import ADVANTAGES, FAMILIES, WHOLE, Way, ragged_rows, step_gradient, steps
from tests.golden.make import reference

SMALL = 40
# Every budget with every order (where all is one pass there is one), shared or repeated beginnings
# and either layout; and each size of the head's chunks with all of them but the budgets.
WAYS = [
    Way(budget, order, share, ragged, chunk)
    for budget, orders, chunks in (
        (1, ("given", "reversed"), (3,)),
        (SMALL, ("given", "reversed", "shuffled"), (1,)),
        (WHOLE, ("given",), (1, 3, 512, None)),
    )
    for order, share, ragged, chunk in itertools.product(
        orders, (True, False), (True, False), chunks
    )
]


@cache
def padded(family: str, kind: str = "llama", side: str = "right", extra: int = 0) -> list[Tensor]:
    """By transformers' own attention on padded rows and formulas written out anew."""
    return [flat for _, flat in reference(family, kind, side, extra)]


def check(found: list[tuple[float, float, Tensor]], expected: list[Tensor]) -> None:
    assert len(found) == len(expected)
    for (_, norm, ours), wanted in zip(found, expected, strict=True):
        assert wanted.norm() > 1e-3
        assert relative(ours, wanted) < 1e-10
        assert norm == pytest.approx(float(wanted.norm()), rel=1e-10)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("budget", [1, SMALL, WHOLE])
def test_a_step_has_one_gradient_for_every_way_to_compute_it(family: str, budget: int) -> None:
    for way in WAYS:
        if way.budget == budget:
            check(steps(family, way), padded(family))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", ["mistral", "gpt2"])
def test_windows_biases_and_learned_positions_change_nothing_of_that(
    family: str, kind: str
) -> None:
    for way in (Way(1), Way(SMALL, "reversed"), Way(SMALL, ragged=False), Way(chunk=None)):
        check(steps(family, way, kind), padded(family, kind))


@pytest.mark.parametrize("family", FAMILIES)
def test_padding_of_any_amount_on_either_side_gives_the_same_gradient(family: str) -> None:
    whole = step_gradient(family)
    for side, extra in (("right", 7), ("left", 0), ("left", 5)):
        assert relative(torch.cat(padded(family, "llama", side, extra)), whole) < 1e-10


def test_the_batch_holds_what_the_grid_is_about() -> None:
    rows = ragged_rows()
    assert len(rows) == len(ADVANTAGES)
    assert {1, 14} < {row.completion_length for row in rows}
    assert len({row.ids[-1] == 2 for row in rows}) == 2
    assert any(2 in row.ids[: row.prompt_length] for row in rows)
    assert min(row.prompt_length for row in rows) == 1


def test_the_steps_differ_where_they_should() -> None:
    """A grid in which all families, or both updates, had one gradient would show nothing."""
    found = {family: step_gradient(family) for family in FAMILIES}
    for a, b in itertools.combinations(FAMILIES, 2):
        assert len(found[a]) != len(found[b]) or relative(found[a], found[b]) > 1e-3
    first, second = found["grpo-off-policy"].chunk(2)
    assert relative(first, found["grpo"]) < 1e-5  # on policy still
    assert relative(first, second) > 1e-2

"""Every perplexity and difference of a chain of domains, on a table worked by hand."""

from __future__ import annotations

import math

import pytest

from methods.continual.transfer import (
    backward_transfer,
    by_distance,
    continual,
    curves_of,
    forgetting,
    forward_transfer,
    heat_map,
    last_checkpoint,
    measures_of,
    median,
    median_of,
    perplexity,
    zero_shot,
)

# Rows: the start, then after each of three domains; columns: the domains.
P = [
    [10.0, 20.0, 30.0],
    [4.0, 18.0, 31.0],
    [5.0, 9.0, 29.0],
    [7.0, 12.0, 15.0],
]


def test_the_definitions_on_a_table_worked_by_hand() -> None:
    assert zero_shot(P) == [10, 20, 30]
    assert continual(P) == [4, 9, 15]
    assert last_checkpoint(P) == [7, 12, 15]
    assert forgetting(P) == [3, 3, 0]
    assert heat_map(P) == [[-6, -2, 1], [-5, -11, -1], [-3, -8, -15]]


def test_backward_transfer_is_below_the_diagonal_and_forward_transfer_above() -> None:
    assert backward_transfer(P) == [-5, -3, -8]
    assert forward_transfer(P) == [-2, 1, -1]
    assert forward_transfer(P, ahead=1) == [-2, -1]
    both = [*backward_transfer(P), *forward_transfer(P)]
    diagonal = [c - z for c, z in zip(continual(P), zero_shot(P), strict=True)]
    assert sorted([*both, *diagonal]) == sorted(v for row in heat_map(P) for v in row)


def test_by_distance_a_domain_just_learned_is_at_zero() -> None:
    assert by_distance(P) == {-2: [1], -1: [-2, -1], 0: [-6, -11, -15], 1: [-5, -8], 2: [-3]}


def test_perplexity_is_e_to_the_nats_per_token() -> None:
    assert perplexity(5 * math.log(8.0), 5) == pytest.approx(8.0, abs=1e-12)
    assert perplexity(0.0, 3) == 1.0


def test_a_model_that_never_changes_transfers_and_forgets_nothing() -> None:
    still = [P[0]] * 4
    assert set(forgetting(still)) == {0.0}
    assert {v for row in heat_map(still) for v in row} == {0.0}


def test_the_median_of_few_and_of_many_and_the_interval_between_two_values() -> None:
    assert median([3.0, 1.0, 2.0]) == 2 and median([4.0, 1.0, 2.0, 3.0]) == 2.5
    few = median_of([5.0, 1.0, 3.0])
    assert (few.mean, few.interval, few.n) == (3, (1, 5), 3)
    # Of six the whole range covers 1 - 2 / 64 = 0.969; the next pair only 1 - 14 / 64.
    assert median_of([float(i) for i in range(6)]).interval == (0, 5)
    # Of nine the second to the eighth: 1 - 2 (1 + 9) / 512 = 0.961.
    assert median_of([float(i) for i in range(9)]).interval == (1, 7)
    assert median_of([float(i) for i in range(12)]).interval == (2, 9)


def test_one_wild_domain_moves_the_mean_and_not_the_median() -> None:
    wild = [[*row[:2], 1e6] for row in P]
    found = {m.name: m for m in measures_of(wild, None, [1.0, 1.0])}
    assert found["lc"].after.mean == 12 and found["mean_lc"].after.mean > 1e5


def test_the_measures_are_those_of_the_definitions() -> None:
    found = {m.name: m for m in measures_of(P, [4.0, 11.0, 14.0], [6.0, 8.0])}
    assert found["cpt"].before is not None and found["cpt"].before.mean == 20
    assert (found["cpt"].after.mean, found["lc"].after.mean, found["ft"].after.mean) == (9, 12, 11)
    assert found["mean_gain"].after.mean == pytest.approx((6 + 11 + 15) / 3)
    assert found["mean_gain"].higher_is_better and not found["cpt"].higher_is_better
    assert found["mean_fg"].after.mean == 3  # the last domain has had no time to be forgotten
    assert found["mean_backward"].after.mean == pytest.approx(-16 / 3)
    assert found["mean_forward"].after.mean == pytest.approx(-2 / 3)
    assert found["mean_next"].after.mean == pytest.approx(-1.5)
    assert found["general"].before is not None and found["general"].after.mean == 8


def test_where_domains_were_not_taken_in_turn_nothing_is_forgotten_or_transferred() -> None:
    names = {m.name for m in measures_of([P[0], P[3]], None, [6.0, 8.0])}
    assert names == {"lc", "mean_lc", "general"}


def test_the_curves_hold_the_whole_heat_map_and_the_transfer_by_distance() -> None:
    first, second = curves_of(P, ["a", "b", "c"])
    assert first["series"][0]["x"] == [-2, -1, 0, 1, 2]
    assert first["series"][0]["y"] == [1, -1.5, -11, -6.5, -3]
    assert [line["label"] for line in second["series"]] == ["1. a", "2. b", "3. c"]
    assert second["series"][1]["y"] == [-2, -11, -8] and second["series"][1]["x"] == [1, 2, 3]

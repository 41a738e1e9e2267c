from __future__ import annotations

import pytest

from registry.core.intervals import mean_over_seeds
from registry.runs import launch
from registry.runs.sweep import run_sweep
from registry.runs.sweep_table import best, sweep_table
from tests.runs.sweeps import made
from tests.runs.workplace import Workplace

TRUE_LOSS, SHUFFLED_LOSS = 1.3, 1.8  # what the fake measures for seed 0; 0.01 less for each seed


def test_the_table_has_the_mean_and_its_interval_over_seeds(workplace: Workplace) -> None:
    one = made(workplace, "3", labels="true,shuffled")
    run_sweep(one, workplace.settings)
    table = sweep_table(one, workplace.settings)
    assert (table.measure, table.higher_is_better) == ("held_out_loss", False)
    row = table.rows[1]
    assert row.values == {"labels": "shuffled"}
    after = [SHUFFLED_LOSS - 0.01 * seed for seed in range(3)]
    assert [cell.after for cell in row.cells] == pytest.approx(after)
    assert row.mean == pytest.approx(SHUFFLED_LOSS - 0.01)
    assert row.interval == pytest.approx(mean_over_seeds(after).interval)
    found = best(table)
    assert found is not None
    assert (found[0].values, found[1]) == ({"labels": "true"}, 0)


def test_an_unfinished_run_has_its_state_in_the_table_and_no_part_in_the_mean(
    workplace: Workplace,
) -> None:
    one = made(workplace, "2", labels="true,shuffled")
    launch.start(workplace.settings.runs_dir / one.runs[0].run_id)
    table = sweep_table(one, workplace.settings)
    assert [[c.state for c in row.cells] for row in table.rows] == [
        ["finished", "waiting"],
        ["waiting", "waiting"],
    ]
    assert table.states == {"finished": 1, "waiting": 3}
    # One seed has no spread: the interval is the run's own.
    assert table.rows[0].mean == pytest.approx(TRUE_LOSS)
    assert table.rows[0].interval == pytest.approx((TRUE_LOSS - 0.1, TRUE_LOSS + 0.1))
    assert (table.rows[1].mean, table.rows[1].interval) == (None, None)
    assert best(table) is None

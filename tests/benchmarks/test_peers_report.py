"""Ratios come with their range, memory with what is fixed, gradients with a relative difference."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.peers import report
from tests.benchmarks.peers.report import Spread


def steps(seconds: list[float], peak: float) -> list[dict[str, float]]:
    return [{"seconds": s, "tokens": 100, "peak_mib": peak + s} for s in seconds]


FOUND = {"ours": steps([1.0, 2.0, 4.0], 500.0), "trl": steps([2.0, 2.0, 2.0], 1000.0)}


def test_a_ratio_is_taken_turn_by_turn_and_keeps_its_range():
    assert report.ratio([6.0, 2.0, 12.0], [2.0, 2.0, 2.0]) == Spread(3.0, 1.0, 6.0)


def test_turns_that_do_not_pair_are_refused():
    with pytest.raises(ValueError):
        report.ratio([1.0, 2.0], [1.0])


def test_the_fixed_state_is_four_float32_a_parameter():
    assert report.fixed_mib(2**20) == 16.0


def test_a_summary_takes_the_median_pace_and_the_highest_peak():
    made = report.summary(FOUND, parameters=2**20)
    assert made["tokens_per_second"]["ours"] == {"median": 50.0, "low": 25.0, "high": 100.0}
    assert made["tokens_per_second_ratio"] == {"median": 1.0, "low": 0.5, "high": 2.0}
    assert made["peak_mib"] == {"ours": 504.0, "trl": 1002.0}
    assert made["peak_over_fixed_state_mib"] == {"ours": 488.0, "trl": 986.0}


def test_the_gradient_difference_is_relative_to_the_second_and_needs_no_more_than_a_chunk(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(report, "_CHUNK", 3)
    second = np.arange(1, 9, dtype=np.float32)
    first = second.copy()
    first[6] += 0.5
    for name, values in (("ours", first), ("trl", second), ("short", second[:4])):
        (tmp_path / name).write_bytes(values.tobytes())
    expected = 0.5 / np.linalg.norm(second.astype(np.float64))
    found = report.gradient_difference(tmp_path / "ours", tmp_path / "trl")
    assert found == pytest.approx(expected, rel=1e-12)
    assert report.gradient_difference(tmp_path / "trl", tmp_path / "trl") == 0.0
    with pytest.raises(ValueError, match="8 and 4 values"):
        report.gradient_difference(tmp_path / "ours", tmp_path / "short")


def test_the_table_has_a_line_a_workload_and_columns_that_stand_under_each_other():
    made = report.summary(FOUND, parameters=2**20)
    lines = report.table(
        {
            "sft": {"summary": made, "gradient_difference": 5.1e-7},
            "grpo-step": {"summary": made, "gradient_difference": None},
        }
    ).splitlines()
    assert len(lines) == 3
    assert "1.00 (0.50..2.00)" in lines[1] and "504 / 1002" in lines[1]
    assert lines[1].endswith("5.1e-07") and lines[2].endswith("sampled")
    places = [line.index("1.00 (") for line in lines[1:]]
    assert places == [lines[0].index("ratio (min..max)")] * 2

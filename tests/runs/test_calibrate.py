from __future__ import annotations

import pytest

from registry.core.errors import UsageError
from registry.runs.calibrate import Setting, advice, choose, settings_of


def at(pass_at_1: float, half: float = 0.05, task: str = "") -> Setting:
    bounds = (pass_at_1 - half, pass_at_1 + half)
    return Setting(task or f"chain-sum:digits={pass_at_1}", "run", "finished", pass_at_1, bounds)


def test_the_difficulty_s_options_that_the_task_has_are_varied_and_what_it_says_is_kept() -> None:
    assert settings_of("products:shots=2", {}) == [
        f"products:shots=2,digits={d},terms={t}" for d in (1, 2) for t in (2, 3, 4)
    ]
    assert settings_of("chain-sum:digits=2", {}) == [
        f"chain-sum:digits=2,terms={t}" for t in (2, 3, 4)
    ]
    # It adds three numbers or more.
    assert settings_of("running-sum:digits=1", {}) == [
        f"running-sum:digits=1,terms={t}" for t in (3, 4)
    ]


def test_values_of_one_s_own_are_varied_and_nothing_else() -> None:
    found = settings_of("chain-sum", {"shots": "0, 3", "digits": "3"})
    assert found == ["chain-sum:shots=0,digits=3", "chain-sum:shots=3,digits=3"]


@pytest.mark.parametrize(
    ("task", "vary", "said"),
    [
        ("chain-summ", {}, "Did you mean 'chain-sum'"),
        ("movie-reviews", {}, "leaves nothing to vary.*prefix_words"),
        ("chain-sum:digits=1,terms=2", {}, "leaves nothing to vary"),
        ("chain-sum", {"digits": "1,9"}, "digits=9 is not allowed; allowed: a whole number from 1"),
        ("chain-sum", {"digitz": "1,2"}, "Did you mean 'digits'"),
        ("chain-sum:digits=1", {"digits": "1,2"}, "digits is given twice"),
    ],
)
def test_what_cannot_be_varied_is_refused(task: str, vary: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        settings_of(task, vary)


@pytest.mark.parametrize(
    ("pass_at_1", "half", "said"),
    [
        (0.5, 0.1, "fits"),
        (0.25, 0.1, "fits, perhaps"),
        (0.75, 0.1, "fits, perhaps"),
        (0.2, 0.0, "fits"),
        (0.1, 0.05, "too hard"),
        (0.15, 0.1, "too hard, perhaps"),
        (0.95, 0.05, "too easy"),
        (0.85, 0.1, "too easy, perhaps"),
    ],
)
def test_a_verdict_doubts_where_the_interval_does(pass_at_1: float, half: float, said: str) -> None:
    assert at(pass_at_1, half).verdict(0.2, 0.8) == said


def test_what_was_not_measured_says_why() -> None:
    assert Setting("x", "run", "failed", problem="no data").verdict(0.2, 0.8) == "no data"
    assert Setting("x", "run", "died").verdict(0.2, 0.8) == "died"


def test_the_setting_nearest_the_middle_is_taken_and_a_sure_one_before_a_doubtful_one() -> None:
    sure, middle, wide = at(0.35), at(0.45), at(0.5, half=0.4)
    assert choose([sure, middle, wide, at(0.9)], 0.2, 0.8) is middle
    assert choose([wide, at(0.9)], 0.2, 0.8) is wide
    assert choose([sure, middle], 0.2, 0.4) is sure
    assert choose([at(0.1), at(0.9), Setting("x", "run", "failed")], 0.2, 0.8) is None


def test_advice_goes_where_the_settings_lie() -> None:
    assert "easier" in advice([at(0.0), at(0.1)], 0.2, 0.8)
    assert "harder" in advice([at(0.9), at(1.0)], 0.2, 0.8)
    assert "between" in advice([at(0.1), at(0.9)], 0.2, 0.8)

from __future__ import annotations

import json

import pytest

from registry.cli.app import main
from registry.runs.sweep import list_sweeps
from tests.runs.workplace import Workplace

Capture = pytest.CaptureFixture[str]
SUMS = ["calibrate", "chain-sum", "--model", "tiny", "--device", "cpu", "--vary", "terms=2,3"]


def test_each_setting_is_measured_and_the_one_that_fits_is_named(
    workplace: Workplace, capsys: Capture
) -> None:
    # The fake worker passes 0.2 of the time, 0.15 to 0.25, whatever the task.
    assert main([*SUMS, "--high", "0.4"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "task\tpass@1\t95 % interval\tverdict",
        "chain-sum:terms=2\t0.2\t0.15 to 0.25\tfits, perhaps",
        "chain-sum:terms=3\t0.2\t0.15 to 0.25\tfits, perhaps",
        "take: chain-sum:terms=2",
    ]
    assert "registry run grpo --task chain-sum:terms=2" in err
    (sweep,) = list_sweeps(workplace.settings)
    assert (sweep.method, sweep.fixed["n"], sweep.fixed["model"]) == ("best-of-n", "4", "tiny")


def test_where_none_fits_it_says_what_to_try(workplace: Workplace, capsys: Capture) -> None:
    assert main([*SUMS, "--low", "0.5"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("none lies in 0.5 to 0.8; all are too hard")


def test_in_json_every_setting_has_its_verdict(workplace: Workplace, capsys: Capture) -> None:
    assert main([*SUMS, "--low", "0.1", "--high", "0.3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["chosen"] == "chain-sum:terms=2"
    assert [s["verdict"] for s in found["settings"]] == ["fits", "fits"]
    assert found["settings"][0]["interval"] == pytest.approx([0.15, 0.25])


def test_runs_that_fail_are_an_error_that_names_a_folder(
    workplace: Workplace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_MODE", "fail")
    assert main(SUMS) == 1
    assert "no setting of chain-sum could be measured" in capsys.readouterr().err


def test_a_dry_run_writes_nothing_and_wrong_bounds_are_refused(
    workplace: Workplace, capsys: Capture
) -> None:
    assert main([*SUMS, "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3 and "2 runs to come on cpu" in err
    assert main([*SUMS, "--low", "0.9"]) == 2
    assert "--low 0.9 is not below --high 0.8" in capsys.readouterr().err
    assert workplace.folders() == []

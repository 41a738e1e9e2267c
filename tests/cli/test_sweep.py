from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry.cli.app import main
from registry.runs.sweep import list_sweeps
from tests.runs.workplace import Workplace

Capture = pytest.CaptureFixture[str]
SFT = ["sweep", "sft", "--model", "tiny", "--set", "steps=3", "--device", "cpu"]


def run_folders(workplace: Workplace) -> list[Path]:
    return [folder for folder in workplace.folders() if folder.name != "sweeps"]


def test_a_sweep_tells_each_run_and_ends_with_its_table(
    workplace: Workplace, capsys: Capture
) -> None:
    assert main([*SFT, "--set", "labels=true,shuffled", "--seeds", "2"]) == 0
    out, err = capsys.readouterr()
    (one,) = list_sweeps(workplace.settings)
    lines = out.splitlines()
    assert lines[0] == f"{one.sweep_id}: sft, model=tiny, steps=3; 4 finished"
    assert lines[1].startswith("held out loss after the run, fraction; lower is better; 95 %")
    assert lines[2] == "labels\tseed 0\tseed 1\tmean\t95 % interval"
    assert lines[3] == "true\t1.3\t1.29\t1.295\t1.231 to 1.359"
    assert lines[5] == "best mean: labels=true"
    assert err.splitlines()[0] == f"{one.sweep_id}: 4 runs"
    assert "[4 of 4] labels=shuffled, seed 1: finished in 1.5 s; held out loss: 2 -> 1.79" in err


def test_the_table_in_json_holds_every_run(workplace: Workplace, capsys: Capture) -> None:
    words = [*SFT, "--set", "labels=true,shuffled", "--seeds", "0,3", "--json"]
    assert main(words) == 0
    table = json.loads(capsys.readouterr().out)
    assert (table["measure"], table["seeds"], table["states"]) == (
        "held_out_loss",
        [0, 3],
        {"finished": 4},
    )
    row = table["rows"][0]
    assert row["values"] == {"labels": "true"}
    assert [cell["after"] for cell in row["cells"]] == pytest.approx([1.3, 1.27])
    assert row["interval"][0] < row["mean"] < row["interval"][1]
    assert {cell["run_id"] for row in table["rows"] for cell in row["cells"]} == {
        folder.name for folder in run_folders(workplace)
    }


def test_a_dry_sweep_shows_the_runs_to_come_and_writes_nothing(
    workplace: Workplace, capsys: Capture
) -> None:
    words = [*SFT, "--set", "learning_rate=1e-4,1e-3", "--seeds", "2", "--dry-run"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    rows = [line.split("\t") for line in out.splitlines()]
    assert rows[0] == ["learning_rate", "seed", "command"]
    assert [row[:2] for row in rows[1:]] == [
        ["1e-4", "0"],
        ["1e-3", "0"],
        ["1e-4", "1"],
        ["1e-3", "1"],
    ]
    assert rows[1][2].startswith("registry run sft --model tiny --seed 0 --device cpu --set ")
    assert "4 runs to come on cpu" in err
    assert main([*words, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [run["seed"] for run in shown["runs"]] == [0, 0, 1, 1]
    assert workplace.folders() == []


def test_a_dry_sweep_in_the_sky_prints_the_task_files(
    workplace: Workplace, capsys: Capture
) -> None:
    words = ["--seeds", "2", "--executor", "sky", "--store", "s3://bucket", "--gpus", "H100:1"]
    assert main(["sweep", "sft", *words, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "--model smollm2-135m --seed 0 --device cuda" in out  # the default of a GPU's machine
    assert out.count("source: s3://bucket") == 2
    assert out.count("accelerators: H100:1") == 2
    assert workplace.folders() == []


def test_a_sweep_in_the_sky_rents_nothing_until_it_is_told_to(
    workplace: Workplace, capsys: Capture
) -> None:
    words = ["--seeds", "2", "--executor", "sky", "--store", "gs://bucket"]
    assert main(["sweep", "sft", *words]) == 0
    (one,) = list_sweeps(workplace.settings)
    assert f"registry sweep --resume {one.sweep_id} --launch" in capsys.readouterr().err
    folder = workplace.settings.runs_dir / "sweeps" / one.sweep_id / "sky"
    written = {path.stem for path in folder.glob("*.yaml")}
    assert written == {run.run_id for run in one.runs}


def test_what_lies_on_this_machine_is_not_sent_to_the_sky(
    workplace: Workplace, capsys: Capture, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "a", "completion": "b"}\n')
    words = ["--seeds", "2", "--executor", "sky", "--store", "s3://bucket", "--gpus", "H100:1"]
    assert main(["sweep", "sft", "--model", "smollm2-135m", "--data", str(rows), *words]) == 2
    assert "lies on this machine" in capsys.readouterr().err


def test_a_slurm_array_on_this_machine_is_a_sweep_like_any_other(
    workplace: Workplace, capsys: Capture
) -> None:
    words = ["--seeds", "2", "--executor", "slurm", "--cluster", "local", "--wait"]
    assert main([*SFT, *words]) == 0
    out, err = capsys.readouterr()
    assert "2 finished" in out
    assert "waiting for 2 tasks on local" in err
    kept = list_sweeps(workplace.settings)[0].place
    assert (kept.executor, kept.cluster, kept.wait) == ("slurm", "local", False)


def test_an_executor_that_cannot_be_used_leaves_a_sweep_to_go_on_with(
    workplace: Workplace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--seeds", "2", "--executor", "sky", "--store", "s3://bucket", "--launch"]
    monkeypatch.setenv("PATH", str(workplace.root))
    assert main(["sweep", "sft", *words]) == 1
    (one,) = list_sweeps(workplace.settings)
    err = capsys.readouterr().err
    assert "needs the command sky" in err
    assert f"go on: registry sweep --resume {one.sweep_id}" in err


def test_failed_runs_are_exit_1_with_their_reasons_and_the_way_on(
    workplace: Workplace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_MODE", "fail")
    assert main([*SFT, "--seeds", "2"]) == 1
    out, err = capsys.readouterr()
    (one,) = list_sweeps(workplace.settings)
    assert "2 failed" in out
    assert f"{run_folders(workplace)[0].name} failed: the fake ran out of luck" in out
    last = err.splitlines()[-1]
    assert "2 of 2 runs failed: (seed 0) the fake ran out of luck" in last
    assert f"registry sweep --resume {one.sweep_id}" in last

    monkeypatch.setenv("FAKE_MODE", "finish")
    assert main(["sweep", "--resume", one.sweep_id, "--dry-run"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert [row.split("\t")[1:] for row in rows] == [
        ["seed", "state"],
        ["0", "failed"],
        ["1", "failed"],
    ]
    assert main(["sweep", "--resume", "latest", "--workers", "2"]) == 0
    assert "2 finished" in capsys.readouterr().out
    assert main(["sweep", "--resume", "latest", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"runs": [], "sweep_id": one.sweep_id}


def test_sweeps_are_listed_and_shown_while_they_are_under_way(
    workplace: Workplace, capsys: Capture
) -> None:
    assert main(["sweep", "--list"]) == 0
    assert "registry sweep --help" in capsys.readouterr().err
    assert main([*SFT, "--seeds", "9", "--workers", "3"]) == 0
    (one,) = list_sweeps(workplace.settings)
    first = workplace.settings.runs_dir / one.runs[0].run_id
    (first / "results.json").unlink()
    (first / "manifest.json").unlink()
    capsys.readouterr()
    assert main(["sweep", "--list"]) == 0
    row = capsys.readouterr().out.splitlines()[1].split("\t")
    assert row[:6] == [one.sweep_id, "sft", "", "9", "8 of 9", "local"]
    assert main(["sweep", "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["finished"] == 8
    assert main(["sweep", "--show", one.sweep_id[:12]]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert "8 finished, 1 waiting" in lines[0]
    assert lines[2] == "method\tfinished\tmean\t95 % interval"  # too many seeds for a column each
    assert lines[3].startswith("sft\t8 of 9\t")
    assert f"registry sweep --resume {one.sweep_id}" in err


def test_a_sweep_over_seeds_alone_has_one_row(workplace: Workplace, capsys: Capture) -> None:
    assert main([*SFT, "--seeds", "0,7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:] == ["method\tseed 0\tseed 7\tmean\t95 % interval", lines[3]]
    assert lines[3].startswith("sft\t1.3\t1.23\t1.265\t")


def test_intervals_that_overlap_are_told_beside_the_best(
    workplace: Workplace, capsys: Capture
) -> None:
    assert main([*SFT, "--set", "learning_rate=1e-4,1e-3", "--seeds", "2"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "best mean: learning_rate=1e-4; the intervals of 1 more overlap with its own"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "sweep needs a method"),
        (["grop", "--seeds", "2"], "Did you mean 'grpo'"),
        (["sft"], "nothing to sweep over"),
        (["sft", "--set", "learning_rat=1,2"], "Did you mean learning_rate?"),
        (["sft", "--set", "labels"], "is not an assignment"),
        (["sft", "--set", "labels=true,fasle"], "1 of 2 runs are refused"),
        (["sft", "--seeds", "0,0"], "names 0 twice"),
        (["sft", "--seeds", "300"], "say --yes"),
        (["sft", "--seeds", "2", "--device", "gpu"], "auto, cpu, cuda"),
        (["sft", "--seeds", "2", "--workers", "0"], "--workers 0 is not allowed"),
        (["sft", "--seeds", "2", "--partition", "a"], "the executor local"),
        (["sft", "--seeds", "2", "--executor", "cloud"], "Allowed: local, slurm, sky"),
        (["sft", "--seeds", "2", "--show", "latest"], "method, --seeds cannot change"),
        (["--show", "latest", "--workers", "2"], "--workers cannot change"),
        (["--resume", "latest", "--executor", "slurm"], "--executor cannot change"),
        (["--resume", "latest", "--show", "latest"], "Allowed: one of them"),
        (["--show", "nope"], "there are none in"),
    ],
)
def test_a_wrong_request_is_refused_in_one_line_and_nothing_is_written(
    workplace: Workplace, capsys: Capture, words: list[str], said: str
) -> None:
    assert main(["sweep", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert workplace.folders() == []

from __future__ import annotations

import json
from pathlib import Path

import pytest

from methods.index import METHODS, find
from registry.cli.app import main
from registry.runs.options import options_of
from tests.runs.workplace import Workplace, rewrite

Capture = pytest.CaptureFixture[str]


def test_the_help_of_run_lists_the_methods_and_reads_none_of_their_files(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(info: object) -> None:
        raise AssertionError("a method's file was read")

    monkeypatch.setattr("registry.runs.options.read_config", refuse)
    assert main(["run", "--help"]) == 0
    shown = capsys.readouterr().out
    for info in METHODS:
        assert f"  {info.slug} " in shown
        assert info.paper in shown


@pytest.mark.parametrize("info", METHODS, ids=lambda info: info.slug)
def test_the_help_of_a_method_shows_each_option_with_default_unit_and_source(
    info: object, capsys: Capture
) -> None:
    known = options_of(info)  # type: ignore[arg-type]
    assert main(["run", known.method, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"registry run {known.method} " in shown
    for option in known.options:
        assert f"{option.flag} " in shown
        assert "[source: " + option.source.split()[0] in shown
        if option.unit:
            assert option.unit in shown


def test_the_help_says_where_tasks_are_listed_and_gives_none_no_unit(capsys: Capture) -> None:
    assert main(["run", "dpo", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "(registry list tasks)" in shown
    assert "default: none]" in shown
    assert "default: none tokens" not in shown


def test_an_unknown_method_gets_its_nearest_names(capsys: Capture) -> None:
    assert main(["run", "dop"]) == 2
    assert "unknown method 'dop'. Did you mean" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--lerning-rate", "1e-4"], ("--lerning-rate 1e-4", "Did you mean '--learning-rate'")),
        (["--set", "lerning_rate=1"], ("lerning_rate=1", "Did you mean learning_rate?")),
        (["--learning-rate", "7"], ("learning_rate=7", "> 0 and < 1")),
        (["--steps", "-1"], ("steps=-1", ">= 1")),
        (["--labels", "fasle"], ("labels=fasle", "true or shuffled")),
        (["--steps", "1", "--set", "steps=2"], ("steps is given twice: 1 and --set 2",)),
        (["--task", "no-such"], ("unknown task 'no-such'",)),
        (["--device", "gpu"], ("device 'gpu'", "auto, cpu, cuda")),
        (["--seed", "-1"], ("--seed -1", "0 to 2147483647")),
        (["--seed", "one"], ("--seed",)),
        (["--steps"], ("--steps", "requires an argument")),
        (["--resume", "x", "--steps", "3"], ("--resume keeps", "steps cannot change")),
        (["--resume", "x", "--seed", "3"], ("--resume keeps", "seed cannot change")),
    ],
)
def test_a_wrong_request_is_refused_in_one_line_and_nothing_is_written(
    workplace: Workplace, capsys: Capture, words: list[str], said: tuple[str, ...]
) -> None:
    assert main(["run", "sft", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    for part in said:
        assert part in err
    assert workplace.folders() == []


def test_a_dry_run_shows_each_option_with_where_it_comes_from_and_writes_nothing(
    workplace: Workplace, capsys: Capture
) -> None:
    assert main(["run", "sft", "--steps", "9", "--device", "cpu", "--dry-run"]) == 0
    out, err = capsys.readouterr()
    rows = dict(line.split("\t", 1) for line in out.splitlines())
    assert rows["steps"] == "9\tuser"
    assert rows["model"] == "tiny\tdefault"
    assert rows["warmup_steps"].endswith("\tpreset")
    assert "registry run sft --seed 0 --device cpu --set steps=9" in err
    assert workplace.folders() == []


def test_a_dry_run_in_json_is_the_plan(workplace: Workplace, capsys: Capture) -> None:
    words = ["run", "sft", "--learning_rate", "1e-4", "--no-save-model", "--dry-run", "--json"]
    assert main(words) == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned["config"]["learning_rate"] == 1e-4
    assert planned["config"]["save_model"] is False
    assert planned["provenance"]["save_model"] == "user"
    assert planned["config"].keys() == planned["provenance"].keys()


def test_a_run_prints_before_and_after_with_interval_and_where_to_look(
    workplace: Workplace, capsys: Capture
) -> None:
    assert main(["run", "sft", "--steps", "2", "--device", "cpu"]) == 0
    out, err = capsys.readouterr()
    (folder,) = workplace.folders()
    assert "held out loss: 2 -> 1.3 fraction (95 % interval 1.2 to 1.4, n = 50)" in out
    assert f"folder: {folder}" in out
    assert f"registry runs show {folder.name}" in out
    assert "worker talks" not in out
    assert str(folder) in err


def test_a_run_in_json_is_the_outcome_alone_on_stdout(
    workplace: Workplace, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "sft", "--steps", "2", "--device", "cpu", "--json"]) == 0
    out, err = capfd.readouterr()
    done = json.loads(out)
    (folder,) = workplace.folders()
    assert (done["run_id"], done["folder"], done["status"]) == (
        folder.name,
        str(folder),
        "finished",
    )
    assert done["results"]["key"] == "held_out_loss"
    assert "worker talks on stdout" in err  # whatever the worker prints is talk


def test_a_failed_run_is_exit_1_with_the_reason_and_how_to_go_on(
    workplace: Workplace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_MODE", "fail")
    assert main(["run", "sft", "--steps", "2", "--device", "cpu", "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["status"] == "failed"
    assert "the fake ran out of luck" in err
    assert "--resume" not in err  # there is no checkpoint to go on from

    assert main(["run", "sft", "--steps", "2", "--checkpoint-every", "1", "--device", "cpu"]) == 1
    assert "go on: registry run sft --resume sft-" in capsys.readouterr().err


def test_a_run_goes_on_by_id_by_path_and_as_the_latest(
    workplace: Workplace, capsys: Capture
) -> None:
    record = workplace.run("sft").record
    for words in ([record.run_id], [str(record.folder)], []):
        (record.folder / "results.json").unlink()
        rewrite(record.folder / "manifest.json", status="interrupted")
        assert main(["run", "sft", "--resume", *words]) == 0
        assert f"{record.run_id} finished" in capsys.readouterr().out
    assert len(workplace.folders()) == 1


def test_a_dry_run_of_a_resume_changes_nothing(workplace: Workplace, capsys: Capture) -> None:
    record = workplace.run("sft").record
    rewrite(record.folder / "manifest.json", status="interrupted")
    before = (record.folder / "spec.json").read_bytes()
    assert main(["run", "sft", "--resume", "--dry-run"]) == 0
    assert record.run_id in capsys.readouterr().out
    assert (record.folder / "spec.json").read_bytes() == before


def test_out_names_the_folder_itself(workplace: Workplace, capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    assert main(["run", "sft", "--steps", "2", "--device", "cpu", "--out", str(out)]) == 0
    assert (out / "results.json").is_file()
    assert main(["run", "sft", "--steps", "2", "--device", "cpu", "--out", str(out)]) == 2
    assert "holds something already" in capsys.readouterr().err
    assert main(["run", "sft", "--out", str(out), "--dry-run", "--device", "cpu"]) == 2
    assert "holds something already" in capsys.readouterr().err


def test_a_run_is_indexed_and_a_broken_store_does_not_break_it(
    workplace: Workplace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from registry.store.engine import open_store
    from registry.store.runs import indexed_runs

    assert main(["run", "sft", "--steps", "2", "--device", "cpu"]) == 0
    with open_store(workplace.settings) as store:
        (row,) = indexed_runs(store)
    assert (row.method, row.status, row.measure) == ("sft", "finished", "held_out_loss")
    assert (row.before, row.after) == pytest.approx((2.0, 1.3))

    monkeypatch.setenv("REGISTRY_DATABASE_URL", "sqlite:////proc/nowhere/store.db")
    assert main(["run", "sft", "--steps", "2", "--device", "cpu"]) == 0
    assert "not in the store's index" in capsys.readouterr().err


def test_a_configuration_file_of_a_method_is_read(
    workplace: Workplace, capsys: Capture, tmp_path: Path
) -> None:
    path = tmp_path / "options.yaml"
    path.write_text("steps: 5\nlabels: shuffled\n")
    assert main(["run", "sft", "--config", str(path), "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert (planned["config"]["steps"], planned["provenance"]["labels"]) == (5, "file")


def test_every_method_is_planned_by_its_name_alone(workplace: Workplace, capsys: Capture) -> None:
    for info in METHODS:
        assert main(["run", info.slug, "--dry-run", "--json", "--device", "cpu"]) == 0
        planned = json.loads(capsys.readouterr().out)
        assert planned["config"]["model"] == "tiny"
        assert planned["paper"] == find(info.slug).paper  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--nproc", "0"], "nproc and nodes of 1 or more"),
        (["--nodes", "2", "--node-rank", "2", "--out", "x"], "node-rank from 0 to nodes - 1"),
        (["--nodes", "2", "--out", "x"], "--rendezvous HOST:PORT"),
        (["--nodes", "2", "--out", "x", "--rendezvous", "host"], "--rendezvous HOST:PORT"),
        (["--nodes", "2", "--rendezvous", "host:1"], "needs --out"),
        (["--log-to", "tensorbord"], "no tracker is called 'tensorbord'"),
    ],
)
def test_processes_machines_and_trackers_that_do_not_fit_are_refused(
    workplace: Workplace, capsys: Capture, words: list[str], said: str
) -> None:
    assert main(["run", "sft", *words]) == 2
    assert said in capsys.readouterr().err
    assert workplace.folders() == []


def test_a_dry_run_names_the_processes_and_the_trackers_and_waits_for_no_machine(
    workplace: Workplace, capsys: Capture, tmp_path: Path
) -> None:
    out = ["--nodes", "2", "--node-rank", "1", "--rendezvous", "host:29500"]
    words = [*out, "--out", str(tmp_path / "shared"), "--nproc", "4", "--log-to", "tensorboard"]
    assert main(["run", "sft", *words, "--dry-run"]) == 0
    said = capsys.readouterr().err
    assert " --log-to tensorboard --nproc 4 --nodes 2 --node-rank 1 --rendezvous host:29500" in said
    assert not (tmp_path / "shared").exists()

"""Methods in files of a person's own: copied, shown, run, gone on with."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from methods.index import METHODS, find, read_config, read_source
from methods.plugins import file_method
from registry.cli.app import main
from registry.runs import launch
from registry.runs.code import run_sha256
from tests.runs.workplace import Workplace

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def copy(workplace: Workplace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of DPO in a folder of its own, which is the current one."""
    folder = workplace.root / "mine"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert main(["cp", "dpo", "my_method.py"]) == 0
    return folder / "my_method.py"


def run_json(capsys: Capture, *words: str) -> Any:
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("info", METHODS, ids=lambda m: m.slug)
def test_a_copy_of_any_method_has_its_options_facts_and_departures(
    info: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["cp", info.slug, "mine.py"]) == 0
    made = file_method("mine.py")
    assert (made.family, made.paper, made.knobs) == (info.family, info.paper, info.knobs)
    assert (made.slug, made.status, made.path) == ("mine", "unverified", tmp_path / "mine.py")
    config, presets = read_config(made)
    original, its = read_config(info)
    assert (config.model_json_schema(), presets) == (original.model_json_schema(), its)
    assert read_source(made).departures == read_source(info).departures


def test_a_copy_says_what_to_do_next_and_writes_over_nothing(copy: Path, capsys: Capture) -> None:
    assert main(["cp", "dpo", "other.py"]) == 0
    assert "run it: registry run ./other.py" in capsys.readouterr().err
    copy.write_text("mine\n")
    assert main(["cp", "dpo", "my_method.py"]) == 2
    assert "--force" in capsys.readouterr().err
    assert copy.read_text() == "mine\n"
    assert main(["cp", "dpo", "my_method.py", "--force"]) == 0
    assert copy.read_text() != "mine\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cp", "dpoo", "x.py"), "Did you mean"),
        (("cp", "dpo", "x"), "Say: registry cp dpo x.py"),
        (("cp", "dpo", "."), "is a folder"),
        (("run", "./nothing.py"), "no file ./nothing.py"),
        (("run", "./broken.py"), "cannot be read as Python"),
        (("run", "./empty.py"), "it has no Config and no PRESETS and no run"),
        (("run", "./my_method.py", "--bata", "1"), "'--beta'"),
    ],
)
def test_what_is_no_method_is_refused_in_one_line(
    copy: Path, capsys: Capture, words: tuple[str, ...], said: str
) -> None:
    Path("broken.py").write_text("def (\n")
    Path("empty.py").write_text("x = 1\n")
    capsys.readouterr()
    assert main(list(words)) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_the_options_of_a_file_are_read_from_it_without_torch(copy: Path, capsys: Capture) -> None:
    text = copy.read_text()
    own = '    nerve: float = option(0.5, "how bold", source="ours")\n\n\nPRESETS'
    copy.write_text(text.replace("\n\nPRESETS", own, 1))
    assert main(["run", "./my_method.py", "--help"]) == 0
    assert "--nerve" in capsys.readouterr().out
    plan = run_json(capsys, "run", "./my_method.py", "--nerve", "0.75", "--dry-run")
    assert plan["config"]["nerve"] == 0.75
    assert plan["source"] == str(copy)
    assert plan["command"].startswith("registry run ./my_method.py ")


def test_a_run_keeps_the_file_and_its_hash_and_goes_on_with_the_copy(
    copy: Path, workplace: Workplace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = copy.read_text()
    monkeypatch.setenv("FAKE_MODE", "fail")
    words = ["run", "./my_method.py", "--steps", "2", "--checkpoint-every", "1"]
    assert main([*words, "--device", "cpu"]) == 1
    said = capsys.readouterr().err
    assert f"go on: registry run {copy} --resume my-method-" in said
    (folder,) = workplace.folders()
    spec = json.loads((folder / "spec.json").read_text())
    assert spec["method"] == "my-method"
    assert spec["source"]["path"] == str(copy)
    assert (folder / "method.py").read_text() == before
    copy.write_text(before + "\n# changed\n")
    monkeypatch.setenv("FAKE_MODE", "finish")
    assert main(["run", str(copy), "--resume"]) == 0
    assert "has changed since the run began" in capsys.readouterr().err
    assert (folder / "method.py").read_text() == before


def test_the_worker_loads_the_copy_in_the_folder_and_what_stands_beside_the_file(
    copy: Path, workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from methods.engine import worker

    (copy.parent / "my_helper.py").write_text("ANSWER = 42\n")
    copy.write_text(
        copy.read_text().replace("\nPRESETS", "\nfrom my_helper import ANSWER\nPRESETS", 1)
    )
    monkeypatch.setattr(sys, "path", list(sys.path))
    from registry.runs.plan import Request, make_plan

    folder = launch.create_run(make_plan(Request("./my_method.py")), workplace.settings)
    copy.unlink()
    loaded = worker._method(folder, json.loads((folder / "spec.json").read_text()))
    assert Path(loaded.__file__) == folder / "method.py"
    assert loaded.ANSWER == 42
    assert loaded.Config().model_dump() == read_config(find("dpo"))[0]().model_dump()  # type: ignore[arg-type]


def test_a_file_with_a_method_s_name_is_never_taken_for_that_method(
    copy: Path, capsys: Capture
) -> None:
    copy.rename("dpo.py")
    made = file_method("./dpo.py")
    assert made.slug == "dpo-file"
    assert run_sha256(made) != run_sha256(find("dpo"))  # type: ignore[arg-type]


def test_a_file_that_is_no_copy_has_few_facts_and_runs_all_the_same(
    copy: Path, capsys: Capture
) -> None:
    text = copy.read_text().replace("Copied from: dpo\n", "").replace("2305.18290", "2401.00009")
    copy.write_text(text)
    facts = run_json(capsys, "show", "./my_method.py")
    assert (facts["paper"], facts["needs"], facts["knobs"]) == ("2401.00009", [], [])
    assert facts["options"]
    assert main(["show", "./my_method.py"]) == 0
    assert main(["run", "./my_method.py", "--dry-run"]) == 0


def test_a_changed_copy_is_other_code(copy: Path) -> None:
    first = run_sha256(file_method("my_method.py"))
    run_sha256.cache_clear()
    copy.write_text(copy.read_text() + "\n# changed\n")
    assert run_sha256(file_method("my_method.py")) != first

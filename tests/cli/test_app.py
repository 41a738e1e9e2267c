from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import typer

from registry import __version__
from registry.cli import app, output
from registry.core.errors import Interrupted, PartialError, RateLimitedError, RegistryError

COMMANDS = sorted(app.COMMANDS)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., Any]], None]:
    """Puts a function in the table of commands, as ``probe``."""

    def put(function: Callable[..., Any]) -> None:
        module = type(sys)("probe_module")
        module.probe = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "probe_module", module)
        monkeypatch.setitem(app.COMMANDS, "probe", ("probe_module:probe", "A probe."))

    return put


def registry(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "registry", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **env},
    )


def test_the_help_names_every_command_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, (_, line) in app.COMMANDS.items():
        assert f"  {name} " in shown
        assert line in shown
    assert "      registry run grpo" in shown.splitlines()  # the example keeps its lines


def test_nothing_at_all_is_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main([]) == 0
    assert "Commands:" in capsys.readouterr().out


def test_a_group_alone_shows_its_help_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["taxonomy"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("Usage: registry taxonomy ") and "\n  rename " in shown.err


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["--version"]) == 0
    assert capsys.readouterr().out == f"registry {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_stands_has_a_help_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    module = app.COMMANDS[name][0].partition(":")[0]
    path = Path(app.__file__).parents[2] / (module.replace(".", "/") + ".py")
    if not path.exists():
        pytest.skip(f"{module} is not written yet")
    assert app.main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Example" in shown
    assert f"registry {name}" in shown


def test_an_unknown_command_gets_its_nearest_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["lits"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("registry: unknown command 'lits'. Did you mean 'list'")
    assert err.count("\n") == 1


def test_an_unknown_option_is_one_line_with_where_to_look(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert app.main(["--colour"]) == 2
    assert capsys.readouterr().err == "registry: No such option: --colour (see `registry --help`)\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RegistryError("it broke"), 1),
        (PartialError("it broke"), 3),
        (RateLimitedError("it broke"), 4),
        (Interrupted("it broke"), 130),
        (OSError(28, "it broke"), 1),
    ],
)
def test_an_error_is_one_line_and_the_exit_code_of_its_class(
    error: Exception,
    code: int,
    command: Callable[[Callable[..., Any]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def probe() -> None:
        raise error

    command(probe)
    assert app.main(["probe"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("registry: ")
    assert "it broke" in err
    assert err.count("\n") == 1


def test_a_hostile_message_cannot_write_to_the_terminal(
    command: Callable[[Callable[..., Any]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def probe() -> None:
        raise RegistryError("title \x1b[2J\nregistry: all is well")

    command(probe)
    app.main(["probe"])
    assert capsys.readouterr().err == "registry: title registry: all is well\n"


def test_a_defect_is_one_line_and_debug_shows_where(
    command: Callable[[Callable[..., Any]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def probe() -> None:
        raise ZeroDivisionError("by zero")

    command(probe)
    assert app.main(["probe"]) == 1
    said = capsys.readouterr().err
    assert "a defect of ours: ZeroDivisionError: by zero" in said
    for words in (["--debug", "probe"], ["probe", "--debug"]):
        with pytest.raises(ZeroDivisionError):
            app.main(words)


def test_ctrl_c_is_130(
    command: Callable[[Callable[..., Any]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def probe() -> None:
        raise KeyboardInterrupt

    command(probe)
    assert app.main(["probe"]) == 130
    assert capsys.readouterr().err == "registry: interrupted\n"


def test_a_command_may_return_its_exit_code(command: Callable[[Callable[..., Any]], None]) -> None:
    command(lambda: 5)
    assert app.main(["probe"]) == 5

    def leave() -> None:
        raise typer.Exit(6)

    command(leave)
    assert app.main(["probe"]) == 6


def test_a_word_after_two_dashes_is_never_taken_for_debug(
    command: Callable[[Callable[..., Any]], None],
) -> None:
    got: list[str] = []

    def probe(word: str) -> None:
        got.append(word)

    command(probe)
    assert app.main(["probe", "--", "--debug"]) == 0
    assert got == ["--debug"]


def test_a_reader_that_leaves_early_is_met_with_silence() -> None:
    script = f"set -o pipefail; {sys.executable} -m registry --help | head -c 1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    many = (
        "from registry.cli import app, output\n"
        "import sys\n"
        "module = type(sys)('m')\n"
        "module.f = lambda: [output.emit('x' * 1000) for _ in range(1000)] and None\n"
        "sys.modules['m'] = module\n"
        "app.COMMANDS['many'] = ('m:f', '')\n"
        "sys.exit(app.main(['many']))\n"
    )
    script = f'set -o pipefail; {sys.executable} -c "{many}" | head -c 1'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")


def test_the_frame_imports_no_command_and_nothing_heavy() -> None:
    heavy = ["pydantic", "rich", "sqlalchemy", "yaml", "arxiv", "sklearn", "torch", "transformers"]
    code = (
        "import sys; from registry.cli.app import main; main(['--help']); "
        f"print([m for m in {heavy!r} if m in sys.modules], "
        "[m for m in sys.modules if m.startswith('registry.cli.')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[] ['registry.cli.app']\n"


@dataclass
class Fact:
    name: str
    path: Path


def test_json_is_sorted_utf8_and_strict(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"b": float("nan"), "a": ["caf\u00e9", date(2026, 1, 2), Fact("x", Path("p"))]}
    output.emit_json({**value, "c": {3, 1}})
    text = capsys.readouterr().out
    assert "caf\u00e9" in text
    assert json.loads(text) == {
        "a": ["caf\u00e9", "2026-01-02", {"name": "x", "path": "p"}],
        "b": None,
        "c": [1, 3],
    }
    assert text.index('"a"') < text.index('"b"')
    with pytest.raises(TypeError, match="object has no form"):
        output.emit_json(object())


def test_json_stays_json_where_the_terminal_knows_no_utf8() -> None:
    code = "from registry.cli.output import emit_json; emit_json({'a': 'caf\\u00e9'})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert json.loads(done.stdout) == {"a": "caf\u00e9"}


def test_a_table_that_is_not_on_a_terminal_is_tab_separated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.emit_table(("a", "b"), [(1, None), (0.123456, True), ("x\ty\x1b[1m", "")])
    assert capsys.readouterr().out == "a\tb\n1\t-\n0.1235\tyes\nx y\t\n"


def test_a_table_on_a_terminal_shows_markup_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    output.emit_table(("title",), [("[bold]not bold[/bold]",)])
    assert "[bold]not bold[/bold]" in capsys.readouterr().out


def test_talk_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    output.talk("one\ntwo")
    assert capsys.readouterr() == ("", "one two\n")


def test_python_dash_m_registry_is_the_command() -> None:
    assert registry("--version").stdout == f"registry {__version__}\n"

"""Methods of installed packages, with a package made up on the spot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from methods import plugins
from methods.index import find, read_config
from registry.cli.app import main
from registry.runs.code import run_sha256

FACTS = """
from methods.register.facts import Equation, MethodInfo

def listed():
    return [
        MethodInfo(
            slug={slug!r}, name="Acme DPO", family="preference", paper="2305.18290",
            summary="DPO as Acme does it.", equation=Equation("Eq. 1", "x"),
            needs=("preference pairs", "an anvil"), knobs=(), status="unverified", since="1.0",
            code="acme_methods.acme_dpo",
        )
    ]

methods = listed()
"""


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    plugins.installed.cache_clear()
    yield
    plugins.installed.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on sys.path that holds an installed package with one method."""
    root = tmp_path / "site"
    code = root / "acme_methods"
    code.mkdir(parents=True)
    (code / "__init__.py").write_text("")
    (code / "facts.py").write_text(FACTS.format(slug="acme-dpo"))
    dpo = find("dpo")
    assert dpo is not None
    (code / "acme_dpo.py").write_text(dpo.path.read_text())
    offer(root, "acme-methods", "acme_methods.facts:methods")
    monkeypatch.syspath_prepend(root)
    yield root
    for name in [n for n in sys.modules if n.startswith("acme_methods")]:
        del sys.modules[name]


def offer(root: Path, name: str, value: str) -> None:
    info = root / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{plugins.GROUP}]\n{name} = {value}\n")


def as_json(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("value", ["acme_methods.facts:methods", "acme_methods.facts:listed"])
def test_a_package_s_methods_are_listed_shown_and_run_like_ours(
    package: Path, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    points = next(package.glob("*.dist-info")) / "entry_points.txt"
    points.write_text(f"[{plugins.GROUP}]\nacme = {value}\n")
    assert "acme-dpo" in [row["slug"] for row in as_json(capsys, "list", "methods")]
    only = as_json(capsys, "list", "methods", "--needs", "anvil")
    assert [row["slug"] for row in only] == ["acme-dpo"]
    facts = as_json(capsys, "show", "acme-dpo")
    assert facts["file"] == str(package / "acme_methods" / "acme_dpo.py")
    assert facts["options"]
    plan = as_json(capsys, "run", "acme-dpo", "--beta", "0.5", "--dry-run")
    assert (plan["method"], plan["config"]["beta"]) == ("acme-dpo", 0.5)


def test_its_module_and_file_are_those_of_the_package(package: Path) -> None:
    info = find("acme-dpo")
    assert info is not None
    assert info.module == "acme_methods.acme_dpo"
    assert info.path == package / "acme_methods" / "acme_dpo.py"
    config, presets = read_config(info)
    assert "beta" in config.model_fields
    assert set(presets) == {"tiny", "smollm2-135m"}
    dpo = find("dpo")
    assert dpo is not None
    assert run_sha256(info) != run_sha256(dpo)


@pytest.mark.parametrize(
    "words", [("list", "methods"), ("run", "dpo", "--dry-run"), ("show", "dpo")]
)
def test_a_slug_that_is_taken_is_an_error_that_names_both(
    package: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    (package / "acme_methods" / "facts.py").write_text(FACTS.format(slug="dpo"))
    assert main(list(words)) == 2
    err = capsys.readouterr().err
    assert "two methods are called 'dpo': one of the register and one of the package acme-" in err


def test_two_packages_with_one_slug_are_both_named(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    offer(package, "other-methods", "acme_methods.facts:methods")
    assert main(["list", "methods"]) == 2
    assert (
        "one of the package acme-methods and one of the package other-" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_module_at_all\n", "ModuleNotFoundError"),
        ("methods = [1]\n", "1 is no MethodInfo"),
        (FACTS.format(slug="Acme DPO"), "lower-case words joined by dashes"),
        (FACTS.format(slug="a").replace("acme_methods.acme_dpo", ""), "code must be the import"),
        (
            FACTS.format(slug="a").replace("acme_methods.acme_dpo", "acme_methods.x"),
            "no module named",
        ),
    ],
)
def test_a_broken_package_is_a_warning_and_everything_else_is_listed(
    package: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    (package / "acme_methods" / "facts.py").write_text(text)
    assert main(["list", "methods", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "dpo" in [row["slug"] for row in json.loads(out)]
    assert "the methods of the package acme-methods" in err
    assert said in err
    assert err.count("\n") == 1


def test_a_listing_with_packages_imports_no_torch(package: Path) -> None:
    code = (
        "import sys\nfrom registry.cli.app import main\n"
        "main(['list', 'methods']); main(['run', 'acme-dpo', '--help'])\n"
        "print([m for m in ('torch', 'numpy', 'acme_methods.acme_dpo') if m in sys.modules])\n"
    )
    env = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert "acme-dpo" in done.stdout

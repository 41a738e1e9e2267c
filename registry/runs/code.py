"""Which code a run is made by: the git commit where there is one, and a hash of the methods."""

from __future__ import annotations

import ast
import hashlib
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import methods
from methods.index import MethodInfo

_ROOT = Path(methods.__file__).parent


@lru_cache(maxsize=1)
def code_sha256() -> str:
    """Hash of every source file of ``methods``: equal code, configuration and seed, equal run."""
    digest = hashlib.sha256()
    for path in sorted(_ROOT.rglob("*.py")):
        name = path.relative_to(_ROOT)
        if "experiments" not in name.parts:  # protocols, not code that runs in a worker
            digest.update(f"{name.as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@lru_cache(maxsize=256)
def run_sha256(info: MethodInfo) -> str:
    """Hash of the code that a run of ``info`` is made by: equal configuration and seed, equal run.

    The method's file, whatever it imports of ``methods`` (its family's loop), of its own package
    or of its own folder, and the whole engine. Another method's file is not part of it.
    """
    digest = hashlib.sha256()
    for path in sorted({*(_ROOT / "engine").rglob("*.py"), *imported(info)}):
        inside = path.is_relative_to(_ROOT)
        digest.update(f"{path.relative_to(_ROOT).as_posix() if inside else path.name}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def imported(info: MethodInfo) -> set[Path]:
    """The method's file and all that it imports, but for the engine and installed packages."""
    own = info.path.resolve()
    roots = {"methods": _ROOT.parent}
    if info.code and not info.is_file:
        parts = info.code.split(".")
        roots[parts[0]] = own.parents[len(parts) - (1 if own.name != "__init__.py" else 0)]
    found, waiting = {own}, [own]
    while waiting:
        for name in _names(waiting.pop()):
            top = name.partition(".")[0]
            root = roots.get(top) or (own.parent if info.is_file else None)
            path = root and _source(root, name)
            if path and path not in found and not path.is_relative_to(_ROOT / "engine"):
                found.add(path)
                waiting.append(path)
    return found


def _names(path: Path) -> Iterator[str]:
    """Names of modules that the file imports, ``from a import b`` as both a and a.b."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _source(root: Path, name: str) -> Path | None:
    place = root.joinpath(*name.split("."))
    file, package = place.with_suffix(".py"), place / "__init__.py"
    return file if file.is_file() else package if package.is_file() else None


@lru_cache(maxsize=1)
def git_state() -> dict[str, Any]:
    """``{"commit": sha or None, "dirty": bool}`` of the checkout that ``methods`` stands in."""
    # A package inside someone else's repository (a .venv) is not that repository's code.
    if not (_ROOT.parent / "pyproject.toml").is_file():
        return {"commit": None, "dirty": False}
    commit = _git("rev-parse", "HEAD")
    return {"commit": commit, "dirty": bool(commit and _git("status", "--porcelain", "-uno"))}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(_ROOT.parent), *arguments],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None

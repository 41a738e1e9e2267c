from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.runs.executors.jobs import Commands
from tests.runs.workplace import workplace

__all__ = ["workplace"]


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Puts shell scripts on PATH under the names of commands that are not here."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    monkeypatch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")

    def put(**scripts: str) -> None:
        for name, script in scripts.items():
            path = bin_folder / name
            path.write_text(f"#!/bin/bash\n{script}\n")
            path.chmod(0o755)

    return put

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.startup import BUDGETS

HEAVY = ("torch", "transformers", "tokenizers", "datasets", "trl", "reasoning_gym")
COLD = {  # what a command has no use for, by its cost
    "registry --help": ("numpy", "pydantic", "sqlalchemy", "yaml", "rich", "sklearn", "arxiv"),
    "registry list methods": ("numpy", "sqlalchemy", "sklearn", "arxiv"),
    "registry list papers": ("numpy", "sqlalchemy", "sklearn", "arxiv"),
    "registry show dpo": ("numpy", "sqlalchemy", "sklearn", "arxiv"),
    'registry search "preference optimization"': ("sklearn", "arxiv"),
    "registry run dpo --help": ("numpy", "sqlalchemy", "sklearn", "arxiv", "rich"),
}


@pytest.mark.parametrize("line", BUDGETS)
def test_a_quick_command_never_imports_torch_nor_what_it_has_no_use_for(
    line: str, tmp_path: Path
) -> None:
    words = list(BUDGETS[line][0])
    code = (
        "import sys\n"
        "from registry.cli.app import main\n"
        f"code = main({words!r})\n"
        f"heavy = [m for m in {(*HEAVY, *COLD[line])!r} if m in sys.modules]\n"
        "print(code, heavy, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "REGISTRY_DATABASE_URL": f"sqlite:///{tmp_path / 'store.db'}"},
    )
    assert done.stderr.splitlines()[-1] == "0 []", done.stderr

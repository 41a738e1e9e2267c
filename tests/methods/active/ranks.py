"""One of several processes that label together: ``python -m tests.methods.active.ranks <folder>``.

The folder holds a run's ``spec.json``; start and task are the small ones of the guards.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest
import torch

from methods.engine import distributed
from methods.engine.run import Run
from tests.engine.conftest import small_model
from tests.guards.small import small_task


def carry_out(folder: Path) -> None:
    """The run of ``folder``, begun or gone on with."""
    spec = json.loads((folder / "spec.json").read_text())
    module = importlib.import_module(f"methods.active.{spec['method'].replace('-', '_')}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("methods.engine.run.load", lambda name, **_: small_model())
        patch.setattr("methods.engine.run.build_task", lambda name, cache: small_task(name))
        module.run(Run(folder, spec), module.Config(**spec["config"]))


if __name__ == "__main__":
    torch.set_num_threads(1)
    distributed.start("cpu")
    carry_out(Path(sys.argv[1]))
    distributed.stop()

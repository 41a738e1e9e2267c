"""The writing of one checkpoint over an earlier one, with something going wrong in the middle."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from methods.engine import checkpoint
from methods.engine.batch import Tokens, pack
from methods.engine.errors import MethodError
from methods.engine.logprobs import completion_logprobs
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions
from tests.engine.conftest import small_model
from tests.faults.workers import fork


def save_over(folder: Path, prelude: Callable[..., None], *args: Any) -> tuple[int | None, str]:
    """Save step 1, then call ``prelude(folder, *args)`` and save step 2, of which one is kept.

    In a process of its own. Gives its exit code and what a MethodError said, "" where none did.
    """
    process = fork(_save_over, folder, prelude, *args)
    process.join(timeout=120)
    said = folder / "said.json"
    return process.exitcode, json.loads(said.read_text()) if said.exists() else ""


def _save_over(folder: Path, prelude: Callable[..., None], *args: Any) -> None:
    model = small_model()
    optimiser = Optimiser(model, TrainingOptions(learning_rate=0.01))
    root = folder / "checkpoints"
    for step in (1, 2):
        batch = pack([Tokens(tuple(range(4, 14)), 1)], [0])
        optimiser.backward(-completion_logprobs(model, batch).mean())
        optimiser.step(step)
        if step == 2:
            prelude(folder, *args)
        try:
            checkpoint.save(root, step, model, optimiser, {"step": step}, keep=1)
        except MethodError as error:
            (folder / "said.json").write_text(json.dumps(str(error)))

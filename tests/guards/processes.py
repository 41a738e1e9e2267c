"""Small runs of every training method on one of several processes: ``python -m ... <out>``."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

from methods import index
from methods.engine import distributed
from tests.guards import small

STEPS = 3


def main(out: Path) -> None:
    """What each method logs and measures, by slug, in ``out/<number of processes>.json``."""
    torch.set_num_threads(1)
    distributed.start("cpu")
    write = small._write_spec

    def write_once(*args: Any) -> None:
        if distributed.is_first():
            write(*args)
        distributed.gather(None)  # no one reads what is not there yet

    found: dict[str, Any] = {}
    for method in small.TRAINING:
        folder = out / f"{method}-{distributed.size()}"
        options: dict[str, Any] = {"steps": STEPS, "micro_batch_tokens": 40}
        if "rounds" in index.read_config(small.info_of(method))[0].model_fields:
            options["rounds"] = 2
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(small, "_write_spec", write_once)
            played = small.play(method, folder, patch, dtype=torch.float64, **options)
        if distributed.is_first():
            results = json.loads((folder / "results.json").read_text())
            found[method] = {"steps": played.steps, "measures": results["measures"]}
        distributed.gather(None)
    if distributed.is_first():
        # What a process logs first is no matter: by name.
        (out / f"{distributed.size()}.json").write_text(json.dumps(found, sort_keys=True))
    distributed.stop()


if __name__ == "__main__":
    tempfile.tempdir = str(Path(sys.argv[1]))
    main(Path(sys.argv[1]))

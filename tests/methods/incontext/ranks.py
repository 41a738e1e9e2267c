"""Small in-context runs on one of several processes: ``python -m ... <out>``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

from methods.engine import distributed
from tests.guards import small

METHODS = ("llm-time-series", "dicl", "dicl-sac", "supericl", "supercontext")


def main(out: Path) -> None:
    """One run of each method, in ``out/<method>-<number of processes>``."""
    torch.set_num_threads(1)
    distributed.start("cpu")
    write = small._write_spec

    def write_once(*args: Any) -> None:
        if distributed.is_first():
            write(*args)
        distributed.gather(None)  # no one reads what is not there yet

    for method in METHODS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(small, "_write_spec", write_once)
            # One series a pass: more passes than processes.
            folder = out / f"{method}-{distributed.size()}"
            small.play(method, folder, patch, sample_batch=4)
        distributed.gather(None)
    distributed.stop()


if __name__ == "__main__":
    tempfile.tempdir = str(Path(sys.argv[1]))
    main(Path(sys.argv[1]))

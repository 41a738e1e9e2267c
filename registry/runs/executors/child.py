"""One run as a process of its own: ``python -m registry.runs.executors.child <run folder> ...``.

The local queue starts one for each run, so that nothing that happens to a run reaches another. It
says on stdout, in one line of JSON, how the run ended; signals go through it to the worker.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from registry.core.errors import RegistryError
from registry.runs import launch


def main(arguments: Sequence[str]) -> int:
    """Run the folder ``arguments[0]`` with the worker that the rest names; gives its exit code."""
    folder, worker = Path(arguments[0]), arguments[1:]
    try:
        outcome = launch.start(folder, _log, worker or None)
        said = {"status": outcome.status, "problem": outcome.problem}
        code = outcome.exit_code
    except RegistryError as error:
        said, code = {"status": "failed", "problem": str(error)}, 1
    # Where the queue was killed nobody listens, and the run folder has it all anyway.
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()
    return code


def _log(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

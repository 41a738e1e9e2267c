"""The process that runs a method: ``python -m methods.engine.worker <run folder>``.

Reads ``spec.json``, writes ``manifest.json`` and what the method writes. Exit 0 finished,
130 stopped after a checkpoint, 1 failed; the manifest then says why.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import os
import platform
import signal
import sys
import time
import traceback
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from methods import index

if TYPE_CHECKING:
    from methods.engine.run import Run

_EXIT_CODES = {"finished": 0, "interrupted": 130, "failed": 1}
_PACKAGES = ("torch", "transformers", "safetensors", "tokenizers", "numpy", "reasoning-gym")


def main(folder: Path) -> int:
    """Run the method that ``folder/spec.json`` names; gives the exit code."""
    # Until the run listens, nothing is worth keeping: a stop while torch loads just stops.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(130))
    spec = json.loads((folder / "spec.json").read_text())
    import torch

    from methods.engine import distributed
    from methods.engine.errors import MethodError
    from methods.engine.files import write_json

    started = time.monotonic()
    manifest = _manifest(spec, torch)
    path = folder / "manifest.json"
    if distributed.is_first():
        write_json(path, manifest)
        (folder / "traceback.txt").unlink(missing_ok=True)
    run, status, error = _carry_out(folder, spec)
    if run is not None:
        manifest.update(run.facts, peak_memory_bytes=run.peak_memory())
    manifest.update(
        status=status, error=error, finished=_now(), seconds=round(time.monotonic() - started, 2)
    )
    try:
        if distributed.is_first():
            write_json(path, manifest)
        elif error:  # the manifest is not ours: say it here
            print(error, file=sys.stderr)
    except MethodError as problem:  # the manifest says that it still runs: say it here
        print(error or problem, file=sys.stderr)
        status = "failed"
    if run is not None:
        run.close(status)  # last: a tracker may wait for its network
    distributed.stop()
    return _EXIT_CODES[status]


def _carry_out(folder: Path, spec: dict[str, Any]) -> tuple[Run | None, str, str | None]:
    """(the run as far as it came, how it ended, why it failed)."""
    import torch

    from methods.engine import distributed
    from methods.engine.errors import MethodError
    from methods.engine.run import Run, Stopped

    run: Run | None = None
    try:
        if spec["device"] == "cuda" and not torch.cuda.is_available():
            raise MethodError(
                "device cuda was asked for and torch sees none. Use --device cpu, or install a "
                "CUDA build of torch."
            )
        distributed.start(spec["device"])
        method = _method(folder, spec)
        run = Run(folder, spec)
        run.listen()
        method.run(run, method.Config(**spec["config"]))
    except Stopped:
        return run, "interrupted", None
    except MethodError as problem:
        return run, "failed", str(problem)
    except torch.OutOfMemoryError as problem:
        said = str(problem).partition(". ")[0]
        return run, "failed", (
            f"{said}. Lower micro_batch_tokens or sample_batch, or set "
            "activation_checkpointing=true, or lora=r=16, or take more GPUs with --nproc."
        )  # fmt: skip
    except Exception as problem:
        if distributed.is_first():
            (folder / "traceback.txt").write_text(traceback.format_exc())
        return run, "failed", f"{type(problem).__name__}: {problem}"
    return run, "finished", None


def _method(folder: Path, spec: dict[str, Any]) -> Any:
    """The method's module: of the register, of an installed package, or the run's own copy."""
    from methods.engine.errors import MethodError

    source = spec.get("source")
    if source:
        # What stands beside the file may be imported by it; it comes behind everything else.
        sys.path.append(str(Path(source["path"]).parent))
        name = f"method_file_{Path(source['path']).stem}"
        place = importlib.util.spec_from_file_location(name, folder / "method.py")
        if place is None or place.loader is None or not (folder / "method.py").is_file():
            raise MethodError(f"{folder / 'method.py'}, the run's copy of its method, is not there")
        method = importlib.util.module_from_spec(place)
        sys.modules[name] = method  # pydantic resolves annotations through it
        place.loader.exec_module(method)
        return method
    info = index.find(spec["method"])
    if info is None:
        raise MethodError(f"no method {spec['method']!r} in the register")
    return importlib.import_module(info.module)


def _manifest(spec: dict[str, Any], torch: Any) -> dict[str, Any]:
    canonical = json.dumps(spec["config"], sort_keys=True).encode()
    cuda = spec["device"] == "cuda" and torch.cuda.is_available()
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        **spec,
        "status": "running",
        "error": None,
        "config_sha256": hashlib.sha256(canonical).hexdigest(),
        "versions": versions,
        "device_name": torch.cuda.get_device_name() if cuda else _processor(),
        "threads": torch.get_num_threads(),
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "pid": os.getpid(),
        "started": _now(),
        "finished": None,
    }


def _processor() -> str:
    cores = os.cpu_count()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return f"CPU, {cores} cores, {line.split(':', 1)[1].strip()}"
    except OSError:
        pass
    return f"CPU, {cores} cores, {platform.machine()}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))

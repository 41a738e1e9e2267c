"""Checkpoints that are whole or absent: safetensors and JSON, checksummed, never pickle.

A checkpoint is a folder written under another name and renamed when everything in it is on disk:
the model in the Hugging Face layout (PEFT's for an adapter) beside the optimiser's moments, the
same whatever the number of processes. What a step draws (data order, samples) follows from the
seed and the step's number, so there is no generator state to keep, and no scheduler's either.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from methods.engine import adapter, distributed, sharding
from methods.engine.cache import sha256_of
from methods.engine.errors import MethodError
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser

_MOMENTS = "optimiser.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint on disk."""

    folder: Path
    step: int
    state: dict[str, Any]  # what the run keeps beside the tensors: lengths of its logs


def save(
    root: Path,
    step: int,
    policy: LanguageModel,
    optimiser: Optimiser,
    state: dict[str, Any],
    keep: int,
) -> None:
    """Write ``root/step-<step>`` and drop all but the ``keep`` newest. All processes must call it.

    Raises MethodError where the disk is full or read-only; earlier checkpoints stay whole.
    """
    final = root / f"step-{step:06d}"
    partial = root / f".{final.name}.partial"
    weights, moments = policy.weights(), _whole_moments(policy, optimiser)
    problem: str | None = None
    if distributed.is_first():
        try:
            for stale in root.glob(".step-*.partial"):  # of a process that was killed
                shutil.rmtree(stale, ignore_errors=True)
            partial.mkdir(parents=True)
            policy.write(partial, weights)
            save_file(moments, str(partial / _MOMENTS))
            sums = {f.name: sha256_of(f) for f in sorted(partial.iterdir())}
            record = {"schema": 3, "step": step, "state": state, "sha256": sums}
            record["own"] = _own_sum(record)
            (partial / "checkpoint.json").write_text(json.dumps(record, indent=1))
            for file in partial.iterdir():
                _sync(file)
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
            _sync(root)
        except (OSError, RuntimeError, SafetensorError, MethodError) as error:
            problem = str(error.__cause__ or error)
    if problem := distributed.of_first(problem):
        shutil.rmtree(partial, ignore_errors=True)
        raise MethodError(
            f"checkpoint of step {step} cannot be written to {root}: {problem}. Earlier "
            "checkpoints are whole; free some space or choose another --out, then --resume."
        )
    if distributed.is_first():
        for old in _folders(root)[keep:]:
            shutil.rmtree(old, ignore_errors=True)


def latest(root: Path) -> Checkpoint | None:
    """The newest checkpoint whose checksums hold; a damaged newer one is passed over.

    None where there is none at all. Raises MethodError where there are some and none is whole:
    starting again without a word would throw the logs away.
    """
    folders = _folders(root)
    for folder in folders:
        try:
            record = json.loads((folder / "checkpoint.json").read_text())
            if record.pop("own") != _own_sum(record):
                continue
            if all(sha256_of(folder / name) == s for name, s in record["sha256"].items()):
                return Checkpoint(folder, int(record["step"]), record["state"])
        except (OSError, ValueError, KeyError):
            continue
    if folders:
        raise MethodError(f"no checkpoint in {root} is whole; remove that folder to start again")
    return None


def restore(checkpoint: Checkpoint, policy: LanguageModel, optimiser: Optimiser) -> None:
    """Put weights and optimiser moments back, to the bit; each process reads its own part."""
    with sharding.apart(policy.sharded):
        if policy.adapter is not None:
            wanted = adapter.tensors(policy.module)
        else:
            wanted = dict(policy.module.named_parameters())
        files = [f for f in sorted(checkpoint.folder.glob("*.safetensors")) if f.name != _MOMENTS]
        _fill(files, wanted)
        moments: dict[str, Tensor] = {}
        with safe_open(checkpoint.folder / _MOMENTS, framework="pt") as file:
            names = list(file.keys())
        for key in names:
            name, _, kind = key.rpartition(".")
            parameter = optimiser.parameters[optimiser.names.index(name)]
            scalar = torch.zeros((), dtype=torch.float32, device=policy.device)
            empty = scalar if kind == "step" else torch.zeros_like(parameter.detach())
            optimiser.adamw.state[parameter][kind] = moments[key] = empty
        _fill([checkpoint.folder / _MOMENTS], moments)


@torch.no_grad()
def _fill(files: list[Path], targets: Mapping[str, Tensor]) -> None:
    """Copy every tensor of ``files`` into the target of its name; tied names may be missing."""
    left = {id(t) for t in targets.values()}
    for path in files:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118  not a mapping
                target = targets.get(name)
                if target is not None:
                    part = sharding.part_like(target, file.get_tensor(name))
                    getattr(target, "_local_tensor", target).copy_(part)
                    left.discard(id(target))
    if left:
        missing = [name for name, t in targets.items() if id(t) in left]
        raise MethodError(f"{files[0].parent} lacks {', '.join(missing[:3])}; it is of another run")


def _whole_moments(policy: LanguageModel, optimiser: Optimiser) -> dict[str, Tensor]:
    with sharding.apart(policy.sharded):
        return {
            f"{name}.{kind}": sharding.whole(value).cpu().contiguous()
            for name, parameter in zip(optimiser.names, optimiser.parameters, strict=True)
            for kind, value in optimiser.adamw.state.get(parameter, {}).items()
        }


def _folders(root: Path) -> list[Path]:
    """Checkpoint folders, newest first."""
    if not root.is_dir():
        return []
    return sorted(
        root.glob("step-*"), key=lambda p: int(p.name.removeprefix("step-")), reverse=True
    )


def _own_sum(record: Mapping[str, Any]) -> str:
    """Over a checkpoint's record without its own sum: a flipped digit of a step is a damage too."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

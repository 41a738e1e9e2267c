"""What a side is told, and how it keeps the first step's gradient."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

MODEL = "smollm2-135m"
LEARNING_RATE = 1e-5
BETA = 0.1  # of DPO


@dataclass(frozen=True)
class Spec:
    """One process: which side, which workload, where, and how the batch is cut."""

    side: str  # "ours" or "trl"
    workload: str
    device: str
    precision: str
    threads: int
    cache_dir: str
    scratch: str  # a folder of its own that the parent removes
    settings: dict[str, Any] = field(default_factory=dict)
    gradient: str | None = None  # where the first step's gradient goes

    def to_json(self) -> str:
        """The line that the process is started with."""
        return json.dumps(asdict(self))

    def keep_gradient(self, parameters: Iterable[nn.Parameter]) -> None:
        """Append every gradient, float32, in the order of the model's parameters, to one file."""
        if self.gradient is None:
            return
        with Path(self.gradient).open("wb") as out:
            for p in parameters:
                grad = torch.zeros_like(p) if p.grad is None else p.grad
                out.write(grad.detach().float().cpu().contiguous().numpy().tobytes())

"""Adapters: frozen linear layers with a little beside them that is trained, on demonstrations.

A method is a layer class; what all share is here: which layers get one, the supervised loop of
``methods.finetune``, and files in PEFT's layout, under PEFT's names.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import linear

from methods.engine.errors import MethodError
from methods.engine.model import LanguageModel
from methods.engine.run import Run
from methods.finetune.loop import supervised
from methods.finetune.sft import sft_loss
from methods.peft.options import AdapterOptions


class Adapted(nn.Module):
    """A linear layer (out, in), frozen, with matrices A (rank, in) and B (out, rank) beside it."""

    def __init__(self, base: nn.Linear, rank: int, scaling: float) -> None:
        super().__init__()
        like = {"device": base.weight.device, "dtype": base.weight.dtype}
        self.base_layer = base.requires_grad_(False)
        self.lora_A = nn.Linear(base.in_features, rank, bias=False, **like)
        self.lora_B = nn.Linear(rank, base.out_features, bias=False, **like)
        self.scaling, self.off = scaling, False

    @property
    def parts(self) -> tuple[Tensor, Tensor, Tensor, float]:
        """The frozen weight, A, B and the scaling."""
        return self.base_layer.weight, self.lora_A.weight, self.lora_B.weight, self.scaling

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out)."""
        return self.start(x) if self.off else self.adapted(x)

    def start(self, x: Tensor) -> Tensor:
        """What the layer gave before it was adapted."""
        return self.base_layer(x)

    @abstractmethod
    def adapted(self, x: Tensor) -> Tensor:
        """What it gives with what was trained."""

    @abstractmethod
    def merged(self) -> Tensor:
        """(out, in), the weight of a plain layer that gives the same."""


class Adapter:
    """All adapted layers of a model: what the engine asks of an adapter, peft's or ours."""

    def __init__(self, layers: Mapping[str, Adapted], config: dict[str, Any]) -> None:
        self.layers, self.config = dict(layers), config

    @contextmanager
    def disable_adapter(self) -> Iterator[None]:
        """Inside, the model is the one that was adapted."""
        for layer in self.layers.values():
            layer.off = True
        try:
            yield
        finally:
            for layer in self.layers.values():
                layer.off = False

    def save_pretrained(self, folder: Path | str, *, state_dict: Mapping[str, Tensor]) -> None:
        """Write ``adapter_config.json`` and ``adapter_model.safetensors`` as PEFT reads them."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        whole = {name: tensor.contiguous() for name, tensor in state_dict.items()}
        save_file(whole, folder / "adapter_model.safetensors", metadata={"format": "pt"})
        text = json.dumps(self.config, indent=2, sort_keys=True) + "\n"
        (folder / "adapter_config.json").write_text(text, encoding="utf-8")


def adapt(
    policy: LanguageModel,
    options: AdapterOptions,
    make: Callable[[nn.Linear], Adapted],
    seed: int,
    **peft: Any,
) -> None:
    """Put ``make(layer)`` in the place of each layer named by ``options``; freeze all the rest.

    What ``make`` draws follows from ``seed``. ``peft`` is what PEFT's configuration says of the
    method. Raises MethodError where the model has no such layer.
    """
    module = policy.module
    found = chosen(policy, options.targets)
    module.requires_grad_(False)
    layers = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, layer in found.items():
            layers[name] = make(layer).eval()
            parent, _, child = name.rpartition(".")
            setattr(module.get_submodule(parent), child, layers[name])
    config = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "inference_mode": True, "bias": "none",
        "base_model_name_or_path": module.name_or_path, "fan_in_fan_out": False,
        "r": options.rank, "lora_alpha": options.alpha, "lora_dropout": 0.0,
        "use_rslora": options.rslora,
        "target_modules": sorted({name.rpartition(".")[2] for name in layers}), **peft,
    }  # fmt: skip
    policy.adapter = Adapter(layers, config)


def chosen(policy: LanguageModel, targets: str) -> dict[str, nn.Linear]:
    """The linear layers that ``targets`` names, all but the head, which is read without a call."""
    head = policy.module.get_output_embeddings()
    layers = {
        name: m
        for name, m in policy.module.named_modules()
        if isinstance(m, nn.Linear) and m is not head
    }
    names = {name.strip() for name in targets.split("+")}
    known = sorted({name.rpartition(".")[2] for name in layers})
    wrong = set() if names == {"all-linear"} else names - set(known)
    if wrong or not layers:
        raise MethodError(
            f"targets={targets}: model {policy.name!r} has no linear layer called "
            f"{' or '.join(sorted(wrong or names))}. Allowed: all-linear"
            + "".join(f", {name}" for name in known)
        )
    if names == {"all-linear"}:
        return layers
    return {name: m for name, m in layers.items() if name.rpartition(".")[2] in names}


def train_adapter(
    run: Run, config: AdapterOptions, make: Callable[[nn.Linear], Adapted], **peft: Any
) -> None:
    """Train what ``make`` puts beside the frozen layers on demonstrations."""
    supervised(
        run, config, sft_loss, adapt=lambda policy: adapt(policy, config, make, run.seed, **peft)
    )


def low_rank(x: Tensor, a: Tensor, b: Tensor, scaling: float) -> Tensor:
    """What the change ``scaling * b @ a`` makes of ``x``, without ever making it: (..., out)."""
    return linear(linear(x, a), b) * scaling

"""LoRA through peft (arXiv 2106.09685): small trained matrices beside the frozen weights."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from torch import Tensor, nn

from methods.engine import old_torchao
from methods.engine.errors import MethodError
from methods.engine.options import lora_settings

if TYPE_CHECKING:
    from methods.engine.model import LanguageModel

NAME = "default"  # peft's for the only adapter


def add(model: LanguageModel, settings: str, seed: int) -> None:
    """Put adapters into ``model``, freeze everything else. They begin as no change at all.

    ``settings`` as ``lora_settings`` reads them. Raises MethodError where the model has no layer of
    the names asked for.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    old_torchao.tolerate()
    values = lora_settings(settings)
    config = LoraConfig(
        r=values.r,
        lora_alpha=values.alpha,
        target_modules=values.targets if len(values.targets) > 1 else values.targets[0],
        use_rslora=values.rslora,
        task_type="CAUSAL_LM",
    )
    if values.targets != ["all-linear"]:
        config.target_modules = set(values.targets)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        torch.manual_seed(seed)
        # peft asks transformers by a name that it is about to drop.
        warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
        try:
            model.adapter = get_peft_model(model.module, config)
        except ValueError as error:
            raise MethodError(
                f"lora={settings}: {str(error).partition('.')[0]}. Allowed targets: all-linear, or "
                f"names of linear layers such as {', '.join(_linear_names(model.module)[:6])}."
            ) from error
    model.adapter.eval()


def is_part(name: str) -> bool:
    """Whether the trained weight called ``name`` is an adapter's."""
    return ".lora_" in name


def tensors(module: nn.Module) -> dict[str, Tensor]:
    """What is trained, under the names of peft's files: the adapter, and a head beside it."""
    return {
        f"base_model.model.{name.replace(f'.{NAME}.', '.')}": p
        for name, p in module.named_parameters()
        if p.requires_grad
    }


def _linear_names(module: nn.Module) -> list[str]:
    return sorted(
        {n.rsplit(".", 1)[-1] for n, m in module.named_modules() if isinstance(m, nn.Linear)}
    )

"""FSDP2 for a policy on several processes: each keeps its part of weights and moments.

Weights are gathered whole when a step begins and stay so while it samples and learns; each process
takes as many micro-batches as it has, without a word to the others, and gradients are summed in one
reduce-scatter before the update. Per process that is 8 + 12/W bytes a parameter (weights and
gradient; W-th parts of master weights and two moments).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from methods.engine import distributed
from methods.engine.errors import MethodError


class Sharded(nn.Module):
    """The root: whatever computes with the weights runs inside its forward, framed by FSDP."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, compute: Callable[[], Tensor]) -> Tensor:
        """``compute()``."""
        return compute()


def shard(module: nn.Module, device: torch.device) -> Sharded:
    """Cut ``module`` by decoder layers; it comes back gathered. Build its optimiser afterwards."""
    mesh = init_device_mesh(device.type, (distributed.size(),))
    layers = decoder_layers(module)
    if not layers:
        raise MethodError(
            f"{type(module).__name__} names no decoder layers, so it cannot be cut among several "
            "processes. Use --nproc 1, or another model."
        )
    for layer in layers:
        fully_shard(layer, mesh=mesh)
    root = fully_shard(Sharded(module), mesh=mesh)
    for part in _parts(root):
        # Losses are divided by the whole step's tokens already: gradients are summed. A factor
        # other than 1 asks gloo for an operation that it does not have.
        part.set_gradient_divide_factor(1.0)
        part.set_force_sum_reduction_for_comms(True)
    # A process whose micro-batches had no gradient for the head still takes part in its sum.
    root.set_reduce_scatter_unused_params(True)
    root._get_fsdp_state()._lazy_init()  # else the first layer that runs takes itself for the root
    root.set_reshard_after_forward(False)
    root.set_reshard_after_backward(False)
    _hold_back(root, True)
    _gather(root)
    return root


def decoder_layers(module: nn.Module) -> list[nn.Module]:
    """The layers of the classes that transformers says not to split; before ``shard`` only.

    They are looked up by name, and FSDP renames the classes of what it cuts.
    """
    names = set(getattr(module, "_no_split_modules", None) or [])
    return [m for m in module.modules() if type(m).__name__ in names]


@contextmanager
def apart(root: Sharded | None) -> Iterator[None]:
    """Inside, parameters are this process's parts (DTensors): to update, to save, to load."""
    if root is None:
        yield
        return
    for part in _parts(root):
        part.reshard()
    try:
        yield
    finally:
        _gather(root)


def sum_gradients(root: Sharded, probe: Callable[[], Tensor]) -> None:
    """Sum what all processes' backward passes left, and give each its part.

    FSDP does it at the end of a backward pass: this one, of ``probe``, adds zero. So a process
    needs not know which of its micro-batches is the last, nor have any.
    """
    _hold_back(root, False)
    try:
        root(lambda: probe().sum() * 0.0).backward()
    finally:
        _hold_back(root, True)


def whole(tensor: Tensor) -> Tensor:
    """The whole of a tensor that may be in parts. All processes must call it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def part_like(target: Tensor, value: Tensor) -> Tensor:
    """This process's part of ``value``, which is whole, cut as ``target`` is."""
    if not isinstance(target, DTensor):
        return value
    first = -(-target.shape[0] // distributed.size()) * distributed.rank()  # as torch.chunk cuts
    local = target.to_local()
    return value[first : first + local.shape[0]] if local.numel() else value[:0].view_as(local)


def _parts(root: Sharded) -> list[FSDPModule]:
    return [m for m in root.modules() if isinstance(m, FSDPModule)]


def _gather(root: Sharded) -> None:
    for part in _parts(root):
        part.unshard()


def _hold_back(root: Sharded, held: bool) -> None:
    root.set_requires_gradient_sync(not held)
    root.set_is_last_backward(not held)

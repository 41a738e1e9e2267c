"""One run on several processes: who does what, and sums and lists over all of them.

Every process runs the same method on the same plan (data order and samples follow from seed and
step), takes its share of the work, and knows the results of all; only the first one writes files.
With one process each function is the plain thing. Started by ``methods.engine.launch`` or torchrun.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from methods.engine.errors import MethodError

T = TypeVar("T")
_alone = False


def start(device: str) -> None:
    """Join the processes that the environment names (RANK, WORLD_SIZE, as torchrun sets them)."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or dist.is_initialized():
        return
    if device == "cuda":
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if local >= torch.cuda.device_count():
            raise MethodError(
                f"process {local + 1} on this machine finds {torch.cuda.device_count()} GPUs: "
                "each process needs its own. Use a lower --nproc."
            )
        torch.cuda.set_device(local)
    dist.init_process_group(
        "nccl" if device == "cuda" else "gloo",
        # A file needs no free port; across machines there is an address instead.
        init_method=os.environ.get("REGISTRY_RENDEZVOUS", "env://"),
        rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]),
    )


def stop() -> None:
    """Leave in good order; without it NCCL complains."""
    if dist.is_initialized():
        dist.destroy_process_group()


@contextmanager
def alone() -> Iterator[None]:
    """Inside, this process works for itself: the first one builds what the others then find."""
    global _alone
    others = size() > 1
    if others and rank() > 0:
        dist.barrier()
    before, _alone = _alone, True
    try:
        yield
    finally:
        _alone = before
    if others and rank() == 0:
        dist.barrier()


def rank() -> int:
    """This process, from 0."""
    return dist.get_rank() if dist.is_initialized() and not _alone else 0


def size() -> int:
    """How many processes."""
    return dist.get_world_size() if dist.is_initialized() and not _alone else 1


def is_first() -> bool:
    """Whether this process writes files and talks; known before the others are met."""
    return _alone or int(os.environ.get("RANK", "0")) == 0


def total(parts: Mapping[str, float]) -> dict[str, float]:
    """Each number summed over all processes, in float64; a name that one has not counts as 0 there.

    All must call it.
    """
    found = gather(dict(parts))
    names = dict.fromkeys(name for part in found for name in part)
    return {name: sum(part.get(name, 0) for part in found) for name in names}


def gather(mine: T) -> list[T]:
    """What each process gives, in their order. All must call it."""
    if size() == 1:
        return [mine]
    found: list[Any] = [None] * size()
    dist.all_gather_object(found, mine)
    return found


def any_of(flag: bool) -> bool:
    """Whether ``flag`` is set in any process. All must call it."""
    return any(gather(flag))


def of_first(value: T) -> T:
    """What the first process gives. All must call it."""
    return gather(value)[0]


def share(items: Sequence[T]) -> list[T]:
    """The items of this process: every ``size()``-th one."""
    return list(items[rank() :: size()])


def unshare(shares: Sequence[Sequence[T]]) -> list[T]:
    """What ``gather`` gives of each process's ``share``, back in one order."""
    count = sum(map(len, shares))
    return [shares[i % len(shares)][i // len(shares)] for i in range(count)]

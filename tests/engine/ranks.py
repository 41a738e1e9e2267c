"""What one of several processes computes for ``test_distributed``: ``python -m ... <out>``."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from methods.engine import adapter, checkpoint, distributed, measure, sharding
from methods.engine.batch import own_batches, pack
from methods.engine.logprobs import completion_logprobs
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions
from methods.engine.sample import sample
from tests.engine.conftest import small_model
from tests.engine.steps import FAMILIES, ragged_rows, step_gradient

BUDGETS = (1, 40)
PROMPTS = ["1+2=", "12+34=", "a", "abc def 99+1=", "7"]


def trained(folder: Path, steps: int, lora: str | None, begin: Path | None = None) -> None:
    """Train a small model, from the checkpoint in ``begin`` where given; keep one in ``folder``."""
    policy = small_model()
    if lora:
        adapter.add(policy, lora, seed=0)
    reference = policy.frozen_copy()
    config = TrainingOptions(learning_rate=0.01, lora=lora)
    optimiser, first, rows = Optimiser(policy, config), 1, ragged_rows()
    if begin is not None:
        found = checkpoint.latest(begin)
        assert found is not None
        checkpoint.restore(found, policy, optimiser)
        first = found.step + 1
    for step in range(first, steps + 1):
        for group in own_batches(rows, 40):
            logp = completion_logprobs(policy, pack(rows, group))
            optimiser.backward(-logp.sum() / 100)
        optimiser.step(step)
    checkpoint.save(folder, steps, policy, optimiser, {}, keep=3)
    kept = measure.row_logprobs(reference, rows)
    start = measure.row_logprobs(small_model(), rows)
    assert all(torch.equal(a, b) for a, b in zip(kept, start, strict=True)), "reference moved"
    if lora:
        with sharding.apart(policy.sharded):
            assert optimiser.names and all("lora" in name for name in optimiser.names)


def drawn() -> list[tuple]:
    found = sample(
        small_model(), PROMPTS, per_prompt=3, max_new_tokens=9,
        generator=torch.Generator().manual_seed(4),
    )  # fmt: skip
    return [(s.prompt_index, s.tokens.ids, s.finished) for s in found]


def main(out: Path) -> None:
    """Everything the test compares, in ``out/<world size>.pt`` and folders beside it."""
    torch.set_num_threads(1)
    distributed.start("cpu")
    world = distributed.size()
    found = {
        (family, budget): step_gradient(family, budget) for family in FAMILIES for budget in BUDGETS
    }
    for name, lora in (("full", None), ("lora", "r=4,alpha=8")):
        trained(out / f"{name}-{world}", 4, lora)
        other = out / f"{name}-{3 - world}"
        if other.exists():  # goes on from what the other number of processes has left
            trained(out / f"{name}-{world}-resumed", 6, lora, other)
        else:
            trained(out / f"{name}-{world}-unbroken", 6, lora)
    rows = ragged_rows()
    everything = {
        "gradients": found,
        "drawn": drawn(),
        "logprobs": measure.row_logprobs(small_model(), rows),
    }
    # Every process must know the results of all.
    assert all(other == everything["drawn"] for other in distributed.gather(everything["drawn"]))
    if distributed.is_first():
        torch.save(everything, out / f"{world}.pt")
    distributed.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""What one of several processes computes for ``test_scalar``: ``python -m ... <out>``."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from methods.engine import adapter, checkpoint, distributed
from methods.engine.batch import own_batches
from methods.engine.errors import MethodError
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions
from methods.engine.scalar import (
    add_scalar_head,
    as_reward_model,
    drop_scalar_head,
    pack_whole,
    row_scores,
    text_scores,
)
from tests.engine.conftest import small_model
from tests.engine.steps import ragged_rows


def trained(lora: str | None) -> tuple[LanguageModel, Optimiser]:
    """Three steps that push every text's number to 1."""
    policy = small_model()
    if lora:
        adapter.add(policy, lora, seed=0)
    add_scalar_head(policy, seed=4)
    optimiser, rows = Optimiser(policy, TrainingOptions(learning_rate=0.01)), ragged_rows()
    for step in range(1, 4):
        for group in own_batches(rows, 40):
            scores = text_scores(policy, pack_whole(rows, group))
            optimiser.backward((scores - 1).square().sum() / len(rows))
        optimiser.step(step)
    return policy, optimiser


def main(out: Path) -> None:
    """Everything the test compares, in ``out/<world size>.pt``."""
    torch.set_num_threads(1)
    distributed.start("cpu")
    world = distributed.size()
    found: dict[str, torch.Tensor] = {}
    for name, lora in (("full", None), ("lora", "r=4,alpha=8")):
        policy, optimiser = trained(lora)
        found[f"{name} scores"] = torch.tensor(row_scores(policy, ragged_rows()))
        folder = out / f"{name}-{world}"
        checkpoint.save(folder / "kept", 3, policy, optimiser, {}, keep=1)
        as_reward_model(policy).save(folder / "reward")
        if world > 1:
            try:
                add_scalar_head(policy)
            except MethodError as error:
                assert "before" in str(error)
            else:
                raise AssertionError("a head was added to a model in parts")
        drop_scalar_head(policy)
        policy.save(folder / "plain")
        if distributed.is_first():
            for part in ("kept/step-000003", "reward", "plain"):
                for file in sorted((folder / part).glob("*.safetensors")):
                    for key, value in load_file(file).items():
                        found[f"{name} {part} {file.name} {key}"] = value
    if distributed.is_first():
        torch.save(found, out / f"{world}.pt")
    distributed.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

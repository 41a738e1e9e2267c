"""SFT and DFT beside TRL's SFTTrainer, whose loss is called unbound with a stand-in trainer."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from methods.finetune.dft import dft_loss
from methods.finetune.sft import sft_loss
from tests.methods.parity.held import held

pytest.importorskip("trl")

LENGTHS = (1, 4, 2, 6, 3, 2)
MASK = torch.arange(max(LENGTHS))[None, :] < torch.tensor(LENGTHS)[:, None]


def theirs(log_probs: Tensor, loss_type: str) -> Tensor:
    """TRL's loss of two micro-batches of one step, given the log-probs that its head would give."""
    from trl import SFTTrainer

    def part(rows: slice) -> Tensor:
        zeros = torch.zeros_like(log_probs[rows])
        outputs = SimpleNamespace(
            log_probs=(log_probs * MASK)[rows], label_mask=MASK[rows], entropy=zeros,
            is_top1=MASK[rows],
        )  # fmt: skip
        alone = SimpleNamespace(
            num_processes=1, parallelism_config=None, gather_for_metrics=lambda x: x
        )
        stub = SimpleNamespace(
            accelerator=alone, model=SimpleNamespace(training=True), _total_train_tokens=0,
            _metrics={"train": defaultdict(list)}, _tp_size=1, aux_loss_enabled=False,
            compute_loss_func=None, label_smoother=None,
            args=SimpleNamespace(loss_type=loss_type, average_tokens_across_devices=False),
        )  # fmt: skip
        inputs = {"attention_mask": MASK[rows], "labels": MASK[rows]}
        return SFTTrainer.compute_loss(
            stub, lambda **_: outputs, inputs, num_items_in_batch=torch.tensor(sum(LENGTHS))
        )

    return part(slice(0, 2)) + part(slice(2, 6))


def log_probs() -> Tensor:
    draw = torch.Generator().manual_seed(1)
    return -5 * torch.rand(len(LENGTHS), max(LENGTHS), generator=draw, dtype=torch.float64)


def test_sft_is_trl_s_nll_loss_also_over_micro_batches() -> None:
    held(
        "sft", "trl", "SFTTrainer, loss_type='nll'",
        lambda x: sft_loss(x, MASK, sum(LENGTHS)), partial(theirs, loss_type="nll"), [log_probs()],
    )  # fmt: skip


def test_dft_is_trl_s_dft_loss_also_over_micro_batches() -> None:
    held(
        "dft", "trl", "SFTTrainer, loss_type='dft'",
        lambda x: dft_loss(x, MASK, sum(LENGTHS)), partial(theirs, loss_type="dft"), [log_probs()],
    )  # fmt: skip

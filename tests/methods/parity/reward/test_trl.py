"""The Bradley-Terry loss beside TRL's RewardTrainer, value and gradient by each reward."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.methods.parity.held import held
from tests.methods.parity.reward import examples as ex

pytest.importorskip("trl")


def theirs(margin: Tensor | None = None, centering: float | None = None) -> Any:
    """Its ``compute_loss``, unbound, with a stand-in for the trainer and for the model."""
    from trl import RewardTrainer

    stub = SimpleNamespace(
        accelerator=SimpleNamespace(gather=lambda x: x, gather_for_metrics=lambda x: x),
        model=SimpleNamespace(training=True),
        args=SimpleNamespace(center_rewards_coefficient=centering),
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
    )

    def loss(scores: Tensor) -> Tensor:
        logits = torch.cat(ex.sides(scores))[:, None]
        inputs: dict[str, Any] = {"attention_mask": torch.ones(16, 3)}
        if margin is not None:
            inputs["margin"] = margin
        model = lambda **_: SimpleNamespace(logits=logits)  # noqa: E731
        return RewardTrainer.compute_loss(stub, model, inputs)

    return loss


def test_the_loss_is_trl_s() -> None:
    held("bt-rm", "trl", "RewardTrainer", ex.plain, theirs(), [ex.rewards()])


def test_the_margin_is_trl_s() -> None:
    held("bt-rm", "trl", "RewardTrainer, margin", ex.with_margin, theirs(ex.MARGIN * ex.GAPS),
         [ex.rewards()])  # fmt: skip


def test_centering_is_trl_s_center_rewards_coefficient() -> None:
    held("bt-rm", "trl", "RewardTrainer, center_rewards_coefficient", ex.centered,
         theirs(centering=ex.CENTERING), [ex.rewards()])  # fmt: skip


def test_deviation_trl_weighs_a_prompt_by_the_number_of_its_pairs() -> None:
    held("bt-rm", "trl", "RewardTrainer, prompts of 6 and 2 pairs", ex.by_prompt, theirs(),
         [ex.rewards()])  # fmt: skip

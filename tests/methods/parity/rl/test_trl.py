"""The losses of TRL's GRPOTrainer and RLOOTrainer beside ours, in float64.

TRL has no pure loss functions: its trainers' ``_compute_loss`` is called unbound with a stand-in
for the trainer, whose model returns given log-probs.
"""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.methods.parity.held import held
from tests.methods.parity.rl import examples as ex

pytest.importorskip("trl")


def stand_in(logp: Tensor, **fields: Any) -> SimpleNamespace:
    """Just so much of a trainer as a loss reads: one process, one micro-batch, no extras."""
    alone = SimpleNamespace(
        device=torch.device("cpu"), num_processes=1, gather=lambda x: x,
        gather_for_metrics=lambda x: x, reduce=lambda x, reduction: x,
    )  # fmt: skip
    return SimpleNamespace(
        accelerator=alone,
        model=SimpleNamespace(training=True),
        _metrics={"train": defaultdict(list)},
        aux_loss_enabled=False,
        current_gradient_accumulation_steps=1,
        _get_per_token_logps_and_entropies=lambda *a, **k: (logp, torch.zeros_like(logp), None),
        **fields,
    )


def inputs() -> dict[str, Tensor]:
    tokens = torch.zeros(6, 6, dtype=torch.int64)
    return {
        "prompt_ids": tokens[:, :1], "prompt_mask": tokens[:, :1] + 1, "completion_ids": tokens,
        "completion_mask": ex.MASK.long(), "advantages": ex.ADVANTAGES,
        "old_per_token_logps": ex.OLD, "ref_per_token_logps": ex.REF,
        "old_logps": (ex.OLD * ex.MASK).sum(-1), "num_items_in_batch": ex.MASK.sum(),
    }  # fmt: skip


def grpo_trainer(
    loss_type: str, low: float, high: float, level: str = "token", beta: float = 0.0
) -> Callable[[Tensor], Tensor]:
    from trl import GRPOTrainer

    def loss(logp: Tensor) -> Tensor:
        stub = stand_in(
            logp, beta=beta, epsilon_low=low, epsilon_high=high, loss_type=loss_type,
            importance_sampling_level=level, max_completion_length=ex.LONGEST,
            off_policy_mask_threshold=None, top_entropy_quantile=1.0, use_vllm=False,
            vllm_importance_sampling_correction=False, tools=None, num_generations=3,
            entropy_coef=0.0, _entropy_bonus_enabled=False,
            args=SimpleNamespace(
                delta=None, use_bias_correction_kl=False, steps_per_generation=1,
            ),
        )  # fmt: skip
        return GRPOTrainer._compute_loss(stub, None, inputs())

    return loss


def cases() -> dict[str, tuple[str, Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]]:
    clip, high = ex.CLIP, ex.HIGH
    return {
        "GRPOTrainer, grpo": ("grpo", ex.grpo, grpo_trainer("grpo", clip, clip)),
        "GRPOTrainer, grpo, beta 0.04": (
            "grpo", lambda lp: ex.grpo(lp, ex.KL), grpo_trainer("grpo", clip, clip, beta=ex.KL),
        ),
        "GRPOTrainer, its default loss": ("grpo", ex.grpo, grpo_trainer("dapo", clip, clip)),
        "GRPOTrainer, dr_grpo": ("dr-grpo", ex.dr_grpo, grpo_trainer("dr_grpo", clip, clip)),
        "GRPOTrainer, dapo": ("dapo", ex.dapo, grpo_trainer("dapo", clip, high)),
        "GRPOTrainer, bnpo": ("dapo", ex.dapo, grpo_trainer("bnpo", clip, high)),
        "GRPOTrainer, sequence level": (
            "gspo", ex.gspo, grpo_trainer("grpo", *ex.SEQUENCE, "sequence"),
        ),
        "GRPOTrainer, cispo, epsilon_high 1.2": (
            "cispo", ex.cispo, grpo_trainer("cispo", clip, 1 + clip),
        ),
        "GRPOTrainer, cispo, epsilon_high 0.2": (
            "cispo", ex.cispo, grpo_trainer("cispo", clip, clip),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("what", cases())
def test_the_loss_is_trl_s_or_differs_as_recorded(what: str) -> None:
    method, ours, theirs = cases()[what]
    held(method, "trl", what, ours, theirs, [ex.LOGP])


def rloo_trainer(old: Tensor) -> Callable[[Tensor], Tensor]:
    from trl import RLOOTrainer

    def loss(logp: Tensor) -> Tensor:
        stub = stand_in(logp, epsilon_low=ex.CLIP, epsilon_high=ex.CLIP)
        return RLOOTrainer._compute_loss(
            stub, None, inputs() | {"old_logps": (old * ex.MASK).sum(-1)}
        )

    return loss


def test_on_policy_rloo_s_gradient_is_trl_s() -> None:
    what = "RLOOTrainer, on policy, less a constant"
    held("rloo", "trl", what, ex.rloo_on_policy_value, rloo_trainer(ex.LOGP), [ex.LOGP])


def test_off_policy_trl_s_rloo_clips_the_ratio_of_whole_answers() -> None:
    held("rloo", "trl", "RLOOTrainer, off policy", ex.rloo, rloo_trainer(ex.OLD), [ex.LOGP])


def test_trl_s_group_advantages_divide_by_one_less() -> None:
    from trl.trainer import grpo_trainer as module
    from trl.trainer.utils import nanstd

    source = inspect.getsource(module.GRPOTrainer)
    assert "advantages / (std_rewards + 1e-4)" in source

    def theirs(rewards: Tensor) -> Tensor:
        spread = nanstd(rewards, dim=1, keepdim=True)
        return (rewards - rewards.mean(1, keepdim=True)) / (spread + 1e-4)

    what = "GRPOTrainer, advantages"
    held("grpo", "trl", what, ex.grpo_advantages, ex.weighed(theirs), [ex.REWARDS])

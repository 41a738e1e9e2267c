"""SPIN and online DPO beside TRL: DPOTrainer's loss, and a whole step of OnlineDPOTrainer.

TRL has no pure loss functions: its trainers' own methods are called unbound, with a stand-in for
the trainer whose model returns given log-probs. TRL has no SPIN; the paper's loss is DPO's with the
demonstration preferred and the last round's model as reference, so DPO's is the oracle.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from methods.engine.batch import Tokens
from methods.engine.sample import Sample
from methods.engine.tasks.task import Problem
from methods.preference.dpo import dpo_loss
from methods.rl.drawn import Drawn
from methods.selftrain.online_dpo import best_and_worst, ordered_pairs
from methods.selftrain.spin import spin_loss
from tests.methods.parity.held import held
from tests.methods.parity.preference import examples as ex
from tests.methods.parity.preference.test_trl import by_dpo_trainer

pytest.importorskip("trl")
F64 = torch.float64
# Two answers to each of three prompts: the first is better, the second is, and (or) neither.
UNEQUAL = [[0.9, 0.1], [-0.5, 0.3], [0.7, 0.2]]
TIED = [[0.9, 0.1], [-0.5, 0.3], [0.4, 0.4]]


def spin(logp: Tensor) -> Tensor:
    """The demonstrations are the preferred answers of the worked pairs."""
    pairs = ex.pairs(logp, ex.ref_logps())
    shown, own, by_opponent, own_by_opponent = pairs.summed()
    return spin_loss(own, shown, own_by_opponent, by_opponent, ex.BETA).mean()


def test_spin_is_trl_s_sigmoid_loss_with_the_opponent_as_reference() -> None:
    theirs = by_dpo_trainer("sigmoid", ex.BETA)
    held("spin", "trl", "DPOTrainer, sigmoid", spin, theirs, [ex.token_logps()])


def online_dpo(rewards: list[list[float]]) -> Callable[[Tensor], Tensor]:
    """Rows 0 to 2 are the first answers to the prompts, rows 3 to 5 the second ones."""

    def loss(logp: Tensor) -> Tensor:
        places = [p + 3 * k for p in range(3) for k in range(2)]
        ours, theirs = ((x * ex.MASK).sum(-1)[places].view(3, 2) for x in (logp, ex.ref_logps()))
        told = best_and_worst(torch.tensor(rewards, dtype=F64))
        prompt, better, worse = (list(column) for column in zip(*told, strict=True))
        losses = dpo_loss(
            ours[prompt, better], ours[prompt, worse], theirs[prompt, better],
            theirs[prompt, worse], ex.BETA,
        )  # fmt: skip
        return losses.mean()

    return loss


def online_dpo_trainer(rewards: list[list[float]]) -> Callable[[Tensor], Tensor]:
    """The loss that a whole training step of TRL's hands to the backward pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from trl.experimental.online_dpo import OnlineDPOTrainer

    told = torch.tensor(rewards, dtype=F64)

    def loss(logp: Tensor) -> Tensor:
        given: list[Tensor] = []
        alone = SimpleNamespace(
            gather_for_metrics=lambda x: x, backward=lambda x, **_: given.append(x)
        )
        ids = torch.zeros(6, 6, dtype=torch.int64)
        stub = SimpleNamespace(
            accelerator=alone, ref_model="reference", reward_funcs=[None], beta=ex.BETA,
            eos_token_ids=[1], stats=defaultdict(list),
            state=SimpleNamespace(global_step=0),
            args=SimpleNamespace(
                use_vllm=False, missing_eos_penalty=None, loss_type="sigmoid", n_gpu=1,
                torch_empty_cache_steps=None, optim="adamw_torch", gradient_accumulation_steps=1,
            ),
            processing_class=SimpleNamespace(batch_decode=lambda ids, **_: [""] * len(ids)),
            _generate=lambda model, prompts, images: (ids[:, :1], ids[:, :1], ids, ex.MASK, None),
            _forward=lambda model, *_: ex.ref_logps() if model == "reference" else logp,
            _calculate_rewards_from_functions=lambda **_: told.T.flatten(),
        )  # fmt: skip

        model = SimpleNamespace(train=lambda: None)
        OnlineDPOTrainer.training_step(stub, model, {"prompt": ["a", "b", "c"]})
        return given[0]

    return loss


def test_a_step_of_online_dpo_is_trl_s() -> None:
    held(
        "online-dpo", "trl", "OnlineDPOTrainer.training_step, sigmoid", online_dpo(UNEQUAL),
        online_dpo_trainer(UNEQUAL), [ex.token_logps()],
    )  # fmt: skip


def test_deviation_trl_prefers_the_first_of_two_equal_answers() -> None:
    held(
        "online-dpo", "trl", "OnlineDPOTrainer.training_step, two equal answers", online_dpo(TIED),
        online_dpo_trainer(TIED), [ex.token_logps()],
    )  # fmt: skip


def test_the_pairs_that_a_step_trains_on_are_those_of_the_comparison() -> None:
    answers = [
        Sample(p, Tokens((p, 10 + p + 3 * k), 1), (-1.0,), True, "")
        for p in range(3)
        for k in range(2)
    ]
    told = torch.tensor(TIED, dtype=F64)
    drawn = Drawn(tuple(Problem(c, None, c) for c in "abc"), tuple(answers), told, told)
    assert [(a.ids[1] - 10, b.ids[1] - 10) for a, b in ordered_pairs(drawn)] == [(0, 3), (4, 1)]

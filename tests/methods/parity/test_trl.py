"""Value and gradient of our losses against TRL's trainers, on the same numbers, in float64.

TRL has no pure loss functions: its trainers' ``_compute_loss`` is called unbound, with a stand-in
for the trainer and a model that returns given log-probs (``LossOnly``), or a real small model with
TRL's own head, so that masks, shifts and padding are compared too.
"""

from __future__ import annotations

import copy
import inspect
from collections import defaultdict
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from methods.engine.batch import Tokens, pack
from methods.engine.logprobs import completion_logprobs, head_logprobs
from methods.engine.model import LanguageModel
from methods.finetune.sft import sft_loss
from methods.preference.dpo import dpo_loss
from methods.rl.grpo import clipped_loss, group_advantages, grpo_loss
from tests.engine.conftest import gradients, relative, small_model

pytest.importorskip("trl")

F64 = torch.float64
SAME = 1e-12  # relative, value and gradient; what differs is the order of a few float64 additions
LENGTHS = (1, 4, 2, 6, 3, 2)
HEAD = 2e-6  # relative, from tokens on: TRL's head computes in float32 whatever the model
FIELDS = ("log_probs", "entropy", "mean_logits", "is_top1")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Tensors this small are quickest on one thread, most of all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def trl() -> SimpleNamespace:
    """TRL's trainers, imported once: it takes seconds."""
    from trl import DPOTrainer, GRPOConfig, GRPOTrainer, SFTTrainer
    from trl.trainer import utils

    return SimpleNamespace(
        dpo=DPOTrainer, grpo=GRPOTrainer, sft=SFTTrainer, grpo_config=GRPOConfig, utils=utils
    )


def trainer(**fields: Any) -> SimpleNamespace:
    """Just so much of a trainer as a loss reads: one process, one micro-batch, no extras."""
    alone = SimpleNamespace(
        device=torch.device("cpu"),
        num_processes=1,
        parallelism_config=None,
        gather=lambda x: x,
        gather_for_metrics=lambda x: x,
        reduce=lambda x, reduction: x,
        autocast=nullcontext,
    )
    return SimpleNamespace(
        accelerator=alone,
        model=SimpleNamespace(training=True),
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
        aux_loss_enabled=False,
        current_gradient_accumulation_steps=1,
        **fields,
    )


def given(log_probs: Tensor, mask: Tensor) -> Any:
    """A model that returns these log-probs and zeros for what only metrics read."""
    zeros = torch.zeros_like(log_probs)
    outputs = SimpleNamespace(
        log_probs=log_probs, label_mask=mask, entropy=zeros, mean_logits=zeros, is_top1=mask
    )
    return lambda **inputs: outputs


def noise(seed: int, *shape: int, scale: float = 1.0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return scale * (2 * torch.rand(*shape, generator=draw, dtype=F64) - 1)


def mask_of(lengths: tuple[int, ...]) -> Tensor:
    return torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]


def assert_same(ours: Tensor, theirs: Tensor, leaf: Tensor, other: Tensor) -> None:
    ours.backward()
    theirs.backward()
    assert theirs.abs() > 0
    assert ours.item() == pytest.approx(theirs.item(), rel=SAME, abs=0)
    assert leaf.grad.norm() > 0
    assert relative(leaf.grad, other.grad) < SAME


# --- supervised fine-tuning -------------------------------------------------------------------


def sft_theirs(trl: SimpleNamespace, model: Any, inputs: dict[str, Tensor], items: int) -> Tensor:
    stub = trainer(
        args=SimpleNamespace(loss_type="nll", average_tokens_across_devices=False),
        compute_loss_func=None,
        label_smoother=None,
    )
    return trl.sft.compute_loss(stub, model, inputs, num_items_in_batch=torch.tensor(items))


def test_sft_micro_batches_sum_to_trl_s_loss_of_the_step(trl):
    mask, total = mask_of(LENGTHS), sum(LENGTHS)
    ours = (-3 + noise(1, 6, 6)).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    inputs = {"attention_mask": mask, "labels": mask}
    parts = [
        sft_theirs(trl, given((theirs * mask)[rows], mask[rows]), dict(inputs), total)
        for rows in (slice(0, 2), slice(2, 6))
    ]
    assert_same(sft_loss(ours, mask, total), sum(parts), ours, theirs)


# --- DPO --------------------------------------------------------------------------------------


def dpo_theirs(trl: SimpleNamespace, model: Any, inputs: dict[str, Tensor], beta: float) -> Tensor:
    stub = trainer(
        beta=beta,
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        loss_types=["sigmoid"],
        loss_weights=[1.0],
        label_smoothing=0.0,
        use_weighting=False,
    )
    return trl.dpo._compute_loss(stub, model, inputs, False)


# --- GRPO -------------------------------------------------------------------------------------


def grpo_theirs(
    trl: SimpleNamespace, logp: Any, inputs: dict[str, Any], beta: float, loss_type: str = "grpo"
) -> Tensor:
    stub = trainer(
        args=SimpleNamespace(use_bias_correction_kl=False, delta=None, steps_per_generation=1),
        beta=beta,
        epsilon_low=0.2,
        epsilon_high=0.2,
        loss_type=loss_type,
        importance_sampling_level="token",
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        use_vllm=False,
        _entropy_bonus_enabled=False,
    )
    if callable(logp):  # a model: TRL's own way from tokens to log-probs
        method = inspect.unwrap(trl.grpo._get_per_token_logps_and_entropies)
        stub._get_per_token_logps_and_entropies = lambda *a, **k: method(stub, *a, **k)
    else:
        stub._get_per_token_logps_and_entropies = lambda *a, **k: (
            logp,
            torch.zeros_like(logp),
            None,
        )
    return trl.grpo._compute_loss(stub, logp if callable(logp) else None, inputs)


def grpo_case(beta: float, drift: float) -> tuple:
    mask = mask_of(LENGTHS)
    ours = (-3 + noise(4, 6, 6, scale=2.0)).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    start, tokens = ours.detach(), torch.zeros(6, 6, dtype=torch.int64)
    inputs = {
        "prompt_ids": tokens[:, :1],
        "prompt_mask": tokens[:, :1] + 1,
        "completion_ids": tokens,
        "completion_mask": mask.long(),
        "advantages": torch.tensor([1.2, -0.7, 0.0, 0.4, -1.5, 0.6], dtype=F64),
        "old_per_token_logps": start + noise(5, 6, 6, scale=drift),
        "ref_per_token_logps": start + noise(6, 6, 6, scale=0.5),
        "num_items_in_batch": mask.sum(),
    }
    args = (inputs["old_per_token_logps"], mask, inputs["advantages"], 6, 0.2, beta)
    return grpo_loss(ours, *args, inputs["ref_per_token_logps"]), inputs, ours, theirs


@pytest.mark.parametrize("beta", [0.0, 0.04])
@pytest.mark.parametrize("drift", [0.0, 0.05, 0.6])
def test_grpo_is_trl_s_grpo_loss_on_and_off_policy(trl, beta, drift):
    loss, inputs, ours, theirs = grpo_case(beta, drift)
    clipped = ((ours - inputs["old_per_token_logps"]).exp() - 1).abs() > 0.2
    assert bool(clipped.any()) == (drift > 0.2)  # the last case does reach the clip
    assert_same(loss, grpo_theirs(trl, theirs, inputs, beta), ours, theirs)


def test_deviation_trl_s_default_is_the_token_mean_of_dapo_without_a_kl_term(trl):
    assert trl.grpo_config.loss_type == "dapo"
    assert trl.grpo_config.beta == 0.0
    loss, inputs, ours, _ = grpo_case(0.0, 0.6)
    theirs = grpo_theirs(trl, ours.detach(), inputs, 0.0, "dapo")
    tokens = clipped_loss(ours, inputs["old_per_token_logps"], inputs["advantages"], 0.2)
    mask = mask_of(LENGTHS)
    token_mean = ((tokens * mask).sum() / mask.sum()).item()
    assert theirs.item() == pytest.approx(token_mean, rel=SAME)
    assert loss.item() == pytest.approx(0.1046, abs=1e-4)
    assert theirs.item() == pytest.approx(0.2060, abs=1e-4)


def test_deviation_trl_s_advantages_are_smaller_by_its_divisor_g_minus_1(trl):
    rewards = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.2, 0.9, 0.9, 0.4]], dtype=F64)
    spread = trl.utils.nanstd(rewards, dim=1, keepdim=True)
    theirs = (rewards - rewards.mean(1, keepdim=True)) / (spread + 1e-4)
    source = inspect.getsource(trl.grpo)
    assert "advantages / (std_rewards + 1e-4)" in source
    assert "nanstd(rewards.view(-1, num_generations), dim=1)" in source
    ours = group_advantages(rewards)
    assert ours[0, 0].item() == pytest.approx(1.73165, abs=1e-5)
    assert theirs[0, 0].item() == pytest.approx(1.49970, abs=1e-5)
    # But for the epsilon beside the deviation the factor is sqrt(G / (G - 1)).
    assert torch.allclose(ours / theirs, torch.full_like(ours, (4 / 3) ** 0.5), rtol=1e-4)


# --- from tokens on ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(trl) -> tuple[LanguageModel, LanguageModel]:
    """The same small model twice; the second carries TRL's head."""
    ours = small_model(dtype=F64)
    theirs = LanguageModel(copy.deepcopy(ours.module), ours.tokenizer, "theirs", "a copy")
    theirs.module.set_attn_implementation("sdpa")
    trl.utils.add_fused_lm_head(theirs.module, outputs=FIELDS)
    return ours, theirs


@pytest.fixture
def rows() -> list[Tokens]:
    """Six ragged rows; two prompts of three answers each, one of a single token."""
    ids = torch.randint(4, 20, (6, 20), generator=torch.Generator().manual_seed(8)).tolist()
    prompts = [ids[0][:5], ids[3][:2]]
    return [
        Tokens((*prompts[i // 3], *ids[i][: n - 1], 2), len(prompts[i // 3]))
        for i, n in enumerate(LENGTHS)
    ]


def right_padded(rows: list[Tokens]) -> dict[str, Tensor]:
    """What TRL's collator makes of ``rows``."""
    shape = len(rows), max(len(r.ids) for r in rows)
    ids, attention, labels = (torch.zeros(shape, dtype=torch.int64) for _ in range(3))
    for b, row in enumerate(rows):
        ids[b, : len(row.ids)] = torch.tensor(row.ids)
        attention[b, : len(row.ids)] = 1
        labels[b, row.prompt_length : len(row.ids)] = 1
    return {"input_ids": ids, "attention_mask": attention, "completion_mask": labels}


def assert_same_step(both: tuple[LanguageModel, LanguageModel], ours: Any, theirs: Any) -> None:
    """Equal losses and equal gradients of every weight."""
    losses: list[Tensor] = []

    def run(loss: Any) -> None:
        losses.append(loss())
        losses[-1].backward()

    a, b = gradients(both[0], lambda: run(ours)), gradients(both[1], lambda: run(theirs))
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=HEAD, abs=0)
    assert a.norm() > 1e-3
    assert relative(a, b) < HEAD


def test_sft_from_tokens_to_weights_is_trl_s(trl, both, rows):
    batch = pack(rows, range(6))
    inputs = right_padded(rows)
    inputs["labels"] = inputs["input_ids"].masked_fill(inputs.pop("completion_mask") == 0, -100)
    total = sum(LENGTHS)
    assert_same_step(
        both,
        lambda: sft_loss(completion_logprobs(both[0], batch), batch.completion_mask, total),
        lambda: sft_theirs(trl, both[1].module, dict(inputs), total),
    )


def test_dpo_from_tokens_to_weights_is_trl_s(trl, both, rows):
    batch = pack(rows, range(6))  # rows 0 to 2 chosen, 3 to 5 rejected
    ref = noise(9, 2, 3, scale=20.0) - 20
    inputs = right_padded(rows) | {
        "ref_chosen_logps": ref[0],
        "ref_rejected_logps": ref[1],
    }

    def ours() -> Tensor:
        chosen, rejected = completion_logprobs(both[0], batch).sum(-1).chunk(2)
        return dpo_loss(chosen, rejected, ref[0], ref[1], 0.1).mean()

    assert_same_step(both, ours, lambda: dpo_theirs(trl, both[1].module, inputs, 0.1))


@pytest.mark.parametrize("beta", [0.0, 0.04])
def test_grpo_from_tokens_to_weights_is_trl_s(trl, both, rows, beta):
    batch = pack(rows, range(6))
    with torch.no_grad():
        start = completion_logprobs(both[0], batch)
    old, ref = start + noise(10, 6, 6, scale=0.4), start + noise(11, 6, 6, scale=0.5)
    advantages = group_advantages(torch.tensor([[1.0, 0, 0], [0, 1, 0.3]], dtype=F64)).flatten()
    prompt = torch.zeros(6, 5, dtype=torch.int64)  # TRL pads prompts on the left
    completion = torch.zeros(6, 6, dtype=torch.int64)
    for b, row in enumerate(rows):
        prompt[b, 5 - row.prompt_length :] = torch.tensor(row.ids[: row.prompt_length])
        completion[b, : row.completion_length] = torch.tensor(row.completion)
    inputs = {
        "prompt_ids": prompt,
        "prompt_mask": (prompt > 0).long(),
        "completion_ids": completion,
        "completion_mask": batch.completion_mask.long(),
        "advantages": advantages,
        "old_per_token_logps": old,
        "ref_per_token_logps": ref,
    }

    def ours() -> Tensor:
        logp = completion_logprobs(both[0], batch)
        return grpo_loss(logp, old, batch.completion_mask, advantages, 6, 0.2, beta, ref)

    assert_same_step(both, ours, lambda: grpo_theirs(trl, both[1].module, inputs, beta))


@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.0])
def test_log_probs_are_trl_s_at_any_temperature(trl, temperature):
    hidden, weight = noise(12, 9, 8), noise(13, 30, 8, scale=3.0)
    labels = torch.arange(9)
    ours = head_logprobs(hidden, weight, labels, temperature=temperature, chunk=4)
    theirs = trl.utils.selective_log_softmax((hidden @ weight.T)[None], labels[None], temperature)
    assert relative(ours, theirs[0]) < SAME

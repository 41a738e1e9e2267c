"""TRL's side: its trainers as they are, their own ``train()`` loop, timed by a callback.

The clock runs from ``on_step_begin`` to ``on_step_end``: every micro-batch of an optimiser step,
the clip and the update (for GRPO the sampling too); TRL collates SFT and DPO batches before it.
Configured to our definitions: mean over answer tokens, sigmoid DPO, ``grpo`` aggregation. No
logging, saving, evaluation, workers or gradient checkpointing; rows of like length share a batch
where the trainer can do that, and ``padding_free`` is tried where it can do that.

Two costs are the trainers' own and are left as they are: without Triton (on a CPU) the head scores
prompt and padding positions too, and GRPO pads every micro-batch to the longest row of the step.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from methods.engine import smollm2
from tests.benchmarks.peers.gate import Gate
from tests.benchmarks.peers.setup import BETA, LEARNING_RATE, Spec
from tests.benchmarks.peers.workload import MAX_NEW_TOKENS, SEED, Workload, reward

_ENOUGH_STEPS = 100_000  # more than are ever asked for


class _Finished(Exception):
    """No more steps are asked for: the way out of the trainer's loop."""


class _Turns(TrainerCallback):
    """Lets one optimiser step through for each request."""

    def __init__(self, gate: Gate, workload: Workload) -> None:
        self.gate, self.workload = gate, workload
        self.tokens = workload.tokens  # a sampling trainer counts its own

    def on_train_begin(self, args, state, control, **kwargs):
        self.gate.say(ready=True, fingerprint=self.workload.fingerprint())

    def on_step_begin(self, args, state, control, **kwargs):
        if not self.gate.open():
            raise _Finished

    def on_step_end(self, args, state, control, **kwargs):
        self.gate.close(self.tokens)


def run(spec: Spec, workload: Workload, gate: Gate) -> None:
    """Steps for as long as the gate asks for them."""
    # The same weights, in transformers' own hands: our loader puts its own attention in.
    folder = smollm2.prepare(Path(spec.cache_dir), offline=True)
    turns = _Turns(gate, workload)
    given = {
        "model": AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
        "processing_class": PreTrainedTokenizerFast.from_pretrained(folder, padding_side="left"),
        "callbacks": [turns],
    }
    trainer = _MAKERS[workload.name](spec, workload, turns, given)
    _keep_first_gradient(trainer, spec)
    try:
        trainer.train()
    except _Finished:
        return


def _arguments(spec: Spec, workload: Workload, rows_per_item: int = 1) -> dict[str, Any]:
    """What every trainer is told. An item is a demonstration, a pair or a sampled answer."""
    settings = dict(spec.settings)
    at_once = settings.pop("per_device_train_batch_size")
    return {
        "output_dir": spec.scratch,
        "per_device_train_batch_size": at_once,
        "gradient_accumulation_steps": workload.batch // rows_per_item // at_once,
        "max_steps": _ENOUGH_STEPS,
        "learning_rate": LEARNING_RATE,
        "lr_scheduler_type": "constant",
        "optim": "adamw_torch_fused",
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "gradient_checkpointing": False,
        "bf16": spec.precision == "bfloat16",
        "use_cpu": spec.device == "cpu",
        "logging_strategy": "no",
        "save_strategy": "no",
        "eval_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": spec.device != "cpu",
        "seed": SEED,
        **settings,
    }


def _sft(spec: Spec, workload: Workload, turns: _Turns, given: dict[str, Any]) -> SFTTrainer:
    rows = [
        {
            "input_ids": [*row.prompt, *row.answer],
            "labels": [-100] * len(row.prompt) + list(row.answer),
        }
        for row in workload.rows
    ]
    args = SFTConfig(
        **_arguments(spec, workload),
        loss_type="nll",  # in chunks, without the full logits
        max_length=None,
        train_sampling_strategy="group_by_length",
    )
    return SFTTrainer(args=args, train_dataset=Dataset.from_list(rows), **given)


class _TokenisedDPO(DPOTrainer):
    """Takes pairs that are token ids already, as the trainer's own preparation would leave them."""

    def _prepare_dataset(self, dataset, *args, **kwargs):
        return dataset


def _dpo(spec: Spec, workload: Workload, turns: _Turns, given: dict[str, Any]) -> DPOTrainer:
    pairs = [
        {
            "prompt_ids": list(win.prompt),
            "chosen_ids": list(win.answer),
            "rejected_ids": list(lose.answer),
            "length": len(win.prompt) + max(len(win.answer), len(lose.answer)),
        }
        for win, lose in zip(workload.rows[::2], workload.rows[1::2], strict=True)
    ]
    args = DPOConfig(
        **_arguments(spec, workload, rows_per_item=2),
        beta=BETA,
        loss_type="sigmoid",
        precompute_ref_log_probs=True,
        max_length=None,
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,  # it would remove the lengths; the collator takes what it knows
    )
    return _TokenisedDPO(args=args, train_dataset=Dataset.from_list(pairs), **given)


def _grpo_config(spec: Spec, workload: Workload) -> GRPOConfig:
    return GRPOConfig(
        **_arguments(spec, workload),
        loss_type="grpo",
        beta=0.0,
        epsilon=0.2,
        num_generations=workload.group,
        num_iterations=1,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        scale_rewards="group",
        max_completion_length=MAX_NEW_TOKENS,
    )


class _GivenAnswers(GRPOTrainer):
    """Takes the sampled and scored batch as given; everything after it is the trainer's own."""

    given: dict[str, torch.Tensor]

    def _generate_and_score_completions(self, inputs):
        return dict(self.given)


def _grpo_update(spec: Spec, workload: Workload, turns: _Turns, given: dict[str, Any]):
    prompts = [{"prompt": str(i)} for i in range(len(workload.rows) // workload.group)]
    trainer = _GivenAnswers(
        args=_grpo_config(spec, workload),
        train_dataset=Dataset.from_list(prompts),
        reward_funcs=_no_reward,
        **given,
    )
    trainer.given = _scored(workload, given["processing_class"].pad_token_id, spec.device)
    return trainer


def _no_reward(completions, **kwargs):
    raise AssertionError("the advantages are given")


def _scored(workload: Workload, pad_id: int, device: str) -> dict[str, torch.Tensor]:
    """The batch as ``_generate_and_score_completions`` gives it: prompts padded on the left."""
    prompt = max(len(row.prompt) for row in workload.rows)
    answer = max(len(row.answer) for row in workload.rows)
    count = len(workload.rows)
    out = {
        "prompt_ids": torch.full((count, prompt), pad_id),
        "prompt_mask": torch.zeros((count, prompt), dtype=torch.int64),
        "completion_ids": torch.full((count, answer), pad_id),
        "completion_mask": torch.zeros((count, answer), dtype=torch.int64),
        "advantages": torch.tensor(workload.advantages),
    }
    for i, row in enumerate(workload.rows):
        out["prompt_ids"][i, prompt - len(row.prompt) :] = torch.tensor(row.prompt)
        out["prompt_mask"][i, prompt - len(row.prompt) :] = 1
        out["completion_ids"][i, : len(row.answer)] = torch.tensor(row.answer)
        out["completion_mask"][i, : len(row.answer)] = 1
    out["num_items_in_batch"] = out["completion_mask"].sum()
    return {name: tensor.to(device) for name, tensor in out.items()}


def _grpo_step(spec: Spec, workload: Workload, turns: _Turns, given: dict[str, Any]):
    lengths = {t: len(r.prompt) for t, r in zip(workload.texts, workload.rows, strict=True)}

    def score(prompts, completions, completion_ids, **kwargs):
        turns.tokens = sum(lengths[p] for p in prompts) + sum(map(len, completion_ids))
        return [reward(text) for text in completions]

    trainer = GRPOTrainer(
        args=_grpo_config(spec, workload),
        train_dataset=Dataset.from_list([{"prompt": text} for text in workload.texts]),
        reward_funcs=score,
        **given,
    )
    if trainer._tokenize_prompts(list(workload.texts))[0] != [
        list(r.prompt) for r in workload.rows
    ]:
        raise RuntimeError("TRL's prompts are not the workload's token ids")
    return trainer


def _keep_first_gradient(trainer: Any, spec: Spec) -> None:
    """Write the first step's gradient down where the trainer clips it: after all micro-batches."""
    clip = trainer.accelerator.clip_grad_norm_

    def watched(parameters, *args, **kwargs):
        parameters = list(parameters)
        if trainer.state.global_step == 0:
            spec.keep_gradient(parameters)
        return clip(parameters, *args, **kwargs)

    trainer.accelerator.clip_grad_norm_ = watched


_MAKERS = {"sft": _sft, "dpo": _dpo, "grpo-update": _grpo_update, "grpo-step": _grpo_step}

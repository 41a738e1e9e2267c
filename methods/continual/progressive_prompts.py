"""Progressive prompts: the model is frozen, and each task adds a soft prompt before the others'.

Paper: arXiv 2301.12314 (Razdaibiedina et al., *Progressive Prompts: Continual Learning for Language
Models*). Task k trains P_k, l vectors that stand where embedded tokens would, behind which come the
frozen prompts of the tasks before and then the text:

    max over P_k of  sum over (x, y) of log pi(y | [P_k, ..., P_1, x])

A text of task i is read behind [P_i, ..., P_1]: which task it is of is known. So nothing that was
learned is ever changed, and backward transfer is zero.

Departures from the paper
1. P_k is trained as it is; the paper passes it through a small residual network while it trains,
   which it found to be steadier.
2. A decoder, where the paper has BERT and T5; P_k begins as embeddings of tokens drawn at random.
3. Texts of a task that has no prompt yet are read behind the prompts that there are, so that
   forward transfer can be measured; texts of no task at all behind none.

Checked against: the frozen model on the same embedded vectors, value and gradient; peft's prompt
tuning with the prompts joined; earlier tasks' numbers, which must not change by a bit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from methods.continual.loop import Prefixed, Stream
from methods.continual.options import SMOLLM2, TINY, StreamOptions
from methods.engine.model import LanguageModel
from methods.engine.options import option
from methods.engine.run import Run


class Config(StreamOptions):
    """Options of progressive prompts."""

    lora: ClassVar[None] = None  # the weights are frozen: there is no adapter beside the prompts

    prompt_length: int = option(
        10, "l, vectors of each task's prompt", source="ours", unit="vectors", ge=1, le=512
    )
    learning_rate: float = option(
        0.03, "peak learning rate of AdamW in each task", source="ours", gt=0, lt=1
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": TINY, "smollm2-135m": {**SMOLLM2, "learning_rate": 0.03},
}  # fmt: skip
_NAME = "prompt"


class PromptedEmbedding(nn.Module):
    """The model's embeddings; ids from the vocabulary's height on are vectors of prompts.

    First the ``length`` of the prompt that is trained, then those of the frozen ones, in order of
    their tasks.
    """

    def __init__(self, base: nn.Embedding, length: int) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.height = len(base.weight)
        self.prompt = nn.Parameter(base.weight.detach().new_zeros(length, base.weight.shape[1]))
        self.register_buffer("frozen", base.weight.detach()[:0].clone(), persistent=False)

    def freeze(self, prompt: Tensor) -> None:
        """Add a finished prompt to the frozen ones."""
        self.frozen = torch.cat([self.frozen, prompt.to(self.frozen)])

    def forward(self, ids: Tensor) -> Tensor:
        """(...) token ids -> (..., D)."""
        soft = ids >= self.height
        words = self.base(ids.masked_fill(soft, 0))
        table = torch.cat([self.prompt, self.frozen])
        vectors = table[(ids - self.height).clamp(min=0)]
        return torch.where(soft[..., None], vectors.to(words.dtype), words)


def virtual_ids(height: int, length: int, count: int, current: int) -> tuple[int, ...]:
    """Ids of [P_count, ..., P_1]; prompt ``current`` (from 0) is the one that is trained.

    >>> virtual_ids(100, 2, 3, 2)
    (100, 101, 104, 105, 102, 103)
    """
    places = (0 if task == current else 1 + task for task in reversed(range(count)))
    return tuple(height + place * length + i for place in places for i in range(length))


class Prompts:
    """The prompts as the engine asks of an adapter, and as PEFT's prompt tuning stores them."""

    def __init__(self, embedding: PromptedEmbedding, name: str) -> None:
        self.embedding, self.name = embedding, name

    @contextmanager
    def disable_adapter(self) -> Iterator[None]:
        """Without their ids no prompt is read."""
        yield

    def save_pretrained(self, folder: Path | str, *, state_dict: Mapping[str, Tensor]) -> None:
        """Write all prompts joined, the newest first, as PEFT reads them."""
        from safetensors.torch import save_file  # imports torch, and the options are read without

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (newest,) = (t for name, t in state_dict.items() if name.endswith(f".{_NAME}"))
        length = len(newest)
        older = reversed(self.embedding.frozen.detach().cpu().split(length))
        joined = torch.cat([newest, *(p for p in older if len(p))]).contiguous()
        save_file(
            {"prompt_embeddings": joined}, folder / "adapter_model.safetensors",
            metadata={"format": "pt"},
        )  # fmt: skip
        config = {
            "peft_type": "PROMPT_TUNING", "task_type": "CAUSAL_LM", "inference_mode": True,
            "num_virtual_tokens": len(joined), "token_dim": joined.shape[1],
            "num_transformer_submodules": 1, "prompt_tuning_init": "RANDOM",
            "base_model_name_or_path": self.name,
        }  # fmt: skip
        text = json.dumps(config, indent=2, sort_keys=True) + "\n"
        (folder / "adapter_config.json").write_text(text, encoding="utf-8")


def prompted(policy: LanguageModel, length: int) -> tuple[Prefixed, PromptedEmbedding]:
    """``policy`` frozen, with an embedding that has room for prompts of ``length`` vectors."""
    policy.module.requires_grad_(False)
    embedding = PromptedEmbedding(policy.module.get_input_embeddings(), length)
    policy.module.set_input_embeddings(embedding)
    model = Prefixed(**{f.name: getattr(policy, f.name) for f in fields(policy)})
    model.adapter = Prompts(embedding, policy.name)
    return model, embedding


def run(run: Run, config: Config) -> None:
    """Train a prompt for each task before those of the earlier ones; every task after each."""
    length = config.prompt_length
    made: list[PromptedEmbedding] = []

    def drawn(task: int) -> Tensor:
        words = made[0].base.weight.detach()
        g = run.generator("prompt", task)
        chosen = torch.randint(len(words), (length,), generator=g, device=g.device)
        return words[chosen.to(words.device)]

    def begin(policy: LanguageModel) -> LanguageModel:
        model, embedding = prompted(policy, length)
        made.append(embedding)
        embedding.prompt.data = drawn(0).clone()
        return model

    def prefix(task: int, available: int) -> tuple[int, ...]:
        count = min(task + 1, available, frozen + 1)
        return virtual_ids(made[0].height, length, count, frozen)

    frozen = 0
    stream = Stream(run, config, begin, prefix)
    (name,) = stream.trained()

    def recall(task: int, opening: bool) -> None:
        nonlocal frozen
        while stream.helps and frozen < task:
            made[0].freeze(stream.kept(f"prompt-{frozen}", stream.weights)[name])
            frozen += 1
            if opening:
                stream.assign({name: drawn(frozen)})

    for step, _ in stream.steps(recall):
        stream.learn(step, stream.rows(step))
    stream.finish()

"""NEFTune: supervised fine-tuning with uniform noise on the embeddings of what is read.

Paper: arXiv 2310.05914 (Jain et al., *NEFTune: Noisy Embeddings Improve Instruction Finetuning*),
Algorithm 1. In training alone, the embeddings X (L, d) of a row of L tokens become

    X' = X + alpha / sqrt(L d) * eps,    eps ~ Uniform(-1, 1) of shape (L, d)

whose expected length is about alpha / sqrt(3), whatever the row's length and the model's width. The
loss is that of supervised fine-tuning; held-out loss and samples are measured without noise.

Departures from the paper
1. L is the row's own length. The paper says sequence length; an implementation that pads and takes
   the width of its rectangle, as the authors' does, gives a short row less noise, the less the
   longer its neighbours.
2. A row's noise follows from the seed, the step and its place in the step, so that micro-batches,
   their order and the number of processes change nothing.
3. Steps are counted, not epochs, and AdamW's moments are torch's.

Checked against: the bound, the variance and the expected length of the noise; transformers' hook on
one row alone (the same scale) and on a padded one (a smaller one, the knob "L").
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from methods.engine.batch import Tokens, pack
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.options import option
from methods.engine.run import Run
from methods.finetune.loop import supervised
from methods.finetune.options import SMOLLM2, TINY, SupervisedOptions
from methods.finetune.sft import sft_loss


class Config(SupervisedOptions):
    """Options of NEFTune."""

    alpha: float = option(
        5.0,
        "size of the noise: the expected length of a row's noise is about alpha / sqrt(3)",
        source="the least of the paper's 5, 10 and 15; the authors' example",
        gt=0,
    )
    learning_rate: float = option(
        5e-5,
        "peak learning rate of AdamW",
        source="paper, its appendix; the authors' example",
        gt=0,
        lt=1,
    )
    schedule: Literal["constant", "linear", "cosine"] = option(
        "cosine", "after the warm-up: kept, or falling to zero", source="ours, as for sft"
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": {**TINY, "alpha": 0.5}, "smollm2-135m": SMOLLM2}


def embedding_noise(length: int, width: int, alpha: float, generator: torch.Generator) -> Tensor:
    """Noise for the embeddings of one row of ``length`` tokens: (length, width) float32.

    Uniform on +- alpha / sqrt(length * width), so of variance alpha^2 / (3 length width).
    """
    unit = torch.rand(length, width, generator=generator, device=generator.device) * 2 - 1
    return unit * (alpha / math.sqrt(length * width))


@contextmanager
def noisy_embeddings(policy: LanguageModel, noises: Sequence[Tensor]) -> Iterator[None]:
    """Inside, one pass over rows that share nothing reads its embeddings with noise.

    ``noises``: (tokens read, width) of each row, in the order of the batch.
    """

    def add(module: torch.nn.Module, args: tuple[Tensor], embedded: Tensor) -> Tensor:
        if policy.ragged:
            noise = torch.cat(list(noises))[None]
        else:  # such a model is handed its rows padded behind
            noise = torch.nn.utils.rnn.pad_sequence(list(noises), batch_first=True)
        return embedded + noise.to(embedded)

    hook = policy.module.get_input_embeddings().register_forward_hook(add)
    try:
        yield
    finally:
        hook.remove()


def noisy(
    policy: LanguageModel,
    step: int,
    rows: Sequence[Tokens],
    group: Sequence[int],
    *,
    run: Run,
    alpha: float,
) -> tuple[Tensor, Tensor]:
    """Log-probs (B, C) in nats of the answers of ``group`` read with noise, and their mask."""
    # Rows that begin alike have noise of their own, so their beginnings are not computed once.
    batch = pack(rows, group, policy.device, share=False)
    width = policy.module.get_input_embeddings().weight.shape[1]
    # The last token of a row is in its length and is read by nobody.
    noises = [
        embedding_noise(len(rows[i].ids), width, alpha, run.generator("noise", step, i))[:-1]
        for i in group
    ]
    with noisy_embeddings(policy, noises):
        return completion_logprobs(policy, batch), batch.completion_mask


def run(run: Run, config: Config) -> None:
    """Train on demonstrations read with noise; held-out loss and, where checked, accuracy."""
    supervised(run, config, sft_loss, forward=partial(noisy, run=run, alpha=config.alpha))

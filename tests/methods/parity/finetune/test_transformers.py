"""NEFTune beside the hook of transformers, which TRL's trainer uses too; both draw the same bits."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor
from transformers.integrations.neftune import neftune_post_forward_hook

from methods.finetune.neftune import embedding_noise
from tests.methods.parity.held import held

ALPHA, WIDTH, SHORT, LONG = 5.0, 6, 3, 7
ROUNDING = 1e-6  # the noise is drawn in float32 by both


def embedded(length: int) -> Tensor:
    draw = torch.Generator().manual_seed(length)
    return torch.randn(length, WIDTH, generator=draw, dtype=torch.float64)


def ours(x: Tensor) -> Tensor:
    noise = embedding_noise(len(x), WIDTH, ALPHA, torch.Generator().manual_seed(9))
    return (x + noise).square().sum()


def by_transformers(width: int):
    """The loss of a row at the front of a batch that is ``width`` tokens wide."""

    def loss(x: Tensor) -> Tensor:
        module = SimpleNamespace(training=True, neftune_noise_alpha=torch.tensor(ALPHA).item())
        padded = torch.zeros(2, width, WIDTH)
        with torch.random.fork_rng():
            torch.manual_seed(9)
            noise = neftune_post_forward_hook(module, None, padded)[0, : len(x)]
        return (x + noise.double()).square().sum()

    return loss


def test_the_noise_of_a_row_is_transformers_where_nothing_is_padded() -> None:
    held(
        "neftune", "transformers", "neftune_post_forward_hook, a row as wide as its batch",
        ours, by_transformers(LONG), [embedded(LONG)], rounding=ROUNDING,
    )  # fmt: skip


def test_transformers_counts_padding_and_gives_a_short_row_less_noise() -> None:
    held(
        "neftune", "transformers", "neftune_post_forward_hook, a row of 3 tokens padded to 7",
        ours, by_transformers(LONG), [embedded(SHORT)],
    )  # fmt: skip

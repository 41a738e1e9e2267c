"""The noise of NEFTune: how large it is, whose it is, and that it is gone once training is over."""

from __future__ import annotations

import math
from functools import partial
from zlib import crc32

import pytest
import torch

from methods.engine.batch import Tokens, pack
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.finetune.neftune import embedding_noise, noisy, noisy_embeddings
from tests.engine.conftest import gradients, own_attention, relative, small_model
from tests.methods.test_steps import SmallRun

F64 = torch.float64
ROWS = [
    Tokens((5, 6, 7, 8, 9, 10, 11, 12, 4, 3, 2)[:n], p)
    for n, p in ((3, 2), (7, 1), (11, 9), (11, 4), (2, 1))
]


class SeededRun(SmallRun):
    """A run whose generators follow from all of their purpose, as a real run's do."""

    def generator(self, *purpose: str | int) -> torch.Generator:
        return torch.Generator().manual_seed(crc32(repr((self.seed, purpose)).encode()))


def drawn(length: int, width: int, alpha: float, seed: int = 0) -> torch.Tensor:
    return embedding_noise(length, width, alpha, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("length", "width", "alpha"), [(1, 4096, 5.0), (64, 64, 15.0)])
def test_noise_is_uniform_on_alpha_over_the_square_root_of_length_times_width(
    length: int, width: int, alpha: float
) -> None:
    noise, bound = drawn(length, width, alpha), alpha / math.sqrt(length * width)
    assert 0.99 * bound < noise.abs().max() <= bound
    spread = bound / math.sqrt(3)
    assert abs(noise.mean()) < 4 * spread / math.sqrt(noise.numel())
    assert noise.std().item() == pytest.approx(spread, rel=0.05)


@pytest.mark.parametrize("length", [1, 7, 300])
def test_the_noise_of_a_row_is_about_alpha_over_the_square_root_of_three_long(length: int) -> None:
    for width in (128, 576):
        found = drawn(length, width, 5.0).norm().item()
        assert found == pytest.approx(5 / math.sqrt(3), rel=0.15)


def log_probs(model: LanguageModel, group: list[int], step: int = 1, alpha: float = 2.0):
    logp, mask = noisy(model, step, ROWS, group, run=SeededRun(model), alpha=alpha)
    return {i: logp[place][mask[place]] for place, i in enumerate(group)}


def test_a_row_s_noise_follows_from_its_place_in_the_step_and_not_from_its_company() -> None:
    model = small_model(dtype=F64)
    whole = log_probs(model, [0, 1, 2, 3, 4])
    for groups in ([[0], [1], [2], [3], [4]], [[4, 2], [3, 0, 1]]):
        for group in groups:
            for i, logp in log_probs(model, group).items():
                assert torch.allclose(logp, whole[i], rtol=0, atol=1e-12)


def test_rows_that_begin_alike_have_noise_of_their_own() -> None:
    model = small_model(dtype=F64)
    twins = [Tokens((5, 6, 7, 8, 9, 10, 11, 12, 4, 3, 2), 9)] * 2
    logp, _ = noisy(model, 1, twins, [0, 1], run=SeededRun(model), alpha=2.0)
    assert (logp[0] - logp[1]).abs().max() > 1e-3


def test_every_step_has_other_noise_and_a_step_taken_again_the_same() -> None:
    model = small_model(dtype=F64)
    first, second, again = (log_probs(model, [1], step)[1] for step in (1, 2, 1))
    assert torch.equal(first, again) and (first - second).abs().max() > 1e-3


def test_noise_of_no_size_is_the_plain_forward_pass() -> None:
    model = small_model(dtype=F64)
    plain = completion_logprobs(model, pack(ROWS, [0, 1, 2]))
    found = log_probs(model, [0, 1, 2], alpha=1e-300)
    assert all(torch.allclose(found[i], plain[i][: len(found[i])], atol=1e-12) for i in range(3))


def test_a_model_that_is_handed_padded_rows_reads_the_same_noise() -> None:
    model = small_model(dtype=F64)
    ragged = log_probs(model, [0, 1, 2, 3])
    with own_attention(model):
        model.ragged = False
        padded = log_probs(model, [0, 1, 2, 3])
    for i in ragged:
        assert torch.allclose(ragged[i], padded[i], rtol=0, atol=1e-10)


def test_outside_of_training_there_is_no_noise_also_where_a_pass_failed() -> None:
    model = small_model(dtype=F64)
    before = completion_logprobs(model, pack(ROWS, [0, 1]))
    log_probs(model, [0, 1])
    with pytest.raises(RuntimeError, match="size"), noisy_embeddings(model, [torch.zeros(2, 32)]):
        completion_logprobs(model, pack(ROWS, [0, 1]))
    assert torch.equal(completion_logprobs(model, pack(ROWS, [0, 1])), before)


def test_noise_added_by_hand_to_the_embeddings_gives_the_same_loss_and_gradient() -> None:
    model, row, run = small_model(dtype=F64), ROWS[2], SeededRun(small_model())
    noise = embedding_noise(len(row.ids), 32, 3.0, run.generator("noise", 4, 2))

    def by_hand() -> None:
        ids = torch.tensor([row.ids])
        with own_attention(model):
            embedded = model.module.get_input_embeddings()(ids) + noise.double()
            logits = model.module(inputs_embeds=embedded, use_cache=False).logits[0]
        logp = logits[:-1].log_softmax(-1).gather(-1, ids[0, 1:, None])
        (-logp[row.prompt_length - 1 :].sum()).backward()

    def ours() -> None:
        forward = partial(noisy, run=run, alpha=3.0)
        (-forward(model, 4, ROWS, [2])[0].sum()).backward()

    assert relative(gradients(model, ours), gradients(model, by_hand)) < 1e-10

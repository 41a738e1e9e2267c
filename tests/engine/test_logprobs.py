from __future__ import annotations

import pytest
import torch

from methods.engine.batch import Tokens, pack
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from tests.engine.conftest import gradients, plain_logprobs, relative


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("chunk", [1, 4, 512])
def test_log_probs_are_those_of_the_whole_logits_of_each_row_alone(
    model64: LanguageModel, rows: list[Tokens], temperature: float, share: bool, chunk: int
) -> None:
    batch = pack(rows, range(len(rows)), share=share)
    ours = completion_logprobs(model64, batch, temperature=temperature, chunk=chunk)
    for place, row in enumerate(rows):
        expected = plain_logprobs(model64, row, temperature)
        assert torch.allclose(ours[place, : row.completion_length], expected, rtol=0, atol=1e-12)
        assert not ours[place, row.completion_length :].any()


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("chunk", [1, 3, 512])
def test_gradients_do_not_depend_on_chunks_or_sharing(
    model64: LanguageModel, rows: list[Tokens], share: bool, chunk: int
) -> None:
    weights = torch.linspace(-1, 2, len(rows), dtype=torch.float64)

    def plain() -> None:
        total = sum(
            w * plain_logprobs(model64, r).sum() for w, r in zip(weights, rows, strict=True)
        )
        total.backward()

    def ours() -> None:
        batch = pack(rows, range(len(rows)), share=share)
        logp = completion_logprobs(model64, batch, chunk=chunk)
        (logp.sum(-1) * weights).sum().backward()

    assert relative(gradients(model64, ours), gradients(model64, plain)) < 1e-10


def test_the_prompt_is_read_but_not_scored(model64: LanguageModel) -> None:
    one = pack([Tokens((5, 6, 7, 8), 3)], [0])
    other = pack([Tokens((9, 6, 7, 8), 3)], [0])
    assert completion_logprobs(model64, one).shape == (1, 1)
    assert completion_logprobs(model64, one).item() != completion_logprobs(model64, other).item()


def test_bfloat16_compute_still_sums_the_normaliser_in_float32(
    model: LanguageModel, rows: list[Tokens]
) -> None:
    batch = pack(rows, range(len(rows)))
    exact = completion_logprobs(model, batch)
    model.precision = "bfloat16"
    rounded = completion_logprobs(model, batch)
    assert rounded.dtype == torch.float32
    # bfloat16 keeps 8 bits: a few percent of each logit, never a broken sum.
    assert torch.allclose(rounded, exact, rtol=0.1, atol=0.3)
    assert (rounded <= 1e-6).all()

"""Numbers as text and back, and the law over all numbers against brute force over all strings."""

from __future__ import annotations

import itertools

import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from methods.engine.errors import MethodError
from methods.engine.model import LanguageModel
from methods.engine.tiny import Recipe, untrained
from methods.incontext.digits import (
    Scale,
    alphabet,
    codes_of,
    next_log_masses,
    text,
)
from tests.engine.conftest import norms_in_float64, own_attention

F64 = torch.float64
SERIES = [[3, 71, 50, 28], [99, 0], [12, 12, 12, 12, 12, 12]]  # ragged
LENGTHS = [[0, 1, 3, 4], [2], [6, 2]]


def reader(characters: str = "0123456789,", seed: int = 0) -> LanguageModel:
    """Two layers with random weights made sharp, float64."""
    model = untrained(characters, Recipe(1, 1, 1, layers=2, width=32, seed=seed))
    with torch.no_grad():
        for p in model.module.parameters():
            p.mul_(3.0)
    model.module.double()
    norms_in_float64(model.module)
    return model


def with_tokenizer(symbols: list[str], pattern: str) -> LanguageModel:
    """A model whose tokenizer knows ``symbols`` and cuts text by ``pattern``."""
    model = reader()
    vocabulary = {s: i for i, s in enumerate(["<pad>", "<bos>", "<eos>", "<unk>", *symbols])}
    inner = Tokenizer(models.WordLevel(vocabulary, "<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    inner.decoder = decoders.Fuse()
    model.tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<bos>", eos_token="<eos>", unk_token="<unk>"
    )
    model.module.resize_token_embeddings(len(vocabulary), mean_resizing=False)
    model.module.double()
    return model


# --- rescaling ----------------------------------------------------------------------------------


def test_a_worked_series_is_written_as_the_paper_writes_it() -> None:
    values = torch.tensor([0.2513, 5.2387, 9.7889], dtype=F64)
    scale = Scale.of(values, 3)
    codes = scale.codes(values).tolist()
    assert codes == [150, 516, 850]
    assert text(codes, 3, ",") == "150,516,850,"


@pytest.mark.parametrize("digits", [1, 2, 3])
def test_writing_and_reading_back_stays_within_half_a_bin(digits: int) -> None:
    values = torch.randn(200, generator=torch.Generator().manual_seed(1), dtype=F64) * 7 - 30
    scale = Scale.of(values, digits)
    codes = scale.codes(values)
    assert codes_of(text(codes.tolist(), digits, ","), digits, ",") == codes.tolist()
    assert (scale.values(codes) - values).abs().max() <= scale.width / 2 * (1 + 1e-6)
    # What is read back is written as before: a rollout may go on from its own predictions.
    assert scale.codes(scale.values(codes)).equal(codes)


def test_the_ends_leave_room_beyond_and_what_is_further_is_put_into_the_last_bins() -> None:
    scale = Scale(-1.0, 1.0, 2)
    assert scale.codes(torch.tensor([-1.0, 1.0])).tolist() == [15, 85]
    assert scale.codes(torch.tensor([-9.0, 9.0])).tolist() == [0, 99]
    assert len(scale.centres()) == 100 and len(scale.edges()) == 99
    assert torch.allclose(scale.edges(), (scale.centres()[1:] + scale.centres()[:-1]) / 2)


def test_a_constant_series_is_written_in_the_middle_and_read_back_as_itself() -> None:
    scale = Scale.of(torch.full((5,), 3.25), 2)
    codes = scale.codes(torch.full((5,), 3.25))
    assert codes.tolist() == [50] * 5 and scale.values(codes).tolist() == [3.25] * 5


@pytest.mark.parametrize("written", ["15,5,", "15,16", "1a,", "15,,", "015,"])
def test_what_is_no_series_is_not_read(written: str) -> None:
    with pytest.raises(ValueError, match="no series of 2-digit numbers"):
        codes_of(written, 2, ",")


# --- the law ------------------------------------------------------------------------------------


def by_brute_force(model: LanguageModel, before: str, digits: int) -> torch.Tensor:
    """The mass of every string of ``digits`` digits behind ``before``, one pass for each string."""
    ten = [model.tokenizer.convert_tokens_to_ids(d) for d in "0123456789"]
    masses = []
    for string in itertools.product(range(10), repeat=digits):
        ids = model.encode_prompt(before) + [ten[d] for d in string]
        with torch.no_grad(), own_attention(model):
            logits = model.module(torch.tensor([ids]), use_cache=False).logits[0]
        chosen = torch.log_softmax(logits[-digits - 1 : -1, ten], -1)
        masses.append(chosen[torch.arange(digits), torch.tensor(string)].sum())
    return torch.stack(masses)


@torch.no_grad()
def test_the_law_is_brute_force_over_every_string_and_sums_to_one() -> None:
    model = reader()
    found = next_log_masses(model, alphabet(model, 2, ","), SERIES, LENGTHS)
    assert [law.shape for law in found] == [(4, 100), (1, 100), (2, 100)]
    for codes, lengths, law in zip(SERIES, LENGTHS, found, strict=True):
        assert torch.allclose(law.exp().sum(1), torch.ones(len(lengths), dtype=F64), atol=1e-12)
        for n, row in zip(lengths, law, strict=True):
            expected = by_brute_force(model, text(codes[:n], 2, ","), 2)
            assert torch.allclose(row, expected, atol=1e-9)
            assert float(row.exp().max()) > 0.02  # not flat: the weights were made sharp


@torch.no_grad()
def test_three_digits_sum_to_one_over_a_thousand_numbers_and_marginals_agree() -> None:
    model = reader()
    (law,) = next_log_masses(model, alphabet(model, 3, ","), [[516, 150]], [[1, 2]])
    assert law.shape == (2, 1000)
    assert torch.allclose(law.exp().sum(1), torch.ones(2, dtype=F64), atol=1e-12)
    for string in ("007", "516", "999"):
        ids = torch.tensor([model.encode_prompt("516,150," + string)])
        ten = [model.tokenizer.convert_tokens_to_ids(d) for d in "0123456789"]
        with own_attention(model):
            logits = model.module(ids, use_cache=False).logits[0, -4:-1][:, ten]
        chosen = torch.log_softmax(logits, -1)[
            torch.arange(3), torch.tensor(list(map(int, string)))
        ]
        assert float(law[1, int(string)]) == pytest.approx(float(chosen.sum()), abs=1e-9)


@torch.no_grad()
def test_a_law_does_not_depend_on_what_is_read_beside_it_nor_on_what_comes_after() -> None:
    model = reader()
    written = alphabet(model, 2, ",")
    together = next_log_masses(model, written, SERIES, LENGTHS)
    alone = next_log_masses(model, written, [[3, 71, 50, 11]], [[3]])[0]
    assert torch.allclose(together[0][2], alone[0], atol=1e-10)


@torch.no_grad()
def test_logits_however_far_apart_give_a_law_that_is_finite() -> None:
    model = reader()
    for p in model.module.parameters():
        p.mul_(20.0)
    (law,) = next_log_masses(model, alphabet(model, 2, ","), [[5, 50]], [[2]])
    assert torch.isfinite(law).all()
    assert float(law.exp().sum()) == pytest.approx(1.0, abs=1e-9)


# --- tokenizers ---------------------------------------------------------------------------------


@torch.no_grad()
def test_a_token_for_each_whole_number_is_one_level_of_as_many_symbols() -> None:
    numbers = [f"{n:02d}" for n in range(100)]
    model = with_tokenizer([*numbers, ",", *"0123456789"], r"\d{2}|,|\d")
    written = alphabet(model, 2, ",")
    assert written.levels == 1 and len(written.symbols) == 100
    (law,) = next_log_masses(model, written, [[7, 42]], [[2]])
    with own_attention(model):
        logits = model.module(
            torch.tensor([model.encode_prompt("")[:1] + written.series([7, 42])]), use_cache=False
        ).logits[0, -1]
    expected = torch.log_softmax(logits[list(written.symbols)], -1)
    assert torch.allclose(law[0], expected, atol=1e-9)


def test_a_tokenizer_without_ten_digits_is_refused_and_no_unknown_token_stands_for_a_number() -> (
    None
):
    for model in (
        reader("012345678,"),  # no nine
        with_tokenizer([*"0123456789", ",", "12"], r"12|\d|,"),  # joins two digits
        with_tokenizer([*"0123456789", ",", ",1"], r",1|\d|,"),  # joins the separator to a digit
    ):
        with pytest.raises(MethodError, match=r"does not write 2-digit numbers.*Allowed"):
            alphabet(model, 2, ",")


def test_a_separator_that_the_model_does_not_know_is_refused() -> None:
    with pytest.raises(MethodError, match="separator"):
        alphabet(reader(), 2, ";")


def test_a_series_longer_than_the_model_reads_is_refused() -> None:
    model = reader()
    with pytest.raises(MethodError, match="reads at most 1024"):
        next_log_masses(model, alphabet(model, 2, ","), [[50] * 400], [[400]])
